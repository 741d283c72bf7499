"""MPEG-2, H.264 and H.265 inside DICOM: one stream, cut into fragments anywhere."""
from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import av
import numpy as np

from lddm_aug.datasets.frames import Pixels


class Fragment(NamedTuple):
    """Bytes of a file."""
    offset: int
    length: int

    def read(self, file: BinaryIO, size: int | None = None) -> bytes:
        file.seek(self.offset)
        return file.read(self.length if size is None else min(size, self.length))


class JoinedFragments(io.RawIOBase):
    """A file made of fragments of another, which stay there.

    Args:
        file: holds them.
        fragments: in their order.
    """

    def __init__(self, file: BinaryIO, fragments: Sequence[Fragment]) -> None:
        self.file, self.fragments = file, fragments
        self.length = sum(fragment.length for fragment in fragments)
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.length}[whence]
        self.place = max(0, start + offset)
        return self.place

    def readinto(self, buffer: memoryview) -> int:   # type: ignore[override]
        """What is left of the fragment at this place, as far as it fits."""
        start = 0
        for fragment in self.fragments:
            within = self.place - start
            if within < fragment.length:
                self.file.seek(fragment.offset + within)
                read = self.file.read(min(len(buffer), fragment.length - within))
                buffer[:len(read)] = read
                self.place += len(read)
                return len(read)
            start += fragment.length
        return 0


def iter_stream(file: BinaryIO, fragments: Sequence[Fragment]) -> Iterator[Pixels]:
    """(H, W, 3) frames in the order they are shown."""
    with av.open(JoinedFragments(file, fragments)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format='rgb24'), np.uint8)


def stream_fps(file: BinaryIO, fragments: Sequence[Fragment]) -> float | None:
    """Frames per second, where the stream says them."""
    with av.open(JoinedFragments(file, fragments)) as container:
        rate = container.streams.video[0].average_rate
    return float(rate) if rate else None
