"""Files that are whole or absent, and their fingerprints."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

ASIDE = '.tmp'                                       # ends the name of a file not yet whole
CHUNK_BYTES = 1 << 20


@contextmanager
def write_aside(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes this name once it is whole; else nothing stays."""
    aside = path.with_name(path.name + ASIDE)
    try:
        with aside.open('wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException as error:
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and not error.filename:
            error.filename = str(path)               # a full disk doesn't say which file it was
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
