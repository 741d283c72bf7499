"""A store of an earlier version → one of this version, with the same clips and ids."""
from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lddm_aug.files import is_within
from lddm_aug.json_files import parse_json, read_json
from lddm_aug.store.manifest import OLD_MANIFEST, PLAN, check_shape
from lddm_aug.store.rows import AS_JSON, SCHEMA, make_table, plain_type
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
    rows, paths, shape = _read_rows(manifest, plan)
    check_shape(manifest, shape)
    kept = {key: value for key, value in plan.items() if key not in
            ('format_version', 'clips', 'stills', 'rows_sha256')}
    # what synthesize plans has other ids, and must not take their place
    writer = StoreWriter(new, {**kept, 'converted_from': 1, 'shape': shape}, rows)
    with writer.lock():
        writer.resume()
        missing = writer.missing.tolist()
        for start in range(0, len(missing), BATCH):
            places = missing[start:start + BATCH]
            writer.add(places, [_read_clip(old, shape, *paths[place])
                                for place in places])
        write_contact_sheet(writer, plan.get('seed', 0))
        writer.finish()
    return len(writer)


def _read_rows(manifest: Path, plan: dict[str, Any]
               ) -> tuple[pa.Table, list[tuple[str, bytes]], list[int]]:
    """Rows by column, in the order of their ids; path and sha256 of each clip; their shape."""
    names = [name for name in SCHEMA.names if name not in ('place', 'sha256')]
    columns: dict[str, list[Any]] = {name: [] for name in names}
    paths: list[tuple[str, bytes]] = []
    shapes = set()
    digest = hashlib.sha256()
    for number, line in enumerate(_lines(manifest, digest), start=1):
        where = f'{manifest}, line {number}'
        row = parse_json(line, OLD_ROW, where, ADVICE)
        clip = PurePosixPath(row['path'])
        if clip.is_absolute() or '..' in clip.parts:
            raise ValueError(f'{where} has a path outside the store ({row["path"]}); {ADVICE}')
        for name in names:
            columns[name].append(_cell(row, name))
        try:
            paths.append((row['path'], bytes.fromhex(row['sha256'])))
        except ValueError as error:
            raise ValueError(f'{where} has no sha256 ({row["sha256"][:70]!r}); {ADVICE}') from error
        shapes.add(tuple(row['shape']))
    if plan.get('rows_sha256') not in (None, digest.hexdigest()) or len(paths) != plan['clips']:
        raise ValueError(f'{manifest} was changed after it was written; {ADVICE}')
    if len(shapes) != 1:
        raise ValueError(f'{manifest}: clips of a store have one shape, but these have '
                         f'{len(shapes)}; {ADVICE}')
    order = np.argsort(np.array(columns['clip_id'], object), kind='stable')
    ids = {*columns['clip_id']}
    if len(ids) != len(paths):
        raise ValueError(f'{manifest} has a clip twice; {ADVICE}')
    table = make_table({name: pa.array(values, plain_type(name)).take(pa.array(order))
                        for name, values in columns.items()})
    return table, [paths[number] for number in order], [*shapes.pop()]


def _lines(path: Path, digest: Any) -> Iterator[bytes]:
    with path.open('rb') as file:
        for line in file:
            digest.update(line)
            yield line


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
