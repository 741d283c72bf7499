"""Atomic writes and hashes of files."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY = '.tmp'                                   # suffix of a file during an atomic write
CHUNK_BYTES = 1 << 20


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that is renamed to `path` after the block, or removed on an error."""
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with temporary.open('wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and not error.filename:
            error.filename = str(path)               # errors of a full disk lack the file
        raise


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
