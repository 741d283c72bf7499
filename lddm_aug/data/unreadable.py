"""Errors of unreadable files."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from lddm_aug.limits import PREFIX, limit_of, refuse_above


class UnreadableFileError(ValueError):
    """A file whose frames can't be read; the message has its name and the reason."""


@contextmanager
def as_unreadable(path: Path, kind: str) -> Iterator[None]:
    """Convert errors of decoders and the system into one message with the file's name.

    Args:
        path: of the file.
        kind: of the file, for the message.

    Raises:
        FileNotFoundError: if the file doesn't exist.
        MemoryError: if there is too little memory.
        UnreadableFileError: for all other errors.
    """
    try:
        yield
    except UnreadableFileError:
        raise
    except MemoryError as error:
        raise MemoryError(f'there is too little memory to read {path}') from error
    except av.FFmpegError as error:
        # without its text: decoders return 1 or 2, which read as 'not permitted' and 'no such file'
        raise UnreadableFileError(
            f'{path} cannot be read as a {kind}; is it cut off or damaged?') from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f'{path} does not exist') from error
    except PermissionError as error:
        raise UnreadableFileError(f'{path} cannot be read: permission denied') from error
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:            # Pillow's own have none
            raise UnreadableFileError(f'{path} cannot be read: {error.strerror}') from error
        raise UnreadableFileError(f'{path} cannot be read as a {kind}; is it cut off or damaged? '
                                  f'({error})') from error


def check_not_empty(path: str | Path) -> Path:
    """The path of a folder, or of a file that isn't empty."""
    path = Path(path)
    with as_unreadable(path, 'file'):
        status = path.stat()
        if not path.is_file() and not path.is_dir():                 # reading a pipe would block
            raise UnreadableFileError(f'{path} is neither a file nor a folder')
        if path.is_file() and status.st_size == 0:
            raise UnreadableFileError(f'{path} is empty: it has 0 bytes')
    return path


def check_max_pixels(path: str | Path, width: int, height: int) -> None:
    """Raise UnreadableFileError for frames of more than MAX_PIXELS, before they are decoded."""
    if width * height > limit_of('MAX_PIXELS'):
        raise UnreadableFileError(f'{path} has {width * height / 1e6:.0f} million pixels a frame; '
                                  f'{of_the_limit()}')


def of_the_limit() -> str:
    """The end of a message on a frame with too many pixels."""
    return (f'the limit is {limit_of("MAX_PIXELS") / 1e6:g} million; make it smaller, or set '
            f'{PREFIX}MAX_PIXELS')


def check_max_frames(path: str | Path, count: int) -> None:
    """Raise UnreadableFileError for a file of more than MAX_FRAMES."""
    refuse_above('MAX_FRAMES', count, path, UnreadableFileError)
