"""One writer at a time."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

SECONDS = 5.                                         # in which workers of a killed process end


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Let no other process into the block that writes into the same folder.

    The file of the lock lies beside the folder, and stays.  The system lets go of it where a
    process is killed.

    Raises:
        ValueError: if another process is in the block.
    """
    place = folder.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.with_name(f'.{place.name}.lock'), timeout=SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(f'{folder} is being written by another process; wait until it ends, or '
                         'name another place') from error
    try:
        yield
    finally:
        lock.release()
