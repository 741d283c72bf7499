"""What an iteration of a generator's training costs, and how much of it is waiting for data."""
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lddm_aug.configs import choose, find_config
from lddm_aug.engine.generator_training import SUMMARY, train_generator
from lddm_aug.experiments.benchmark.measure import device_name

VIDEOS = 8
FRAMES = 64


def measure_training(folder: str | Path, recipe: str = 'lddm/lddm', size: int = 64,
                     iterations: int = 20, device: torch.device | None = None,
                     command: str = '') -> list[dict[str, Any]]:
    """Train a recipe's stages for a few iterations on videos of noise.

    Args:
        folder: for data and weights; an empty one.
        size: of the clips, in pixels.
        iterations: of every stage.
        device: for the rows: a training takes the GPU where there is one.
        command: that is to stand in the rows.

    Returns:
        Two rows for each stage, dict(what, value, baseline, ratio, unit, device, command): seconds
        per iteration, and of these the seconds of waiting for data.
    """
    folder = Path(folder)
    rows = [('path', 'label', 'group', 'split')]
    random = np.random.default_rng(0)
    for number in range(2 * VIDEOS):
        video = random.rayleigh(40, (FRAMES, size, size)).clip(0, 255).astype(np.uint8)
        np.save(folder / f'{number}.npy', video)
        rows.append((f'{number}.npy', ('benign', 'malignant')[number % 2], f'p{number}',
                     'train' if number < VIDEOS else 'test'))
    with (folder / 'videos.csv').open('w', newline='') as file:
        csv.writer(file).writerows(rows)
    options = {f'{stage}.train_cfg.max_iters': iterations for stage in ('autoencoder', 'diffusion')}
    work_dir = folder / 'run'
    train_generator(find_config(recipe), work_dir, options=options,
                    choice=choose(folder, size=size))
    name = device_name(device or torch.device('cuda' if torch.cuda.is_available() else 'cpu'))
    made = []
    for stage, summary in json.loads((work_dir / SUMMARY).read_text()).items():
        seconds = summary['seconds_per_iteration']
        waited = summary['share_in_data'] * seconds
        same = dict(unit='s', device=name, command=command)
        made.append(dict(what=f'{recipe} at {size} pixels, an iteration of {stage}', value=seconds,
                         baseline=None, ratio=None, **same))
        made.append(dict(what=f'{recipe} at {size} pixels, {stage}: of it, waiting for data',
                         value=waited, baseline=seconds, ratio=waited / seconds, **same))
    return made
