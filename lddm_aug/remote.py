"""Files at URLs, by fsspec: s3://, gs://, hdfs://, memory:// and others.

What is read at a URL is first copied into a folder of this machine, and what is written there is
uploaded once it is complete: the other modules see files alone.  The folder lies in
`$LDDM_AUG_CACHE`, by default `~/.cache/lddm_aug`.
"""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from lddm_aug.files import atomic_write, is_within, temporary_name

CACHE = 'LDDM_AUG_CACHE'
OTHERS = ('hf://',)                                  # see lddm_aug/generators/hub.py
LAST = 'plan.json'                                   # of a store: without it nobody reads the rest


def is_url(place: object) -> bool:
    """Whether fsspec is to read a place; paths, and names on the Hugging Face Hub, are none."""
    return '://' in str(place) and not str(place).startswith(OTHERS)


def join(place: str | Path, name: str) -> Any:
    """A name in a folder, which may be a URL."""
    return f'{str(place).rstrip("/")}/{name}' if is_url(place) else Path(place) / name


def here(place: str | Path) -> Path:
    """The path itself; of a URL a copy on this machine, which is brought up to date.

    Raises:
        FileNotFoundError: if there is nothing at the URL.
        ValueError: if the URL is of an unknown kind, or a package that reads it is missing.
    """
    if not is_url(place):
        return Path(place)
    files, path = _open(str(place))
    if not files.exists(path):
        raise FileNotFoundError(f'{place}: there is nothing; correct the URL')
    local = folder_of(str(place))
    if files.isfile(path):
        name = PurePosixPath(path).name
        _copy(files, str(PurePosixPath(path).parent), [name], local)
        return local / name
    names = sorted(str(PurePosixPath(found).relative_to(path)) for found in files.find(path))
    _copy(files, path, names, local, and_no_others=True)
    return local


def copy_here(url: str, names: Sequence[str]) -> Path:
    """The folder with copies of some files of a folder at a URL.

    Raises:
        FileNotFoundError: if one of them doesn't exist.
        ValueError: as for `here`.
    """
    files, path = _open(url)
    _copy(files, path, names, folder_of(url))
    return folder_of(url)


@contextmanager
def written(place: str | Path) -> Iterator[Path]:
    """A folder in which to write what is to be at a place; for a URL it is uploaded at the end.

    What is at the URL is copied into it before, and so is resumed.  The folder stays.

    Raises:
        ValueError: as for `here`.
    """
    if not is_url(place):
        yield Path(place)
        return
    files, path = _open(str(place))
    local = (here(place) if files.exists(f'{path}/{LAST}') else folder_of(str(place)))
    yield local
    _upload(files, path, local)


def folder_of(url: str) -> Path:
    """Where copies of what is at a URL lie; the folder may not exist yet."""
    root = Path(os.environ.get(CACHE) or Path.home() / '.cache/lddm_aug').resolve()
    url = url.rstrip('/')
    return root / hashlib.sha256(url.encode()).hexdigest()[:16] / (PurePosixPath(url).name or 'x')


def _open(url: str) -> tuple[Any, str]:
    """A file system, and the path on it."""
    from fsspec.core import url_to_fs

    try:
        files, path = url_to_fs(url)
    except (ImportError, ValueError) as error:       # names the package to install
        raise ValueError(f'{url} cannot be opened: {error}') from error
    files.invalidate_cache()                         # others write there, too
    return files, path


def _copy(files: Any, folder: str, names: Sequence[str], local: Path, and_no_others: bool = False
          ) -> None:
    """Copy files that are not there, or are others now; perhaps remove all others."""
    local.mkdir(parents=True, exist_ok=True)
    with FileLock(local.with_name(f'.{local.name}.lock')):           # several processes wait
        record = local.with_name(f'.{local.name}.json')              # what each file was copied of
        copied = json.loads(record.read_text()) if record.is_file() else {}
        try:
            for name in dict.fromkeys(names):
                copied[name] = _copy_file(files, f'{folder}/{name}', local, name, copied.get(name))
        finally:
            with atomic_write(record) as file:
                file.write(json.dumps(copied).encode())
        for left in [*local.rglob('*')] if and_no_others else ():
            if left.is_file() and left.relative_to(local).as_posix() not in names:
                left.unlink()


def _copy_file(files: Any, source: str, local: Path, name: str, before: Any) -> Any:
    """Copy a file unless it is as it was before → what the file system says of it."""
    target = local / name
    if not is_within(target, local):
        raise ValueError(f'{source} leads out of its folder; correct the name')
    try:
        mark = files.ukey(source)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{source} does not exist') from error
    if not target.is_file() or before != mark:
        target.parent.mkdir(parents=True, exist_ok=True)
        new = temporary_name(target)
        try:
            files.get_file(source, str(new))
            os.replace(new, target)
        finally:
            new.unlink(missing_ok=True)
    return mark


def _upload(files: Any, path: str, local: Path) -> None:
    """Upload a folder; that of a store is not seen before all of it is there."""
    last = local / LAST
    if last.is_file() and files.exists(f'{path}/{LAST}'):
        if files.cat_file(f'{path}/{LAST}') == last.read_bytes():
            return                                   # it holds the sha256 of all that it belongs to
        files.rm_file(f'{path}/{LAST}')
    names = sorted((each.relative_to(local).as_posix() for each in local.rglob('*')
                    if each.is_file() and not each.name.startswith('.')),
                   key=lambda name: (PurePosixPath(name).name == LAST, name))
    for name in names:
        if name.startswith('shard-'):                # a store of its own, which was uploaded
            continue
        files.makedirs(str(PurePosixPath(f'{path}/{name}').parent), exist_ok=True)
        files.put_file(str(local / name), f'{path}/{name}')
