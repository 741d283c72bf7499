"""Why a file's frames can't be had."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

MAX_PIXELS = 25_000_000                              # of a frame; no ultrasound picture is near it


class UnreadableFile(ValueError):
    """A file whose frames can't be had; the message names it and says why."""


@contextmanager
def true_reason(path: Path, kind: str) -> Iterator[None]:
    """Whatever a decoder or the system raises becomes one message, which names the file.

    Raises:
        FileNotFoundError: if the file isn't there.
        MemoryError: if there is too little memory, which is no fault of the file.
        UnreadableFile: for everything else.
    """
    try:
        yield
    except UnreadableFile:
        raise
    except MemoryError as error:
        raise MemoryError(f'there is too little memory to read {path}') from error
    except av.FFmpegError as error:                  # its decoders return 1 or 2 for many faults,
        raise UnreadableFile(                        # which read like 'not permitted', 'no file'
            f'{path} cannot be read as a {kind}; is it cut off or damaged?') from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f'{path} does not exist') from error
    except PermissionError as error:
        raise UnreadableFile(f'{path} may not be read: permission denied') from error
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:            # Pillow's own have none
            raise UnreadableFile(f'{path} cannot be read: {error.strerror}') from error
        raise UnreadableFile(f'{path} cannot be read as a {kind}; is it cut off or damaged? '
                             f'({error})') from error


def require_content(path: str | Path) -> Path:
    """The path of a folder, or of a file that isn't empty."""
    path = Path(path)
    with true_reason(path, 'file'):
        status = path.stat()
        if not path.is_file() and not path.is_dir():                 # a pipe would be waited for
            raise UnreadableFile(f'{path} is neither a file nor a folder')
        if path.is_file() and status.st_size == 0:
            raise UnreadableFile(f'{path} is empty: it has 0 bytes')
    return path


def check_max_pixels(path: str | Path, width: int, height: int) -> None:
    """Refuse frames of more than MAX_PIXELS before they are decoded."""
    if width * height > MAX_PIXELS:
        raise UnreadableFile(f'{path} has {width * height / 1e6:.0f} million pixels a frame; at '
                             f'most {MAX_PIXELS / 1e6:.0f} million are read')
