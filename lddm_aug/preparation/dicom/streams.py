"""MPEG-2, H.264 and H.265 inside DICOM: one stream, divided into fragments at any byte."""
from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from lddm_aug.data.frames import Pixels
from lddm_aug.data.video_files import open_container, shown_frames, video_stream

BARE = {'h264', 'hevc', 'mpegvideo'}


class Fragment(NamedTuple):
    """Bytes of a file."""
    offset: int
    length: int

    def read(self, file: BinaryIO, size: int | None = None) -> bytes:
        """All bytes of the fragment, or the first `size`."""
        file.seek(self.offset)
        return file.read(self.length if size is None else min(size, self.length))


class JoinedFragments(io.RawIOBase):
    """A file of fragments of another file, read without a copy.

    Args:
        file: contains the fragments.
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
        """Read the rest of the fragment at this position, as far as it fits."""
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


def iter_stream(name: str, file: BinaryIO, fragments: Sequence[Fragment]) -> Iterator[Pixels]:
    """Iterate over (H, W, 3) frames in display order and shape.

    Args:
        name: for messages.
        file: contains the fragments.
        fragments: of the stream.

    Raises:
        UnreadableFileError: during the iteration, if it is damaged.
    """
    joined = JoinedFragments(file, fragments)
    with open_container(name, joined) as container:  # type: ignore[arg-type]
        yield from shown_frames(name, container, video_stream(name, container))


def stream_fps(name: str, file: BinaryIO, fragments: Sequence[Fragment]) -> float | None:
    """Frames per second, None if unknown; it raises the errors of `iter_stream`."""
    joined = JoinedFragments(file, fragments)
    with open_container(name, joined) as container:  # type: ignore[arg-type]
        stream = video_stream(name, container)
        # without a container FFmpeg always reports 25 frames per second
        rate = (stream.codec_context.framerate if container.format.name in BARE else
                stream.average_rate)
    return float(rate) if rate else None
