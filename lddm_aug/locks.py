"""One writer at a time."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

SECONDS = 5.                                         # in which workers of a killed process end


@contextmanager
def only_writer(file: Path, what: object) -> Iterator[None]:
    """Let no other process into the block that has the same file, which stays there.

    The system lets go of it where a process is killed.

    Args:
        file: of the lock; its folder exists.
        what: is written, for the message.

    Raises:
        ValueError: if another process is in the block.
    """
    lock = FileLock(file, timeout=SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(f'{what} is being written by another process; wait until it ends, or '
                         'name another place') from error
    try:
        yield
    finally:
        lock.release()
