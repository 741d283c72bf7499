"""Samples that depend on (seed, epoch, index), never on the worker that draws them.

MMEngine's workers draw from states that depend on how many there are, and that start afresh every
epoch where workers don't persist.  Here the index says which epoch it belongs to, and everything
random about a sample is drawn from a seed of its own.
"""
from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from mmaction.registry import DATA_SAMPLERS
from mmengine.dataset import DefaultSampler

from lddm_aug.functional.seeds import derive_seed, seeded


class EpochIndex(int):
    """An index that knows its epoch; to every data set that doesn't ask, an ordinary index."""
    epoch: int

    def __new__(cls, index: int, epoch: int) -> EpochIndex:
        self = super().__new__(cls, index)
        self.epoch = epoch
        return self

    def __getnewargs__(self) -> tuple[int, int]:     # type: ignore[override]
        return int(self), self.epoch                 # on its way to a worker

    def __mod__(self, length: int) -> EpochIndex:
        """MMEngine's RepeatDataset asks its data set for this index."""
        return EpochIndex(int(self) % length, self.epoch)

    def __sub__(self, offset: int) -> EpochIndex:
        """And this is how its ConcatDataset does."""
        return EpochIndex(int(self) - offset, self.epoch)


def epoch_of(index: int) -> int:
    """0 where the sampler was another one than EpochSampler."""
    return getattr(index, 'epoch', 0)


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """MMEngine's DefaultSampler, whose indices know their epoch.

    With another sampler, training sees the same augmentations and synthetic clips in every epoch.

    Args:
        endless: go on with the next epoch without an end.  For IterBasedTrainLoop, which otherwise
            pauses between epochs and starts its workers again.
        kwargs: of DefaultSampler: dataset, shuffle, seed, round_up.
    """

    def __init__(self, *args: Any, endless: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.endless = endless

    def __iter__(self) -> Iterator[EpochIndex]:
        for epoch in count(self.epoch) if self.endless else [self.epoch]:
            self.set_epoch(epoch)                    # the shuffle depends on it
            yield from (EpochIndex(index, epoch) for index in super().__iter__())


class SeededSamples:
    """Mixed into a data set: draws each sample from its own seed, which it puts into `seed`."""
    seed: int

    def sample_seed(self, index: int) -> int:
        return derive_seed(self.seed, epoch_of(index), int(index))

    def get_data_info(self, index: int) -> dict[str, Any]:
        info = super().get_data_info(index)          # type: ignore[misc]
        return dict(info, seed=self.sample_seed(index))

    def __getitem__(self, index: int) -> Any:
        with seeded(self.sample_seed(index)):
            return super().__getitem__(index)        # type: ignore[misc]
