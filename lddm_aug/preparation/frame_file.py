"""A video's frames → a .npy file, in the memory of a few frames."""
from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from lddm_aug.data.frames import Pixels, is_colour, to_channels
from lddm_aug.store.shards import npy_header


def write_frames(file: BinaryIO, frames: Iterable[Pixels]) -> tuple[int, ...]:
    """Write frames one by one as (T, H, W), or (T, H, W, 3) if one is in colour → this shape.

    The file is that of `numpy.save`.

    Args:
        file: new, with a name, by which it is read again where a first frame in colour comes late.
        frames: (H, W) or (H, W, 3) each.

    Raises:
        ValueError: if there are none, or their sizes differ.
    """
    count, shape, head = 0, (0,), 0
    for frame in frames:
        if count == 0:
            shape, head = frame.shape, _begin(file, frame.shape)
        elif frame.shape[:2] != shape[:2]:
            raise ValueError(f'write_frames: frames have the shapes {shape} and {frame.shape}')
        elif is_colour(frame) and len(shape) == 2:
            shape, head = frame.shape, _colour(file, count, shape, head)
        file.write(np.ascontiguousarray(to_channels(frame, 3 if len(shape) == 3 else 1)).data)
        count += 1
    if not count:
        raise ValueError('write_frames: there are no frames')
    header = npy_header((count, *shape))             # as long as that of one frame
    assert len(header) == head
    file.seek(0)
    file.write(header)
    return count, *shape


def _begin(file: BinaryIO, shape: tuple[int, ...]) -> int:
    """Leave place for the header → its length."""
    file.seek(0)
    return file.write(npy_header((1, *shape)))


def _colour(file: BinaryIO, count: int, shape: tuple[int, ...], head: int) -> int:
    """Make grey frames of a file colour ones → the length of the new header.

    The last comes first, so that none is overwritten before it is read.
    """
    file.flush()
    size = shape[0] * shape[1]
    new_head = len(npy_header((1, *shape, 3)))
    with open(file.name, 'rb') as written:
        for number in reversed(range(count)):
            written.seek(head + number * size)
            grey = np.frombuffer(written.read(size), np.uint8).reshape(shape)
            file.seek(new_head + number * size * 3)
            file.write(to_channels(grey, 3).data)
            file.flush()
    file.seek(new_head + count * size * 3)
    return new_head
