"""A sampler that passes the epoch of a sample to its dataset."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import torch
from mmaction.registry import DATA_SAMPLERS
from mmengine.dataset import DefaultSampler

from lddm_aug.datasets.visits import Visit, accept_visits


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """MMEngine's DefaultSampler, under which every sample is reproducible.

    The randomness of a sample depends on the seed, the epoch and the position in it alone: not on
    workers and ranks, and not on where a training was resumed.  That holds for every dataset and
    through every wrapper.  Under other samplers every visit of a sample is random too, but not
    reproducible.

    Ranks share the positions of an epoch.  An endless sampler deals them on from epoch to epoch, so
    that every sample comes once in each.  One that ends repeats the first samples of an epoch until
    every rank has equally many, unless round_up=False.

    An iteration without a preceding `set_epoch` is the next epoch, also in custom loops.

    Args:
        dataset: the object that the DataLoader gets.
        args: of DefaultSampler.
        endless: continue with the next epoch without an end.  For IterBasedTrainLoop, which
            otherwise restarts its workers between epochs.
        kwargs: of DefaultSampler: shuffle, seed, round_up.

    Raises:
        TypeError: if the dataset's class can't be subclassed, such as that of a list.
    """

    epoch: int

    def __init__(self, dataset: Any, *args: Any, endless: bool = False, **kwargs: Any) -> None:
        super().__init__(dataset, *args, **kwargs)
        accept_visits(dataset)
        self.endless = endless

    def __iter__(self) -> Iterator[Visit]:
        position = self.rank
        for epoch in count(self.epoch) if self.endless else [self.epoch]:
            order = self._order(epoch)
            self.epoch = epoch + 1
            end = len(order) if self.endless else self.total_size
            while position < end:
                yield Visit(order[position % len(order)], epoch, position, self.seed)
                position += self.world_size
            position -= end                          # of the next epoch, without a gap

    def _order(self, epoch: int) -> list[int]:
        """All indices, in DefaultSampler's order of this epoch."""
        if not self.shuffle:
            return [*range(len(self.dataset))]
        draw = torch.Generator().manual_seed(self.seed + epoch)
        return torch.randperm(len(self.dataset), generator=draw).tolist()
