"""A store of an earlier version → one of this version, with the same clips and ids."""
from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lddm_aug.files import is_within, sha256_of
from lddm_aug.json_files import read_json, read_json_lines
from lddm_aug.store.manifest import OLD_MANIFEST, PLAN, check_shape
from lddm_aug.store.rows import (
    AS_JSON,
    OF_THE_STORE,
    ROWS_AT_ONCE,
    SCHEMA,
    JoinedRows,
    make_table,
    plain_type,
    rows_on_disk,
    sorted_texts,
    tables_on_disk,
)
from lddm_aug.store.shards import clip_of, clip_sha256
from lddm_aug.store.sheet import write_contact_sheet
from lddm_aug.store.writer import StoreWriter

OLD_ROW = {
    'clip_id': str, 'path': str, 'sha256': str, 'still': str, 'still_sha256': str,
    'still_frame': (int, None), 'group': str, 'label': str, 'seed': int, 'package_sha256': str,
    'generator': str, 'sampler': (str, None), 'steps': (int, None), 'guidance?': (float, None),
    'shape': [int], 'frame_stride': int, 'versions': dict}
OLD_PLAN = {'format_version': int, 'clips': int, 'generator_groups': [str], 'rows_sha256?': str,
            'seed?': int}
SHA256 = re.compile(r'[0-9a-fA-F]{64}')
ADVICE = 'make the store again with lddm-aug synthesize'
BATCH = 64                                           # clips that are copied at once


def convert_store(old: Path, new: Path) -> int:
    """Copy a store with a file for each clip into one of this version → the number of clips.

    Args:
        old: stays as it is.
        new: a new folder, or one that an interrupted call has left.

    Raises:
        FileNotFoundError: if there is no such store, or it is unfinished or lacks a clip.
        ValueError: if it is damaged, changed, or has a clip outside.
    """
    manifest = old / OLD_MANIFEST
    if not manifest.is_file():
        raise FileNotFoundError(f'{manifest} is missing, so {old} is no finished store of an '
                                'earlier version; name one')
    plan = read_json(old / PLAN, OLD_PLAN, ADVICE)
    if plan['format_version'] != 1:
        raise ValueError(f'{old / PLAN} is of format {plan["format_version"]}, but format 1 is '
                         f'converted; {ADVICE}')
    rows, shape = _read_rows(manifest, plan, new.parent)
    check_shape(manifest, shape)
    kept = {key: value for key, value in plan.items() if key not in
            ('format_version', 'clips', 'stills', 'rows_sha256')}
    # what synthesize plans has other ids, and must not take their place
    writer = StoreWriter(new, {**kept, 'converted_from': 1, 'shape': shape},
                         rows.drop_columns(['path', 'sha256']))
    files = JoinedRows([rows.select(['path', 'sha256'])])
    with writer.lock():
        writer.resume()
        for places in writer.missing_batches(BATCH):
            paths, sha256s = (files.take(name, places).to_pylist() for name in ('path', 'sha256'))
            writer.add(places.tolist(), [
                _read_clip(old, shape, path, sha256)
                for path, sha256 in zip(paths, sha256s, strict=True)])
        write_contact_sheet(writer, plan.get('seed', 0))
        writer.finish()
    return len(writer)


def _read_rows(manifest: Path, plan: dict[str, Any], folder: Path) -> tuple[pa.Table, list[int]]:
    """Rows with the paths of their clips, in the order of their ids, on disk; the clips' shape."""
    shapes: set[tuple[int, ...]] = set()
    folder.mkdir(parents=True, exist_ok=True)
    rows = JoinedRows(tables_on_disk(folder, _tables(manifest, shapes)))
    if plan.get('rows_sha256') not in (None, sha256_of(manifest)) or len(rows) != plan['clips']:
        raise ValueError(f'{manifest} was changed after it was written; {ADVICE}')
    if len(shapes) != 1:
        raise ValueError(f'{manifest}: clips of a store have one shape, but these have '
                         f'{len(shapes)}; {ADVICE}')
    order, is_first = sorted_texts(rows.chunks('clip_id'), folder=folder)
    if not is_first.all():
        raise ValueError(f'{manifest} has a clip twice; {ADVICE}')
    return rows_on_disk(folder, rows, order), [*shapes.pop()]


def _tables(manifest: Path, shapes: set[tuple[int, ...]]) -> Iterator[pa.Table]:
    """Rows by column, some after the others, with the paths of clips; shapes are added."""
    lines = enumerate(read_json_lines(manifest, OLD_ROW, ADVICE), start=1)
    names = [name for name in SCHEMA.names if name not in OF_THE_STORE]
    while some := [*islice(lines, ROWS_AT_ONCE)]:
        for number, row in some:
            where = f'{manifest}, line {number}'
            clip = PurePosixPath(row['path'])
            if clip.is_absolute() or '..' in clip.parts:
                raise ValueError(f'{where} has a path outside the store ({row["path"]}); {ADVICE}')
            if not SHA256.fullmatch(row['sha256']):
                raise ValueError(f'{where} has no sha256 ({row["sha256"][:70]!r}); {ADVICE}')
            shapes.add(tuple(row['shape']))
        yield make_table({
            **{name: pa.array([_cell(row, name) for _, row in some], plain_type(name))
               for name in names},
            'sha256': pa.array([bytes.fromhex(row['sha256']) for _, row in some], pa.binary(32)),
            'path': pa.array([row['path'] for _, row in some], pa.string())})


def _read_clip(store: Path, shape: Sequence[int], path: str, sha256: bytes
               ) -> NDArray[np.uint8]:
    file = store / path
    if not is_within(file, store):
        raise ValueError(f'{file} is a link out of the store; put the clip itself there')
    if not file.is_file():
        raise FileNotFoundError(f'{file} is missing; {ADVICE}')
    is_longer = file.stat().st_size > 4096 + math.prod(shape)        # not to be read then
    clip = None if is_longer else clip_of(file.read_bytes(), shape)
    if clip is None or clip_sha256(clip) != sha256:
        raise ValueError(f'{file} was changed after it was made; {ADVICE}')
    return clip


def _cell(row: dict[str, Any], name: str) -> Any:
    """A column's value; stores of the old form don't say what their generators were told."""
    return json.dumps(row.get(name, {})) if name in AS_JSON else row.get(name)
