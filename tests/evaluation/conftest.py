"""A table of small videos and a recognizer with random weights, for what evaluates clips."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from scipy.ndimage import gaussian_filter

import lddm_aug  # noqa: F401  registers what the config names

CONFIG = Path(__file__).parents[2] / 'mmaction_configs/r3d_phantom_real.py'


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
def recognizer(tmp_path: Path, videos: Path) -> Recognizer:
    """The small 3D ResNet of the configs, for clips of 8 frames at 16 pixels."""
    config = Config.fromfile(CONFIG)
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
