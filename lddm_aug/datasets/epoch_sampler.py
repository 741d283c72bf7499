"""A sampler that passes the epoch of a sample to its dataset."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

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
        for epoch in count(self.epoch) if self.endless else [self.epoch]:
            self.epoch = epoch                           # the shuffle depends on it
            indices = list(super().__iter__())
            self.epoch = epoch + 1
            for place, index in enumerate(indices):
                yield Visit(index, epoch, self.rank + place * self.world_size, self.seed)
