"""A sampler that says to which epoch a sample belongs."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from mmaction.registry import DATA_SAMPLERS
from mmengine.dataset import DefaultSampler

from lddm_aug.datasets.visits import Visit, take_visits


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """MMEngine's DefaultSampler, under which every sample can be drawn again.

    What is random about a sample follows from the seed, the epoch and the position in it, and so
    neither from the workers and ranks nor from where a training was resumed.  That holds for every
    data set, through every wrapper.  Under other samplers a sample is drawn anew at every visit
    too, but can't be drawn again.

    An iteration that no `set_epoch` precedes is the next epoch, also in a loop of your own.

    Args:
        dataset: the very object that the DataLoader gets.
        endless: go on with the next epoch without an end.  For IterBasedTrainLoop, which otherwise
            pauses between epochs and starts its workers again.
        kwargs: of DefaultSampler: shuffle, seed, round_up.

    Raises:
        TypeError: if the dataset's class can't be extended, such as that of a list.
    """

    epoch: int

    def __init__(self, dataset: Any, *args: Any, endless: bool = False, **kwargs: Any) -> None:
        super().__init__(dataset, *args, **kwargs)
        take_visits(dataset)
        self.endless = endless

    def __iter__(self) -> Iterator[Visit]:
        for epoch in count(self.epoch) if self.endless else [self.epoch]:
            self.epoch = epoch                           # the shuffle depends on it
            indices = list(super().__iter__())
            self.epoch = epoch + 1
            for place, index in enumerate(indices):
                yield Visit(index, epoch, self.rank + place * self.world_size, self.seed)
