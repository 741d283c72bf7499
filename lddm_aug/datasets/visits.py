"""Each visit of a sample draws for itself, whatever samplers and wrappers lie between.

What is random about a sample comes from the global states of numpy, random and PyTorch, as in
MMAction2.  Under `EpochSampler` they are seeded once per visit, where the sample is asked for, so
that every wrapper and data set below draws from them alike.  Under other samplers the data sets of
this package seed them anew with every sample.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from torch.utils.data import get_worker_info

from lddm_aug.seeds import derive_seed, seeded

_CURRENT: ContextVar[Visit | None] = ContextVar('visit', default=None)


@dataclass(frozen=True)
class Visit:
    """What `EpochSampler` yields in place of an index.

    It is no number, so that a data set which doesn't know it fails instead of dropping the epoch.

    Attributes:
        index: in the data set that the sampler was given.
        epoch: from 0 on.
        position: in the epoch's order, over all ranks.
        seed: of the sampler.
    """
    index: int
    epoch: int
    position: int
    seed: int

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Inside, everything random follows from seed, epoch and position alone."""
        token = _CURRENT.set(self)
        try:
            with seeded(derive_seed(self.seed, self.epoch, self.position)):
                yield
        finally:
            _CURRENT.reset(token)


def current_visit() -> Visit | None:
    """The visit under way; None where another sampler than `EpochSampler` chose the sample."""
    return _CURRENT.get()


def draw_seed() -> int:
    """A seed of 63 bits, another one at every call, also where numpy was seeded alike.

    It is drawn from numpy's global state, which a visit seeds.  Where none is under way that state
    may come again: MMEngine's ranks begin alike, its workers that don't persist begin every epoch
    alike, and MMAction2's UniformSampleFrames seeds it with a constant at every validation.  So the
    rank, PyTorch's seed of the worker and PyTorch's state are mixed in; a loader draws from the
    last whenever it begins.
    """
    drawn = int(np.random.randint(2**63 - 1, dtype=np.int64))
    if current_visit() is not None:
        return drawn
    worker, state = get_worker_info(), sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
    return derive_seed(drawn, state, get_rank(), None if worker is None else worker.seed)


def take_visits(dataset: Any) -> None:
    """Let a data set take visits as well as indices: this one, and no other of its class.

    Raises:
        TypeError: if its class can't be extended, such as that of a list.
    """
    kind: Any = type(dataset)
    if '_own_class' in vars(kind):
        return
    try:
        dataset.__class__ = _taking_visits(kind)
    except TypeError as error:
        raise TypeError(f'EpochSampler: its dataset must be of a class that can be extended, such '
                        f'as torch.utils.data.Dataset, but got {kind.__name__} ({error})'
                        ) from error


@cache
def _taking_visits(kind: Any) -> type:
    """A data set's class, whose objects take visits as well."""

    class TakingVisits(kind):
        __slots__ = ()                               # so that an object of `kind` can become one
        _own_class = kind

        def __getitem__(self, index: Any) -> Any:
            if not isinstance(index, Visit):
                return super().__getitem__(index)
            with index.under_way():
                return super().__getitem__(index.index)

        def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
            """PyTorch asks for a batch at once where it finds this, as in its Subset."""
            return [self[index] for index in indices]

        def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
            """As an object of its own class, since a spawned worker knows no other."""
            make, arguments, *state = super().__reduce_ex__(protocol)
            plain = tuple(kind if part is TakingVisits else part for part in arguments)
            return _make_again, (make, plain), *state

    for name in ('__module__', '__name__', '__qualname__', '__doc__'):
        setattr(TakingVisits, name, getattr(kind, name))
    return TakingVisits


def _make_again(make: Any, arguments: tuple[Any, ...]) -> Any:
    dataset = make(*arguments)
    take_visits(dataset)
    return dataset
