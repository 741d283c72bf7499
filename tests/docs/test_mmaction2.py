"""The configs of docs/mmaction2.md train, as they stand there but for how long."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from lddm_aug.commands import run_command
from lddm_aug.data.annotations import read_annotations
from lddm_aug.generators import LDDMGenerator, RandomWarp, save_package
from lddm_aug.synthesis.synthesize import synthesize

PAGE = (Path(__file__).parents[2] / 'docs/mmaction2.md').read_text(encoding='utf-8')
CONFIGS = {re.match(r'# (\S+\.py)\n', block)[1]: block
           for block in re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)}
SHORT = {'videos_iterations.py': {'train_cfg.max_iters': 1, 'train_cfg.val_interval': 1}}


@pytest.fixture(scope='module')
def folder(tmp_path_factory, write_video: Callable) -> Path:
    """What the page's configs read, and the configs."""
    folder = tmp_path_factory.mktemp('mmaction2')
    for name, text in CONFIGS.items():
        (folder / name).write_text(text)
    (folder / 'videos').mkdir()
    random = np.random.default_rng(0)
    lines, rows, frame_lines = {'train': [], 'test': []}, ['path,label,group,split'], []
    for number in range(4):
        frames = random.integers(256, size=(20, 64, 64, 3), dtype=np.uint8)
        split, label = ('train', 'test')[number > 1], number % 2
        write_video(folder / f'videos/v{number}.mp4', 'libx264', frames)
        lines[split].append(f'v{number}.mp4 {label}')
        rows.append(f'videos/v{number}.mp4,{("benign", "malignant")[label]},p{number},{split}')
        if split == 'train':
            (folder / f'frames/v{number}').mkdir(parents=True)
            for place, frame in enumerate(frames, 1):
                cv2.imwrite(str(folder / f'frames/v{number}/img_{place:05}.jpg'), frame)
            frame_lines.append(f'v{number} 20 {label}')
    stills = ['path,label,group']
    for number in range(4):
        cv2.imwrite(str(folder / f's{number}.png'),
                    random.integers(256, size=(64, 64), dtype=np.uint8))
        stills.append(f's{number}.png,{("benign", "malignant")[number % 2]},q{number}')
    for name, text in {'train.txt': lines['train'], 'test.txt': lines['test'],
                       'frames.txt': frame_lines, 'videos.csv': rows,
                       'stills.csv': stills}.items():
        (folder / name).write_text('\n'.join(text) + '\n')
    generator = RandomWarp(size=64, amplitude=4)
    save_package(folder / 'warp', generator, ())
    save_package(folder / 'package', small_lddm(), ())
    for store in ('store', 'other_store'):
        synthesize(generator, read_annotations(folder / 'stills.csv'), folder / store,
                   progress=False)
    return folder


def small_lddm() -> LDDMGenerator:
    """Weights as drawn; 64 × 64 pixels."""
    autoencoder = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                       decoder=dict(widths=[8, 8, 8]))
    diffusion = dict(type='LatentDiffusion', autoencoder=autoencoder, denoiser=dict(
        still_widths=[8, 8, 8], width=16, depth=1, heads=2))
    return LDDMGenerator(diffusion, size=64, steps=1)


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_of_the_page_trains(name: str, folder: Path, monkeypatch):
    monkeypatch.chdir(folder)
    options = SHORT.get(name, {'train_cfg.max_epochs': 1})
    work = Path('work') / Path(name).stem
    config = Config.fromfile(name)
    kept = []
    build = Runner.build_train_loop
    monkeypatch.setattr(Runner, 'build_train_loop', lambda self, loop: (
        kept.append(build(self, loop)) or kept[-1]))
    run_command(lambda: None, [
        'train', name, '--work-dir', str(work), '--cfg-options',
        *(f'{key}={value}' for key, value in options.items())])
    [loop] = kept
    origins = {type(part).__name__ for part in parts(loop.dataloader.dataset)}
    wanted = set(re.findall(r"type='(\w*Dataset)'", str(config.train_dataloader.to_dict())))
    assert wanted <= origins
    assert ('LDDMMixedDataset' in origins) == (name != 'videos.py')
    assert list(work.glob('*.pth'))


def parts(dataset) -> list:
    """A data set and those inside it."""
    inner = [getattr(dataset, name) for name in ('dataset', 'real', 'synthetic')
             if hasattr(dataset, name)] + list(getattr(dataset, 'datasets', ()))
    return [dataset, *(part for each in inner for part in parts(each))]
