"""A table of small videos and networks with random weights, for what evaluates clips."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from lpips import LPIPS
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope
from scipy.ndimage import gaussian_filter
from torch import nn

import lddm_aug  # noqa: F401  registers what the config names
from lddm_aug.configs import choose, read_config
from lddm_aug.evaluation.clip_set import ClipSet, read_split
from lddm_aug.generators.repeat_still import RepeatStill


class Recognizer(NamedTuple):
    config: Path
    checkpoint: Path


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Fourteen videos of 24 frames at 16 pixels: six groups to train, four with two to test."""
    random = np.random.default_rng(0)
    rows = ['path,label,group,split']
    for i in range(14):
        texture = gaussian_filter(random.normal(size=(24, 16, 48)), (2, 1, 1))
        video = np.clip(128 + 60 * texture / texture.std(), 0, 255).astype(np.uint8)
        np.save(tmp_path / f'{i}.npy', video[:, :, :16])
        where = f'p{i},train' if i < 6 else f'q{i // 2},test'
        rows.append(f'{i}.npy,{("benign", "malignant")[i % 2]},{where}')
    path = tmp_path / 'videos.csv'
    path.write_text('\n'.join(rows))
    return path


@pytest.fixture
def clips(videos: Path) -> tuple[ClipSet, ClipSet]:
    """Held-out and training clips in the tiny LDDM's form."""
    form = RepeatStill(16, num_frames=8)
    return read_split(videos, 'test', form), read_split(videos, 'train', form)


@pytest.fixture
def on_meta() -> RepeatStill:
    """A generator without weights whose buffer says where it computes; it tells where it is fed."""
    class OnMeta(RepeatStill):
        def forward(self, stills, seeds, labels=None):
            raise NotImplementedError(f'stills on {stills.device}')

    generator = OnMeta(16, num_frames=8)
    generator.register_buffer('table', torch.zeros(1, device='meta'))
    return generator


@pytest.fixture
def recognizer(tmp_path: Path, videos: Path) -> Recognizer:
    """The small 3D ResNet of the configs, for clips of 8 frames at 16 pixels."""
    config = read_config('recognizer', choose('phantom', recognizer='r3d'))
    config.pop('work_dir')
    init_default_scope('mmaction')
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.update(ann_file=str(videos))
        read, sample = loader.dataset.pipeline[:2]
        read.size, sample.num_frames, sample.segment_length = 16, 8, 24
    config.dump(tmp_path / 'r3d_small.py')
    torch.manual_seed(0)
    network = MODELS.build(config.model)
    network.init_weights()
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'r3d.pth')
    return Recognizer(tmp_path / 'r3d_small.py', tmp_path / 'r3d.pth')


@pytest.fixture
def vgg_path(tmp_path: Path) -> Path:
    """A small VGG of style transfer's form, which pools twice."""
    def block(before: int, after: int) -> list[nn.Module]:
        return [nn.ReflectionPad2d(1), nn.Conv2d(before, after, 3), nn.ReLU()]

    torch.manual_seed(0)
    pool = nn.MaxPool2d(2)
    network = nn.Sequential(nn.Conv2d(3, 3, 1), *block(3, 8), pool, *block(8, 16), pool,
                            *block(16, 16))
    torch.save(network.state_dict(), tmp_path / 'small_vgg.pth')
    return tmp_path / 'small_vgg.pth'


@pytest.fixture
def make_lpips(tmp_path: Path) -> Callable[[str], tuple[LPIPS, Path]]:
    """make_lpips('alex') → LPIPS on a random network, and that network as torchvision saves it."""
    def make(net: str) -> tuple[LPIPS, Path]:
        torch.manual_seed(0)
        package = LPIPS(net=net, pnet_rand=True, verbose=False)    # its own linear weights
        torch.save({'features.' + name.split('.', 1)[1]: weight
                    for name, weight in package.net.state_dict().items()}, tmp_path / f'{net}.pth')
        return package, tmp_path / f'{net}.pth'

    return make


@pytest.fixture
def make_i3d(tmp_path: Path) -> Callable[[str, int], Path]:
    """make_i3d(name, D) → TorchScript from clips to D features, in place of an I3D."""
    def make(name: str, features: int) -> Path:
        torch.manual_seed(features)
        network = nn.Sequential(nn.Conv3d(3, features, 4, stride=4), nn.ReLU(),
                                nn.AdaptiveAvgPool3d(1), nn.Flatten())
        torch.jit.script(network).save(str(tmp_path / f'{name}.pt'))
        return tmp_path / f'{name}.pt'

    return make
