"""The reader of videos and stills in all formats.

Frames have the order, orientation, pixel shape and background that a viewer shows.  Videos are
read by PyAV (`video_files`), pictures by Pillow (`picture_files`).
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lddm_aug.data.picture_files import (
    FORMATS,
    SEQUENCE_FORMATS,
    STILL_FORMATS,
    inspect_pictures,
    is_one_picture,
    iter_pictures,
)
from lddm_aug.data.shown import Pixels
from lddm_aug.data.unreadable import (
    UnreadableFileError,
    as_unreadable,
    check_max_frames,
    check_max_pixels,
    check_not_empty,
)
from lddm_aug.data.video_files import inspect_video, iter_video
from lddm_aug.limits import refuse_above

__all__ = [
    'MIN_FRAMES', 'STILL_SUFFIXES', 'VIDEO_SUFFIXES', 'Pixels', 'UnreadableFileError', 'bounded',
    'check_max_pixels', 'count_frames', 'inspect', 'is_colour', 'is_still_file', 'iter_frames',
    'letterbox', 'natural_key', 'read_frames', 'read_still', 'stack_frames', 'to_channels']

# `is_still_file` decides for a file: a TIFF, PNG or WebP can have many frames, a GIF one.
STILL_SUFFIXES = set(STILL_FORMATS)
VIDEO_SUFFIXES = {'.mp4', '.m4v', '.mov', '.3gp', '.avi', '.mkv', '.webm', '.mpg', '.mpeg', '.vob',
                  '.ts', '.mts', '.m2ts', '.wmv', '.asf', '.flv', '.npy', *SEQUENCE_FORMATS}
MIN_FRAMES = 16                                      # of a video


def read_frames(path: str | Path, each: Callable[[Pixels], Pixels] | None = None) -> Pixels:
    """Read a whole video → (T, H, W) or, in colour, (T, H, W, 3).

    Args:
        path: a video, a sequence of pictures (GIF, animated PNG or WebP, TIFF of several pages),
            a .npy file of this shape, or a folder with one still per frame.
        each: applied to every frame as it is read; if it reduces frames, reading a large video
            takes little more memory than the result.

    Raises:
        FileNotFoundError: if it doesn't exist.
        UnreadableFileError: if it is truncated, damaged, empty, of an unknown format or without
            read permission, if its frames differ in shape, or if it exceeds a limit of
            `lddm_aug.limits`.
        MemoryError: if there is too little memory; the message names the file.
    """
    frames = iter_frames(path)
    try:
        return stack_frames(bounded(path, frames if each is None else map(each, frames)))
    except MemoryError as error:
        raise MemoryError(f'there is too little memory to read {path}') from error


def iter_frames(path: str | Path) -> Iterator[Pixels]:
    """Iterate over the frames of a video, (H, W) or (H, W, 3), in the memory of a few frames.

    It takes the same files as `read_frames`, and raises the same errors during the iteration.
    """
    shape = None
    for frame in _iter_from(check_not_empty(path), 0):
        shape = shape or frame.shape
        if frame.shape != shape:
            raise UnreadableFileError(f'{path} mixes frames of different shapes: {shape}, '
                                      f'{frame.shape}')
        yield frame


def bounded(path: str | Path, frames: Iterable[Pixels]) -> Iterator[Pixels]:
    """The frames of a file that will be kept; UnreadableFileError before they exceed MAX_BYTES."""
    kept = 0
    for frame in frames:
        kept += frame.nbytes
        refuse_above('MAX_BYTES', kept, path, UnreadableFileError)
        yield frame


def stack_frames(frames: Iterable[Pixels]) -> Pixels:
    """Stack frames of one shape into (T, ...), in the memory of the result.

    Args:
        frames: may be an iterator.

    Raises:
        ValueError: if there are none, or their shapes differ.
    """
    memory = bytearray()                             # grows in place
    shape: tuple[int, ...] | None = None
    for frame in frames:
        shape = shape or frame.shape
        if frame.shape != shape:
            raise ValueError(f'stack_frames: frames have the shapes {shape} and {frame.shape}')
        memory += np.ascontiguousarray(frame).data.cast('B')
    if shape is None:
        raise ValueError('stack_frames: there are no frames')
    return np.frombuffer(memory, np.uint8).reshape(-1, *shape)


def count_frames(path: str | Path) -> int:
    """Number of frames that `read_frames` returns; it raises the same errors.

    It decodes videos, because containers announce a wrong number where frames are hidden, edited
    out, damaged or missing.  Of a .npy file it reads the header, of a folder the names.
    """
    path = check_not_empty(path)
    status = path.stat()
    return _count(path, status.st_mtime_ns, status.st_size)


def read_still(path: str | Path, frame: int | None = None) -> Pixels:
    """Read a still, or one frame of a video → (H, W) or, in colour, (H, W, 3).

    The highest value of 16 bits becomes white, as in viewers.  A still that uses only 12 of the 16
    bits would be black and raises an error.

    Args:
        path: a picture, or with `frame` a video.
        frame: index of a video's frame, from 0 in display order.

    Raises:
        FileNotFoundError: if it doesn't exist.
        UnreadableFileError: if it is truncated, damaged, of an unknown colour mode or without read
            permission, or has no such frame.
        MemoryError: if there is too little memory; the message names the file.
    """
    path = check_not_empty(path)
    if frame is None:
        return _read_one(path, f'{path} is a video; give the frame that is the still')
    if path.is_file() and _is_picture(path) and is_one_picture(path):
        raise UnreadableFileError(f'{path} is a still and has no frame {frame}')
    found = next(_iter_from(path, frame), None) if frame >= 0 else None
    if found is None:
        raise UnreadableFileError(f'{path} has no frame {frame}, its {count_frames(path)} frames '
                                  'count from 0')
    return found


def read_square_still(path: str | Path, frame: int | None, size: int, channels: int) -> Pixels:
    """A still as input of a generator: (size, size) uint8, or (size, size, 3) for 3 channels."""
    return to_channels(letterbox(read_still(path, frame), size), channels)


def is_still_file(path: str | Path) -> bool:
    """Whether a file is a picture of one frame; pictures of several frames are videos.

    An unreadable picture counts as a still, so that reading it raises the error.
    """
    path = Path(path)
    try:
        return _is_picture(path) and path.is_file() and is_one_picture(path)
    except (UnreadableFileError, OSError, MemoryError):
        return True


def inspect(path: str | Path) -> float | None:
    """Check a file without decoding it → mean frames per second of a video, None if unknown.

    Raises:
        FileNotFoundError: if it doesn't exist.
        UnreadableFileError: if it is truncated, damaged or without read permission, exceeds
            MAX_PIXELS, or has another format than its name, such as a picture called .mp4.
    """
    path = check_not_empty(path)
    if path.is_dir():
        for file in _frame_files(path):
            inspect(file)
        return None
    if _is_npy(path):
        _open_npy(path)
        return None
    return inspect_pictures(path) if _is_picture(path) else inspect_video(path)


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sort key by which 10 comes after 9."""
    return [(int(part), '') if part.isdecimal() else (-1, part)
            for part in re.split(r'(\d+)', name)]


def is_colour(array: NDArray) -> bool:
    """Whether the last axis is red, green and blue; no still is three pixels wide."""
    return array.ndim > 2 and array.shape[-1] == 3


def to_channels(array: Pixels, channels: int) -> Pixels:
    """Grey ↔ colour: (..., H, W) ↔ (..., H, W, 3); grey is the luma of ITU-R 601."""
    if channels not in (1, 3):
        raise ValueError(f'to_channels: channels must be 1 or 3, but got {channels!r}')
    if is_colour(array) == (channels == 3):
        return array
    if channels == 3:
        return np.repeat(array[..., None], 3, axis=-1)
    *leading, height, width, _ = array.shape
    # cv2 takes images only: frames are put one below the other
    grey = cv2.cvtColor(array.reshape(-1, width, 3), cv2.COLOR_RGB2GRAY)
    return grey.reshape(*leading, height, width)     # type: ignore[return-value]


def letterbox(array: Pixels, size: int) -> Pixels:
    """Fit a still or a clip into size × size pixels, with black padding.

    Args:
        array: (H, W) or (H, W, 3), or the same with a leading T.
        size: height and width of the result.
    """
    if array.ndim - is_colour(array) == 3:
        return np.stack([letterbox(frame, size) for frame in array])
    height, width = array.shape[:2]
    if height == width == size:
        return array
    scale = size / max(height, width)
    inner_height, inner_width = (max(1, round(length * scale)) for length in (height, width))
    top, left = (size - inner_height) // 2, (size - inner_width) // 2
    boxed = np.zeros((size, size, *array.shape[2:]), np.uint8)
    boxed[top:top + inner_height, left:left + inner_width] = cv2.resize(
        array, (inner_width, inner_height),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return boxed


@cache
def _count(path: Path, mtime_ns: int, size: int) -> int:
    if path.is_dir():
        return len(_frame_files(path))
    if _is_npy(path):
        return len(_open_npy(path))
    return sum(1 for _ in iter_frames(path))


def _iter_from(path: Path, first: int) -> Iterator[Pixels]:
    """Frames from the one of this number on."""
    if path.is_dir():
        return (_read_one(file, f'{file} has several frames; files in a folder of frames have one')
                for file in _frame_files(path)[first:])
    if _is_npy(path):
        return map(np.array, _open_npy(path)[first:])
    return iter_pictures(path, first) if _is_picture(path) else iter_video(path, first)


def _read_one(path: Path, otherwise: str) -> Pixels:
    """The only frame of a picture; `otherwise` is the error message for anything else."""
    if not path.is_file() or not _is_picture(path):
        raise UnreadableFileError(otherwise)
    frames = list(islice(iter_pictures(check_not_empty(path)), 2))
    if len(frames) != 1:
        raise UnreadableFileError(otherwise)
    return frames[0]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in FORMATS


def _is_npy(path: Path) -> bool:
    return path.suffix.lower() == '.npy'


def _frame_files(folder: Path) -> list[Path]:
    """Stills of a folder, frame 10 after frame 9."""
    with as_unreadable(folder, 'folder'):
        files = [file for file in folder.iterdir()
                 if file.suffix.lower() in STILL_SUFFIXES and not file.name.startswith('.')]
    if not files:
        raise UnreadableFileError(f'{folder} is a folder without frames')
    check_max_frames(folder, len(files))
    return sorted(files, key=lambda file: natural_key(file.name))


def _open_npy(path: Path) -> Pixels:
    with as_unreadable(path, '.npy array'):
        array = np.load(path, mmap_mode='r', allow_pickle=False)
        if array.dtype != np.uint8 or array.ndim - is_colour(array) != 3 or 0 in array.shape:
            raise UnreadableFileError(f'{path} must contain (T, H, W) or (T, H, W, 3) uint8, but '
                                      f'has {array.shape} {array.dtype}')
    check_max_pixels(path, *array.shape[1:3])
    check_max_frames(path, len(array))
    return array
