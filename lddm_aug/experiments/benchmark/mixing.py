"""What a training step costs whose synthetic clips come from a store, a worker or the device."""
from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate, worker_init_fn
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from PIL import Image
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

import lddm_aug  # noqa: F401  registers the parts
from lddm_aug.configs import choose, find_config, read_config
from lddm_aug.data.annotations import read_annotations
from lddm_aug.datasets.visits import Visit, accept_visits
from lddm_aug.engine.config_stages import build_generator, stage_configs
from lddm_aug.experiments.benchmark.measure import matrix_rate, ratio_row
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.synthesis.synthesize import synthesize

CLASSES = ('benign', 'malignant')
# training set → what it is called in a row; the first is the baseline
WAYS = {
    'lddm_mix': 'read from a store',
    'lddm_online': 'made in the workers',
    'lddm_device': 'made on the device',
    'lddm_bank': 'decoded on the device from a full bank'}


@dataclass
class Way:
    """One training: what makes its batches, and a model that is trained on them."""

    dataset: Any
    model: Any
    optimizer: OptimWrapper
    batches: Iterator[dict[str, Any]]
    clock: Callable[[], float]

    def step(self) -> float:
        """Seconds of loading a batch and training on it."""
        start = self.clock()
        self.model.train_step(next(self.batches), self.optimizer)
        return self.clock() - start


def measure_mixing(folder: str | Path, recognizer: str = 'tsm', size: int = 128,
                   batch_size: int = 16, repeats: int = 5, steps: int = 1, workers: int = 0,
                   device: str = 'cpu', command: str = '', recipe: str = 'lddm/lddm'
                   ) -> list[dict[str, Any]]:
    """Median seconds of a training step by where its synthetic clips come from.

    Half of each batch is real, half synthetic.  All ways get the same real clips and stills, and
    take turns, so that what else the machine does meets them alike.  Weights are random, which
    changes no time.  Without workers, on a CPU, it counts the process's own seconds, of loading
    too; otherwise seconds of the clock, once the loaders run at their pace.

    Args:
        folder: for the data that is made; an empty one.
        recognizer: a file in _base_/models.
        size: of the clips, in pixels, before the recognizer's own pipeline.
        batch_size: clips, an even number.
        repeats: turns of every way.
        steps: of a way in its turn.
        workers: processes of each loader.
        device: where the recognizer trains.
        command: that is to stand in the rows.
        recipe: of the generator that makes clips while training.

    Returns:
        One row of `ratio_row` for each way but the baseline, a store: seconds per step.  The last
        row is the arithmetic of the baseline's step per second, against a large matrix product.

    Raises:
        ValueError: if a number makes no sense.
    """
    if batch_size < 2 or batch_size % 2:
        raise ValueError('measure_mixing: batch_size counts clips, of which half are synthesized, '
                         f'so it is even, but got {batch_size!r}')
    if min(repeats, steps) < 1 or workers < 0:
        raise ValueError('measure_mixing: repeats and steps are numbers from 1 on, workers from 0 '
                         f'on, but got {repeats!r}, {steps!r} and {workers!r}')
    MMLogger.get_current_instance().setLevel('WARNING')          # it tells of every weight
    make_data(Path(folder), size, batch_size // 2, recipe)
    configs = {name: way_config(Path(folder), name, recognizer, size) for name in WAYS}
    ways = {name: _build(config, batch_size // 2, workers, device)
            for name, config in configs.items()}
    for _ in range(1 + workers):                     # until loaders run at their pace, banks full
        for way in ways.values():
            way.step()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            seconds[name].append(statistics.mean(way.step() for _ in range(steps)))
    with FlopCounterMode(display=False) as counter:
        ways[next(iter(WAYS))].step()
    gflop = counter.get_total_flops() / 1e9
    baseline, *others = WAYS
    own = device == 'cpu' and not workers
    shape = ' × '.join(map(str, _input_shape(ways[baseline])))
    what = f'{recognizer} step, {batch_size} clips of {shape}'
    if workers:
        what += f', {workers} workers'
    rows = [ratio_row(f'{what}, half of them {WAYS[name]}, {recipe} (baseline: {WAYS[baseline]})',
                      seconds[name], seconds[baseline], 'CPU s' if own else 's',
                      torch.device(device), command) for name in others]
    return [*rows, ratio_row(
        f'{what}, half of them {WAYS[baseline]}, against the largest rate of arithmetic',
        [gflop / each for each in seconds[baseline]],
        [matrix_rate(torch.device(device))] * repeats, 'GFLOP/s', torch.device(device), command)]


def make_data(folder: Path, size: int, count: int, recipe: str = 'lddm/lddm') -> None:
    """Videos, stills, a package and a store of noise, `count` of each but the package."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    rows: dict[str, list[tuple[str, ...]]] = {'videos': [], 'stills': []}
    for number in range(count):
        label = CLASSES[number % 2]
        clip = random.rayleigh(40, (16, size, size)).clip(0, 255).astype(np.uint8)
        np.save(folder / f'v{number}.npy', clip)
        Image.fromarray(clip[0]).save(folder / f's{number}.png')
        rows['videos'].append((f'v{number}.npy', label, f'p{number}', 'train'))
        rows['stills'].append((f's{number}.png', label, f'q{number}', 'train'))
    for name, lines in rows.items():
        with (folder / f'{name}.csv').open('w', newline='') as file:
            csv.writer(file).writerows([('path', 'label', 'group', 'split'), *lines])
    *_, last = stage_configs(find_config(recipe), choice=choose('phantom', size=size)).values()
    save_package(folder / 'package', build_generator(last), ())
    still = RepeatStill(size=size)
    save_package(folder / 'still', still, ())
    synthesize(still, read_annotations(folder / 'stills.csv'), folder / 'store', progress=False)


def way_config(folder: Path, training_set: str, recognizer: str, size: int) -> Config:
    """A recognizer's config whose training set reads what `make_data` made."""
    config = read_config('recognizer', choose('phantom', recognizer=recognizer,
                                              training_set=training_set, size=size))
    mix = config.train_dataloader.dataset
    mix.real.update(ann_file=str(folder / 'videos.csv'), classes=CLASSES)
    if 'store' in mix.synthetic:
        mix.synthetic.update(store=str(folder / 'store'), classes=CLASSES)
    else:
        mix.synthetic.update(ann_file=str(folder / 'stills.csv'), classes=CLASSES)
        load, make = mix.synthetic.pipeline[:2]
        load.size, make.package = size, str(folder / 'package')
        if 'latents_per_still' in make:
            make.latents_per_still = 1               # so that the first step fills it
    backbone = config.model.backbone                 # no weights are fetched
    for part in (backbone, backbone.get('backbone', {})):
        part.update({key: None for key in ('pretrained',) if key in part})
    if backbone.type == 'ResNetTSM':
        backbone.update(pretrained=None, pretrained2d=False)
    return config


def _build(config: Config, half: int, workers: int, device: str) -> Way:
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    model.to(device).train()
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-4))
    dataset = DATASETS.build(config.train_dataloader.dataset)
    accept_visits(dataset)
    loader = DataLoader(dataset, batch_sampler=_Halves(half), num_workers=workers,
                        collate_fn=pseudo_collate, prefetch_factor=1 if workers else None,
                        worker_init_fn=lambda number: worker_init_fn(number, workers, 0, 0))
    return Way(dataset, model, optimizer, iter(loader), _clock(device, workers))


class _Halves:
    """Batches without an end, of all real clips and as many synthetic ones."""

    def __init__(self, half: int) -> None:
        self.half = half

    def __iter__(self) -> Iterator[list[Visit]]:
        epoch = 0
        while True:
            yield [Visit(index, epoch, index, 0) for index in range(2 * self.half)]
            epoch += 1


def _input_shape(way: Way) -> tuple[int, ...]:
    return tuple(way.dataset.real[0]['inputs'].shape)


def _clock(device: str, workers: int) -> Callable[[], float]:
    """Seconds of the process where all work is its own, else those of the wall."""
    if torch.device(device).type == 'cpu':
        return time.perf_counter if workers else time.process_time

    def now() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return now
