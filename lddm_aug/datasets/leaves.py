"""Looks into data sets that are made of others."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def leaves(dataset: Any) -> Iterator[Any]:
    """The data sets inside MMEngine's wrappers and ours."""
    parts = _parts(dataset)
    for part in parts:
        yield from leaves(part)
    if not parts:
        yield dataset


def groups_of(dataset: Any) -> frozenset[str]:
    """A data set's groups, looked for inside wrappers; none where it knows none."""
    if hasattr(dataset, 'groups'):
        return frozenset(dataset.groups)
    return frozenset().union(*map(groups_of, _parts(dataset)))


def _parts(dataset: Any) -> list[Any]:
    """What a wrapper holds directly; empty if it is none."""
    held = [*getattr(dataset, 'datasets', ()),
            *(getattr(dataset, name, None) for name in ('dataset', 'real', 'synthetic'))]
    return [part for part in held if part is not None]
