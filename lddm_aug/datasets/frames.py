"""The one reader of videos and stills, in every form that they come in."""
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    import decord
except ImportError:                                  # no wheel for every machine; PyAV does it too
    decord = None

Pixels = NDArray[np.uint8]

STILL_FORMATS = {'.png': {'PNG'}, '.jpg': {'JPEG', 'MPO'}, '.jpeg': {'JPEG', 'MPO'},
                 '.bmp': {'BMP'}, '.tif': {'TIFF'}, '.tiff': {'TIFF'}, '.webp': {'WEBP'}}
STILL_SUFFIXES = set(STILL_FORMATS)
VIDEO_SUFFIXES = {'.mp4', '.m4v', '.avi', '.mov', '.mkv', '.webm', '.mpg', '.mpeg', '.wmv', '.gif',
                  '.npy'}
MIN_FRAMES = 16                                      # of a video that clips are taken from
MAX_PIXELS = 25_000_000                              # of a frame; no ultrasound picture is near it
FRAMES_AT_ONCE = 16                                  # that decord decodes


class UnreadableFile(ValueError):
    """A file that should hold frames and doesn't; the message names it and says why."""


def read_frames(path: str | Path) -> Pixels:
    """Read a whole video → (T, H, W) or, in colour, (T, H, W, 3).

    Args:
        path: a video or gif, a .npy file of this shape, or a folder with one still per frame.

    Raises:
        FileNotFoundError: if it doesn't exist.
        UnreadableFile: if it is damaged, empty, of another kind, or has more than MAX_PIXELS.
    """
    path = _not_empty(path)
    if path.is_file() and path.suffix.lower() == '.npy':
        return np.array(_open_npy(path))
    frames = list(iter_frames(path))
    if not frames:
        raise UnreadableFile(f'{path} holds no frames')
    return np.stack(frames)


def iter_frames(path: str | Path) -> Iterator[Pixels]:
    """Read a video frame by frame, (H, W) or (H, W, 3), in little memory.

    It takes and raises what `read_frames` does, the latter while frames are taken.
    """
    path = _not_empty(path)
    if path.is_dir():
        yield from _iter_folder(path)
    elif path.suffix.lower() == '.npy':
        yield from map(np.array, _open_npy(path))
    else:
        yield from _iter_video(path)


def inspect(path: str | Path) -> float | None:
    """Look at a file before it is decoded → frames per second, where a video says them.

    Raises:
        FileNotFoundError: if it doesn't exist.
        UnreadableFile: if it is damaged, has more than MAX_PIXELS, or isn't what its name says,
            like a picture called .mp4.
    """
    path = _not_empty(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        for file in _frame_files(path):
            inspect(file)
        return None
    if suffix == '.npy':
        require_bearable_size(path, *_open_npy(path).shape[1:3])
        return None
    if suffix in STILL_SUFFIXES:
        with _unreadable(path, 'still'), Image.open(path) as image:
            require_bearable_size(path, *image.size)
            if image.format not in STILL_FORMATS[suffix]:
                raise UnreadableFile(f'{path} holds {image.format}, not what its name says')
        return None
    with _unreadable(path, 'video'), av.open(str(path)) as container:
        stream = container.streams.video[0]
        require_bearable_size(path, stream.codec_context.width, stream.codec_context.height)
        if not _may_be_called(suffix[1:], container.format):
            raise UnreadableFile(f'{path} holds {container.format.name}, not what its name says')
        return float(stream.average_rate) if stream.average_rate else None


def require_bearable_size(path: str | Path, width: int, height: int) -> None:
    """Refuse frames of more than MAX_PIXELS before they are decoded."""
    if width * height > MAX_PIXELS:
        raise UnreadableFile(f'{path} has {width * height / 1e6:.0f} million pixels a frame; at '
                             f'most {MAX_PIXELS / 1e6:.0f} million are read')


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorts 10 after 9."""
    return [(int(part), '') if part.isdecimal() else (-1, part)
            for part in re.split(r'(\d+)', name)]


def count_frames(path: str | Path) -> int:
    """How many frames `read_frames` would give, without decoding them where that can be helped.

    It raises what `read_frames` raises.
    """
    path = _not_empty(path)
    status = path.stat()
    return _count(path, status.st_mtime_ns, status.st_size)


def read_still(path: str | Path, frame: int | None = None) -> Pixels:
    """Read a still, or one frame of a video → (H, W) or, in colour, (H, W, 3).

    Transparency is dropped. Stills with more than 8 bits are refused, as there is no one way to
    bring them to 8.

    Raises:
        FileNotFoundError: if it doesn't exist.
        UnreadableFile: if it is damaged, of another colour mode, or has no such frame.
    """
    path = _not_empty(path)
    is_still = path.is_file() and path.suffix.lower() in STILL_SUFFIXES
    if is_still != (frame is None):
        raise UnreadableFile(f'{path} is a still and has no frame {frame}' if is_still else
                             f'{path} is a video; say which of its frames is the still')
    if frame is None:
        return _read_image(path)
    total = count_frames(path)
    if not 0 <= frame < total:
        raise UnreadableFile(f'{path} has no frame {frame}, its {total} frames count from 0')
    if path.is_dir():
        return _read_image(_frame_files(path)[frame])
    if path.suffix.lower() == '.npy':
        return np.array(_open_npy(path)[frame])
    return _decode_one(path, frame)


def is_colour(array: NDArray) -> bool:
    """Whether the last axis holds red, green and blue; no still is three pixels wide."""
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
    # cv2 knows no clips: frames stand one below the other for a moment
    grey = cv2.cvtColor(array.reshape(-1, width, 3), cv2.COLOR_RGB2GRAY)
    return grey.reshape(*leading, height, width)     # type: ignore[return-value]


def letterbox(array: Pixels, size: int) -> Pixels:
    """Fit a still or a clip into size × size pixels; black fills what its shape leaves free.

    Args:
        array: (H, W) or (H, W, 3), or with T in front.
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


def _not_empty(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    if path.is_file() and path.stat().st_size == 0:
        raise UnreadableFile(f'{path} is empty: it has 0 bytes')
    if not path.is_file() and not path.is_dir():     # a pipe would be waited for
        raise UnreadableFile(f'{path} is neither a file nor a folder')
    return path


def _may_be_called(suffix: str, container: av.ContainerFormat) -> bool:
    """Whether files of this form end so; PyAV doesn't know every form's endings."""
    known = container.extensions | ({'m4v'} if 'mp4' in container.extensions else set())
    return not container.name.endswith('_pipe') and (not known or suffix in known)


@contextmanager
def _unreadable(path: Path, kind: str) -> Iterator[None]:
    """Whatever a decoder raises becomes one sentence."""
    try:
        yield
    except UnreadableFile:
        raise
    except Exception as error:
        raise UnreadableFile(f'{path} cannot be read as a {kind}; '
                             'is it cut off or damaged?') from error


@cache
def _count(path: Path, mtime_ns: int, size: int) -> int:
    if path.is_dir():
        return len(_frame_files(path))
    if path.suffix.lower() == '.npy':
        return len(_open_npy(path))
    with suppress(Exception):                        # PyAV has the last word
        return len(_open_decord(path))
    with _unreadable(path, 'video'), av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def _iter_folder(folder: Path) -> Iterator[Pixels]:
    shape = None
    for file in _frame_files(folder):
        frame = _read_image(file)
        shape = shape or frame.shape
        if frame.shape != shape:
            raise UnreadableFile(f'{folder} mixes frames of different shapes: {shape}, '
                                 f'{frame.shape}')
        yield frame


def _frame_files(folder: Path) -> list[Path]:
    """Stills of a folder, frame 10 after frame 9."""
    files = [file for file in folder.iterdir()
             if file.suffix.lower() in STILL_SUFFIXES and not file.name.startswith('.')]
    if not files:
        raise UnreadableFile(f'{folder} is a folder without frames')
    return sorted(files, key=lambda file: natural_key(file.name))


def _open_npy(path: Path) -> Pixels:
    with _unreadable(path, '.npy array'):
        array = np.load(path, mmap_mode='r', allow_pickle=False)
        if array.dtype != np.uint8 or array.ndim - is_colour(array) != 3 or 0 in array.shape:
            raise UnreadableFile(f'{path} must hold (T, H, W) or (T, H, W, 3) uint8, but holds '
                                 f'{array.shape} {array.dtype}')
    return array


def _read_image(path: Path) -> Pixels:
    _not_empty(path)
    with _unreadable(path, 'still'), Image.open(path) as image:
        require_bearable_size(path, *image.size)
        # Pillow reads 48-bit colour as RGB; only the raw mode in its tiles tells
        has_16_bits = ';16' in str(image.tile)
        if has_16_bits or image.mode not in ('1', 'L', 'LA', 'P', 'RGB', 'RGBA'):
            found = '16 bits' if has_16_bits else f'colour mode {image.mode}'
            raise UnreadableFile(f'{path} has {found}; save it as grey or RGB with 8 bits')
        return np.array(image.convert('L' if image.mode in ('1', 'L', 'LA') else 'RGB'))


def _iter_video(path: Path) -> Iterator[Pixels]:
    done = 0
    with suppress(Exception):                        # PyAV has the last word
        reader = _open_decord(path)
        for start in range(0, len(reader), FRAMES_AT_ONCE):
            wanted = range(start, min(start + FRAMES_AT_ONCE, len(reader)))
            for frame in reader.get_batch(wanted).asnumpy():
                yield frame
                done += 1
        return
    with _unreadable(path, 'video'):
        yield from islice(_iter_by_pyav(path), done, None)


def _decode_one(path: Path, frame: int) -> Pixels:
    with suppress(Exception):                        # PyAV has the last word
        return _open_decord(path).get_batch([frame]).asnumpy()[0]
    with _unreadable(path, 'video'):
        return next(islice(_iter_by_pyav(path), frame, None))


def _iter_by_pyav(path: Path) -> Iterator[Pixels]:
    with av.open(str(path)) as container:
        for image in container.decode(video=0):
            yield np.asarray(image.to_ndarray(format='rgb24'), np.uint8)


def _open_decord(path: Path) -> Any:
    """The faster decoder; it fails on gifs and on some narrow videos, and isn't everywhere."""
    if decord is None:
        raise ImportError('decord')
    return decord.VideoReader(str(path), num_threads=1)
