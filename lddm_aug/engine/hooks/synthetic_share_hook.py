"""More synthetic clips at one time of the training than at another."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.leaves import inside
from lddm_aug.datasets.mixed import LDDMMixedDataset


@HOOKS.register_module()
class SyntheticShareHook(Hook):
    """Let the part of synthetic samples that stays synthetic change during training.

    Real clips of the same class take the others' places, so a training sees as many clips as
    without it.  It changes from epoch to epoch, and needs EpochSampler, which passes them to the
    LDDMMixedDataset, also inside other data sets.

    Args:
        points: (progress, part) from the start (0) to the end (1) of the training, with straight
            lines between them.  Warm-up: [(0, 0), (0.5, 1)].  Decay: [(0, 1), (1, 0)].  Off for
            the last quarter: [(0, 1), (0.75, 1), (0.75, 0)].

    Raises:
        ValueError: if the points are out of order or outside [0, 1], or when the training starts
            without LDDMMixedDataset or with another sampler.
    """

    def __init__(self, points: Sequence[Sequence[float]]) -> None:
        progress = [point[0] for point in points]
        if (not points or progress != sorted(progress)
                or not all(0 <= value <= 1 for point in points for value in point)):
            raise ValueError('SyntheticShareHook: points are (progress, part) in order of progress '
                             f'and within [0, 1], but got {points!r}')
        self.points = points

    def before_train(self, runner: Runner) -> None:
        loader = runner.train_dataloader
        mixes = [part for part in inside(loader.dataset) if isinstance(part, LDDMMixedDataset)]
        if not mixes:
            raise ValueError('SyntheticShareHook: needs LDDMMixedDataset as the training set, but '
                             f'got {type(loader.dataset).__name__}; leave the hook out')
        sampler = getattr(loader.batch_sampler, 'sampler', loader.sampler)
        if not isinstance(sampler, EpochSampler):
            raise ValueError('SyntheticShareHook: the share changes from epoch to epoch, which '
                             f'{type(sampler).__name__} does not pass on; set '
                             "train_dataloader.sampler.type='EpochSampler'")
        schedule = self.schedule(math.ceil(runner.max_iters / batches_per_epoch(loader, sampler)))
        for mix in mixes:
            mix.set_schedule(schedule)
        _load_again(runner.train_loop, sampler)

    def schedule(self, epochs: int) -> list[float]:
        """The part in the middle of each epoch."""
        progress, parts = zip(*self.points, strict=True)
        middles = (np.arange(epochs) + 0.5) / epochs
        return np.interp(middles, progress, parts).tolist()


def batches_per_epoch(loader: Any, sampler: EpochSampler) -> float:
    """Not always whole, since an endless sampler fills the last batch from the next epoch."""
    if not sampler.endless:
        return len(loader)
    samples = len(sampler.dataset) / sampler.world_size
    return samples / (loader.batch_size or loader.batch_sampler.batch_size)


def _load_again(loop: Any, sampler: EpochSampler) -> None:
    """MMEngine's loop over iterations began to load, in workers too, before its hooks are asked."""
    if hasattr(loop, 'dataloader_iterator'):
        sampler.set_epoch(0)
        loop.dataloader._iterator = None             # workers that persist know the old schedule
        loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)
