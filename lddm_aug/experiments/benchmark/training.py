"""What an iteration of a generator's training costs, and how much of it is waiting for data."""
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.flop_counter import FlopCounterMode

from lddm_aug.configs import choose, find_config
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.generator_training import SUMMARY, train_generator
from lddm_aug.experiments.benchmark.measure import clock, device_name, matrix_rate
from lddm_aug.hardware import usual_device

VIDEOS = 8
FRAMES = 64
DRAWS = 2                                            # of each video, for a student


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
        Three rows for each stage, dict(what, value, baseline, ratio, unit, device, command):
        seconds per iteration, of these the seconds of waiting for data, and the arithmetic of an
        iteration per second, against a large matrix product.
    """
    folder, device = Path(folder), device or usual_device()
    rows = [('path', 'label', 'group', 'split')]
    random = np.random.default_rng(0)
    for number in range(2 * VIDEOS):
        video = random.rayleigh(40, (FRAMES, size, size)).clip(0, 255).astype(np.uint8)
        np.save(folder / f'{number}.npy', video)
        rows.append((f'{number}.npy', ('benign', 'malignant')[number % 2], f'p{number}',
                     'train' if number < VIDEOS else 'test'))
    with (folder / 'videos.csv').open('w', newline='') as file:
        csv.writer(file).writerows(rows)
    choice, work_dir = choose(folder, size=size), folder / 'run'
    stages = stage_configs(find_config(recipe), choice=choice)
    options: dict[str, Any] = {}
    for stage in stages:
        options[f'{stage}.train_cfg.max_iters'] = iterations
        options[f'{stage}.default_hooks.arithmetic'] = dict(
            type='CountArithmeticHook', stage=stage, device=device.type)
        if 'teacher' in stages[stage]:               # fewer paths than an iteration takes cost time
            options[f'{stage}.train_dataloader.dataset.draws'] = DRAWS
    CountArithmeticHook.rates.clear()
    train_generator(find_config(recipe), work_dir, options=options, choice=choice)
    name, limit = device_name(device), matrix_rate(device)
    made = []
    for stage, summary in json.loads((work_dir / SUMMARY).read_text()).items():
        seconds = summary['seconds_per_iteration']
        waited = summary['share_in_data'] * seconds
        same = dict(unit='s', device=name, command=command)
        made.append(dict(what=f'{recipe} at {size} pixels, an iteration of {stage}', value=seconds,
                         baseline=None, ratio=None, **same))
        made.append(dict(what=f'{recipe} at {size} pixels, {stage}: of it, waiting for data',
                         value=waited, baseline=seconds, ratio=waited / seconds, **same))
        rate = CountArithmeticHook.rates[stage]
        made.append(dict(what=f'{recipe} at {size} pixels, {stage}: against the largest rate of '
                              'arithmetic', value=rate, baseline=limit, ratio=rate / limit,
                         **same | dict(unit='GFLOP/s')))
    return made


@HOOKS.register_module()
class CountArithmeticHook(Hook):
    """GFLOP per second of a stage's iterations, of the process's own seconds on a CPU.

    They are counted in the first iteration, which takes longer for it and isn't timed.
    """

    rates: ClassVar[dict[str, float]] = {}           # of the stages that were trained last

    def __init__(self, stage: str, device: str) -> None:
        self.stage, self.device = stage, torch.device(device)
        self.counter = FlopCounterMode(display=False)
        self.start = 0.

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == 0:
            self.counter.__enter__()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if runner.iter == 0:
            self.counter.__exit__(None, None, None)
            self.start = clock(self.device)
        elif self.is_last_train_iter(runner):
            gflop = self.counter.get_total_flops() / 1e9
            self.rates[self.stage] = gflop * runner.iter / (clock(self.device) - self.start)
