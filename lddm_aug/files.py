"""Atomic writes and hashes of files."""
from __future__ import annotations

import glob
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY = '.tmp'                                   # suffix of a file during an atomic write
CHUNK_BYTES = 1 << 20
NEW_FILE = (os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, 'O_NOFOLLOW', 0)
            | getattr(os, 'O_BINARY', 0))


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that is renamed to `path` after the block, or removed on an error.

    Its name is new each time, and never a link that somebody put there.
    """
    temporary = temporary_name(path)
    try:
        with open(temporary, 'wb', opener=_create) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and not error.filename:
            error.filename = str(path)               # errors of a full disk lack the file
        raise


def _create(path: str, _flags: int) -> int:
    return os.open(path, NEW_FILE, 0o666)


def temporary_name(path: Path) -> Path:
    """A new name beside a path, for what is renamed to it once it is complete."""
    return path.with_name(f'.{path.name[:40]}.{secrets.token_hex(8)}{TEMPORARY}')


def remove_temporaries(folder: Path) -> None:
    """Remove what atomic writes of killed runs left in a folder that only we write into."""
    for left in folder.glob(f'*{TEMPORARY}'):
        if left.is_file() or left.is_symlink():
            left.unlink()


def remove_unfinished(path: Path) -> None:
    """Remove what killed runs left of writing a file or folder that only we write."""
    for left in path.parent.glob(f'.{glob.escape(path.name[:40])}.*{TEMPORARY}'):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path lies below a folder, by way of links, too."""
    try:
        return folder.resolve() in path.resolve().parents
    except (ValueError, OSError, RuntimeError):      # no path, or a link to itself
        return False


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes; of a folder: of the names and bytes of the files in it."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(file for file in path.rglob('*') if file.is_file()):
            digest.update(f'{file.relative_to(path).as_posix()} {sha256_of(file)}\n'
                          .encode(errors='surrogateescape'))
    else:
        with path.open('rb') as opened:
            while chunk := opened.read(CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
