"""More synthetic clips at one time of the training than at another."""
from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from mmaction.registry import HOOKS
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from lddm_aug.datasets.mixed import LDDMMixedDataset


@HOOKS.register_module()
class SyntheticShareHook(Hook):
    """Let the part of synthetic samples that stays synthetic change as the training goes on.

    Real clips of the same class take the others' places, so a training sees as many clips as
    without it.  It changes from epoch to epoch, and needs EpochSampler.

    Args:
        points: (progress, part) from the start (0) to the end (1) of the training, with straight
            lines between them.  Warm-up: [(0, 0), (0.5, 1)].  Decay: [(0, 1), (1, 0)].  Off for
            the last quarter: [(0, 1), (0.75, 1), (0.75, 0)].

    Raises:
        ValueError: if the points are out of order or outside [0, 1], or when the training starts
            with another data set than LDDMMixedDataset.
    """

    def __init__(self, points: Sequence[Sequence[float]]) -> None:
        progress = [point[0] for point in points]
        if (not points or progress != sorted(progress)
                or not all(0 <= value <= 1 for point in points for value in point)):
            raise ValueError('SyntheticShareHook: points are (progress, part) in order of progress '
                             f'and within [0, 1], but got {points!r}')
        self.points = points

    def before_train(self, runner: Runner) -> None:
        dataset = runner.train_dataloader.dataset
        if not isinstance(dataset, LDDMMixedDataset):
            raise ValueError('SyntheticShareHook: needs LDDMMixedDataset as the training set, but '
                             f'got {type(dataset).__name__}; leave the hook out')
        at_once = runner.train_dataloader.batch_size * get_world_size()
        epochs = math.ceil(runner.max_iters * at_once / len(dataset))
        dataset.set_schedule(self.schedule(epochs))

    def schedule(self, epochs: int) -> list[float]:
        """The part in the middle of each epoch."""
        progress, parts = zip(*self.points, strict=True)
        middles = (np.arange(epochs) + 0.5) / epochs
        return np.interp(middles, progress, parts).tolist()
