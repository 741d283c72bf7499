"""Randomness of every visit of a sample, independent of samplers and wrappers.

Transforms use the global states of numpy, random and PyTorch, as in MMAction2.  Under
`EpochSampler` these are seeded once per visit, in the outermost dataset, so that all wrappers and
datasets inside use them.  Under other samplers the datasets of this package seed them for every
sample.
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
_ALIKE: ContextVar[bool] = ContextVar('alike', default=False)


@dataclass(frozen=True)
class Visit:
    """The index that `EpochSampler` yields, with its epoch, position and seed.

    It is no number, so that a dataset that doesn't support it raises an error.

    Attributes:
        index: in the sampler's dataset.
        epoch: from 0 on.
        position: in the epoch's order, over all ranks.
        seed: of the sampler.
    """

    index: int
    epoch: int
    position: int
    seed: int

    @contextmanager
    def active(self) -> Iterator[None]:
        """Context in which all randomness depends on seed, epoch and position alone."""
        token = _CURRENT.set(self)
        try:
            with seeded(derive_seed(self.seed, self.epoch, self.position)):
                yield
        finally:
            _CURRENT.reset(token)


def current_visit() -> Visit | None:
    """The active visit; None under another sampler than `EpochSampler`."""
    return _CURRENT.get()


def draw_seed() -> int:
    """A seed of 63 bits, different at every call, also if numpy was seeded equally.

    It is drawn from numpy's global state, which a visit seeds.  Without a visit that state can
    repeat: MMEngine seeds its ranks equally and non-persistent workers equally in every epoch, and
    MMAction2's UniformSampleFrames seeds it with a constant at every validation.  So the rank,
    PyTorch's seed of the worker and PyTorch's state are added; a loader changes the last at every
    start.
    """
    drawn = int(np.random.randint(2**63 - 1, dtype=np.int64))
    if current_visit() is not None:
        return drawn
    worker, state = get_worker_info(), sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
    rank = 0 if _ALIKE.get() else get_rank()
    return derive_seed(drawn, state, rank, None if worker is None else worker.seed)


@contextmanager
def alike_on_ranks() -> Iterator[None]:
    """Context in which every rank draws what a lone process does, from equal global states."""
    token = _ALIKE.set(True)
    try:
        yield
    finally:
        _ALIKE.reset(token)


def accept_visits(dataset: Any) -> None:
    """Make this dataset accept visits as well as indices, and no other of its class.

    Raises:
        TypeError: if its class can't be subclassed, such as that of a list.
    """
    kind: Any = type(dataset)
    if '_own_class' in vars(kind):
        return
    try:
        dataset.__class__ = _visit_class(kind)
    except TypeError as error:
        raise TypeError(f'EpochSampler: its dataset must be of a class that can be subclassed, '
                        f'such as torch.utils.data.Dataset, but got {kind.__name__} ({error})'
                        ) from error


@cache
def _visit_class(kind: Any) -> type:
    """A subclass of a dataset's class whose objects accept visits as well."""

    class VisitDataset(kind):
        __slots__ = ()                               # so that __class__ of a `kind` can be set
        _own_class = kind

        def __getitem__(self, index: Any) -> Any:
            if not isinstance(index, Visit):
                return super().__getitem__(index)
            with index.active():
                return super().__getitem__(index.index)

        def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
            """A batch; PyTorch calls it where it exists, as in its Subset."""
            return [self[index] for index in indices]

        def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
            """Pickle as an object of the original class, which a spawned worker can import."""
            make, arguments, *state = super().__reduce_ex__(protocol)
            plain = tuple(kind if part is VisitDataset else part for part in arguments)
            return _rebuild, (make, plain), *state

    for name in ('__module__', '__name__', '__qualname__', '__doc__'):
        setattr(VisitDataset, name, getattr(kind, name))
    return VisitDataset


def _rebuild(make: Any, arguments: tuple[Any, ...]) -> Any:
    dataset = make(*arguments)
    accept_visits(dataset)
    return dataset
