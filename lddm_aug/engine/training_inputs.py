"""The files that a training reads, known by what is in them and not by where they lie."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from mmaction.datasets import BaseActionDataset
from mmaction.registry import DATASETS

from lddm_aug.checkpoints import read_checkpoint, weights_sha256
from lddm_aug.data.annotations import read_annotations
from lddm_aug.datasets.table_dataset import TableDataset
from lddm_aug.files import sha256_of
from lddm_aug.generators.hub import is_on_hub
from lddm_aug.generators.package import CARD, read_card
from lddm_aug.store.manifest import MANIFEST

BLOCK_BYTES = 1 << 16
VERY_MANY = 100_000
WEIGHTS = ('.pth', '.pt')
DIGITS = 16                                          # of a sha256: enough to tell two files apart


def content_of(value: str) -> str | None:
    """`name (digits of a sha256)` of a file, a store or a package; None for any other value.

    Of a checkpoint the weights count, since its other content differs from run to run.
    """
    if os.path.isfile(value):
        digest = _content(Path(value), *_state(Path(value)))
    elif is_on_hub(value) or os.path.isfile(os.path.join(value, CARD)):
        digest = read_card(value)['sha256']          # what else lies there changes no clip
    elif os.path.isfile(os.path.join(value, MANIFEST)):
        digest = _digest([Path(value)])
    else:
        return None
    return f'{Path(value).name} ({digest[:DIGITS]})'


def listed_content(dataset: Mapping[str, Any]) -> str | None:
    """`N files (digits of a sha256)` that a data set's config lists; None if it lists none.

    Large files are known by their size and three blocks: the first, the middle and the last; of
    very many the sizes must do, lest a training waits for hours before it starts.

    Raises:
        FileNotFoundError: if a table or a file in it is missing.
        ValueError: if a table can't be read.
    """
    if not dataset.get('ann_file') or not isinstance(dataset.get('type'), str):
        return None
    kind: Any = DATASETS.get(dataset['type']) or object
    if issubclass(kind, TableDataset):
        rows = read_annotations(dataset['ann_file'], dataset.get('data_root'))
        files = [row.path for row in rows]
    elif issubclass(kind, BaseActionDataset):
        built = DATASETS.build({**dataset, 'pipeline': []})
        infos = [built.get_data_info(index) for index in range(len(built))]
        files = [Path(info[key]) for info in infos for key in ('filename', 'frame_dir')
                 if key in info]
    else:
        return None
    return f'{len(files)} files ({_digest(files)[:DIGITS]})'


@cache
def _content(path: Path, size: int, mtime_ns: int) -> str:
    if path.suffix in WEIGHTS:
        with suppress(ValueError):                   # more than weights: its bytes count
            return weights_sha256(read_checkpoint(path))
    return sha256_of(path)


def _digest(paths: Iterable[Path]) -> str:
    """Of files and of the files in folders, in order."""
    files = [(file.relative_to(path).as_posix(), file) for path in paths
             for file in (sorted(path.rglob('*')) if path.is_dir() else [path])
             if not file.is_dir()]
    digest = hashlib.sha256()
    for name, file in files:
        state = _state(file) if file.is_file() else None
        content = 'no file' if state is None else (
            state[0] if len(files) > VERY_MANY else _sampled(file, *state))
        digest.update(f'{name} {content}\n'.encode(errors='surrogateescape'))
    return digest.hexdigest()


@cache
def _sampled(path: Path, size: int, mtime_ns: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with path.open('rb') as file:
        for start in sorted({0, max(0, (size - BLOCK_BYTES) // 2), max(0, size - BLOCK_BYTES)}):
            file.seek(start)
            digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()


def _state(path: Path) -> tuple[int, int]:
    """Changes when the file does, so that none is read twice."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns
