"""Samples that a training can't read are left out, up to a share, and known to all its workers."""
from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import torch
from mmengine.logging import print_log

from lddm_aug.data.unreadable import UnreadableFileError
from lddm_aug.datasets.leaves import leaves

# what a damaged, missing or forbidden file raises when it is read
OF_A_FILE = (UnreadableFileError, OSError)
MAX_BAD_SHARE = 0.05


class Quarantine:
    """Which samples of a data set can't be read.

    The marks lie in memory that worker processes share.

    Args:
        source: of the samples, for messages.
        count: how many there are.
        max_share: of them may be left out; with 0 the first that can't be read is an error.
    """

    def __init__(self, source: str, count: int, max_share: float) -> None:
        self.source = source
        self.count = count
        self.max_share = max_share
        self.marks = torch.zeros(count, dtype=torch.uint8)
        with suppress(RuntimeError):                 # without shared memory there are no workers
            self.marks.share_memory_()

    def __deepcopy__(self, memo: dict[int, Any]) -> Quarantine:
        other = Quarantine(self.source, self.count, self.max_share)
        other.marks.copy_(self.marks)                # a copied tensor isn't shared with workers
        return other

    def __contains__(self, index: int) -> bool:
        return bool(self.marks[index])

    @property
    def indices(self) -> list[int]:
        """Of the samples that are left out."""
        return self.marks.nonzero().flatten().tolist()

    def add(self, index: int, name: str, error: Exception) -> None:
        """Leave a sample out, with a warning.

        Raises:
            ValueError: if that are more than the largest share.
        """
        if self.max_share == 0:
            raise error
        self.marks[index] = 1
        number = len(self.indices)
        reason = str(error) if name in str(error) else f'{name}: {error}'
        if number > self.max_share * self.count:
            raise ValueError(
                f'{self.source}: {number} of {self.count} samples cannot be read, more than '
                f'max_bad_share={self.max_share:g} allows; the last: {reason}; correct the files, '
                'or raise max_bad_share of the data set') from error
        print_log(f'{self.source}: {number} of {self.count} samples cannot be read and are left '
                  f'out; others of their class take their places: {reason}', logger='current',
                  level=logging.WARNING)


def check_share(owner: str, max_bad_share: float) -> None:
    """Raise ValueError for what is no share below 1."""
    if isinstance(max_bad_share, bool) or not isinstance(max_bad_share, (int, float)) or not (
            0 <= max_bad_share < 1):
        raise ValueError(f'{owner}: max_bad_share is the part of the samples that may be '
                         f'unreadable in a training, in [0, 1), but got {max_bad_share!r}')


def name_of(info: dict[str, Any], index: int) -> str:
    """A sample's file, and of a frame its number."""
    name, frame = info.get('filename', f'sample {index}'), info.get('frame')
    return str(name) if frame is None else f'{name} frame {frame}'


def quarantined(dataset: Any) -> list[str]:
    """Names of the samples that are left out, of all data sets inside; sorted, each once."""
    return sorted({name_of(leaf.get_data_info(index), index) for leaf in _with_quarantine(dataset)
                   for index in leaf.quarantine.indices})


def forbid_quarantine(dataset: Any) -> None:
    """Let every sample that can't be read be an error from now on."""
    for leaf in _with_quarantine(dataset):
        leaf.quarantine.max_share = 0


def _with_quarantine(dataset: Any) -> list[Any]:
    """The data sets inside that have one, also those whose clips were encoded."""
    found: list[Any] = []
    for leaf in leaves(dataset):
        if getattr(leaf, 'quarantine', None) is not None:
            found.append(leaf)
        elif hasattr(leaf, 'clips'):
            found += _with_quarantine(leaf.clips)
    return found
