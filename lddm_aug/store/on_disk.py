"""Arrays that lie on disk while they are worked on, and pages of files that memory gives back.

What has a value for each row takes no memory of the process's own then, however many rows there
are.
"""
from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 1 << 16                                  # values that are in memory at once

_MAPS: WeakSet[mmap.mmap] = WeakSet()


def batches(numbers: NDArray | range, count: int | None = None) -> Iterator[NDArray]:
    """Consecutive parts of so many numbers, by default of IN_MEMORY."""
    count = count or IN_MEMORY
    for start in range(0, len(numbers), count):
        part = numbers[start:start + count]
        yield np.arange(part.start, part.stop, part.step) if isinstance(part, range) else part


def zeros(count: int, kind: Any, folder: Path | None = None, width: int | None = None) -> NDArray:
    """(count[, width]) array of zeros; a large one lies on disk, in a file without a name.

    Args:
        folder: on whose disk; None for the system's place of temporary files.

    Raises:
        OSError: if the disk is full.
    """
    shape = (count,) if width is None else (count, width)
    if count <= IN_MEMORY:
        return np.zeros(shape, kind)
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)   # else a full disk ends the process later
        return np.frombuffer(mapped(file, writable=True), kind).reshape(shape)


def counted(count: int, folder: Path | None = None) -> NDArray:
    """0 to count − 1; see `zeros`."""
    found = zeros(count, np.int64, folder)
    for part in batches(range(count)):
        found[part] = part
    return found


def mapped(file: BinaryIO, writable: bool = False) -> mmap.mmap:
    """The content of an open file that isn't empty, in memory as far as it is read."""
    file.flush()
    found = mmap.mmap(file.fileno(), 0,
                      access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
    _MAPS.add(found)
    return found


def drop_pages() -> None:
    """Give back the memory that holds what was read of mapped files; it is read again at need."""
    for each in [*_MAPS]:
        each.madvise(mmap.MADV_DONTNEED)
