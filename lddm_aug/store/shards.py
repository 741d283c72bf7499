"""The clips of a store, in shards: .npy arrays of many clips, read and written by offset."""
from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lddm_aug.data.unreadable import UnreadableFileError
from lddm_aug.files import is_within

CLIPS = 'clips'
SHARD_BYTES = 1 << 28                                # of clips, by default
AGAIN = 'run lddm-aug synthesize again to correct it, or lddm-aug store repair'
NO_LINKS = getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_BINARY', 0)


@dataclass(frozen=True)
class ClipShards:
    """Clips of one shape, each at its place: a number from 0 on.

    A shard is opened anew for each clip.  That takes microseconds, whereas memory maps would hold a
    file descriptor each, and end the process where a file is cut off while it is read.

    Attributes:
        store: folder of the store; the shards are in `clips`.
        shape: (T, H, W) or (T, H, W, 3) of each clip.
        count: number of places.
        per_shard: places of each shard but the last.
    """

    store: Path
    shape: tuple[int, ...]
    count: int
    per_shard: int

    @property
    def clip_bytes(self) -> int:
        """Of the pixels of a clip."""
        return int(np.prod(self.shape))

    @property
    def files(self) -> list[Path]:
        """Paths of all shards, in order."""
        return [self.file(place) for place in range(0, self.count, self.per_shard)]

    def file(self, place: int) -> Path:
        """The shard of a place."""
        return self.store / CLIPS / f'shard-{place // self.per_shard:05d}.npy'

    def read(self, place: int) -> NDArray[np.uint8]:
        """The clip at a place.

        Raises:
            FileNotFoundError: if its shard is missing.
            UnreadableFileError: if its shard is cut off.
        """
        file = self.file(place)
        try:
            pixels = np.fromfile(file, np.uint8, self.clip_bytes, offset=self._offset(place))
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{file} is missing; {AGAIN}') from error
        if len(pixels) != self.clip_bytes:
            raise UnreadableFileError(f'{file} is cut off; {AGAIN}')
        return pixels.reshape(self.shape)

    def write(self, place: int, clip: NDArray[np.uint8]) -> None:
        """Put a clip at a place; its shard is made where it is missing or damaged.

        Raises:
            ValueError: if the clip has another shape or type.
        """
        if clip.shape != self.shape or clip.dtype != np.uint8:
            raise ValueError(f'{self.store}: its clips have the shape {self.shape} and the type '
                             f'uint8, but got {clip.shape} {clip.dtype}')
        file = self.file(place)
        if not self._is_whole(file, place):
            self.make(place)
        with _named(file), open(os.open(file, os.O_WRONLY | NO_LINKS), 'wb') as opened:
            opened.seek(self._offset(place))
            opened.write(np.ascontiguousarray(clip).data)

    def make(self, place: int) -> None:
        """Make the shard of a place, or correct its header and length; its clips stay."""
        file = self.file(place)
        if file.is_symlink():                        # never write where a link leads
            file.unlink()
        file.parent.mkdir(exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | NO_LINKS
        with _named(file), open(os.open(file, flags, 0o666), 'r+b') as opened:
            opened.write(self._header(place))
            opened.truncate(self._size(place))

    def make_all(self) -> None:
        """Make what is missing of the shards, and have the system write all of them to disk."""
        for place in range(0, self.count, self.per_shard):
            if not self._is_whole(self.file(place), place):
                self.make(place)
            opened = os.open(self.file(place), os.O_RDWR | NO_LINKS)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)

    def check(self) -> None:
        """Refuse missing and damaged shards, and links out of the store; no clip is read.

        Raises:
            FileNotFoundError: if a shard is missing.
            ValueError: if one is a link out of the store, or has another header or length.
        """
        folder = self.store / CLIPS
        for place in range(0, self.count, self.per_shard):
            file = self.file(place)
            if (place == 0 or file.is_symlink()) and not is_within(file, self.store):
                raise ValueError(f'{folder if folder.is_symlink() else file} is a link out of the '
                                 'store; put the clips themselves there, or link the whole store')
            if not file.is_file():
                raise FileNotFoundError(f'{file} is missing; {AGAIN}')
            if not self._is_whole(file, place):
                raise ValueError(f'{file} cannot be read: it must be an array of '
                                 f'{self._clips_in(place)} clips {self.shape} uint8; {AGAIN}')

    def wrong_files(self) -> list[Path]:
        """Shards that are missing, or have another header or length than they should have."""
        return [self.file(place) for place in range(0, self.count, self.per_shard)
                if not self._is_whole(self.file(place), place)]

    def sha256(self, place: int) -> bytes | None:
        """Of the clip at a place; None if it can't be read, or lies outside the store."""
        try:
            if not is_within(self.file(place), self.store):
                return None
            return clip_sha256(self.read(place))
        except (OSError, ValueError):
            return None

    def sha256s(self, places: Sequence[int]) -> Iterator[bytes | None]:
        """`sha256` of many places."""
        return (self.sha256(int(place)) for place in places)

    @cached_property
    def _head(self) -> int:
        """Bytes of a shard's header; numpy pads it, so that a count's digits don't matter."""
        return len(self._header(0))

    def _clips_in(self, place: int) -> int:
        first = place // self.per_shard * self.per_shard
        return min(self.per_shard, self.count - first)

    def _offset(self, place: int) -> int:
        return self._head + place % self.per_shard * self.clip_bytes

    def _size(self, place: int) -> int:
        return self._head + self._clips_in(place) * self.clip_bytes

    def _header(self, place: int) -> bytes:
        return npy_header((self._clips_in(place), *self.shape))

    def _is_whole(self, file: Path, place: int) -> bool:
        """Whether a shard has the header and the length that it should have."""
        try:
            if file.is_symlink() and not is_within(file, self.store):
                return False
            if file.stat().st_size != self._size(place):
                return False
            with file.open('rb') as opened:
                return opened.read(self._head) == self._header(place)
        except OSError:
            return False


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Give an error of a full disk the file, which it lacks."""
    try:
        yield
    except OSError as error:
        if error.errno and not error.filename:
            error.filename = str(file)
        raise


def clips_per_shard(shape: Sequence[int]) -> int:
    """How many clips of this shape have about SHARD_BYTES."""
    return max(1, SHARD_BYTES // max(1, int(np.prod(shape))))


def npy_header(shape: Sequence[int]) -> bytes:
    """What begins a .npy file of uint8."""
    return _npy_header(tuple(map(int, shape)))


@lru_cache
def _npy_header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {'descr': '|u1', 'fortran_order': False, 'shape': shape})
    return buffer.getvalue()


def clip_of(content: bytes, shape: Sequence[int]) -> NDArray[np.uint8] | None:
    """The clip of a .npy file of its own; None for one of another shape, which is not believed."""
    header = npy_header(shape)
    size = len(content) - len(header)
    if not content.startswith(header) or size != int(np.prod(shape)):
        return None
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def clip_sha256(clip: NDArray[np.uint8]) -> bytes:
    """Of a clip as a .npy file of its own, so that it holds for its shape and in every store."""
    digest = hashlib.sha256(npy_header(clip.shape))
    digest.update(np.ascontiguousarray(clip).data)
    return digest.digest()
