"""Generated clips on disk.

    clips/*.npy             (T, H, W[, 3]) uint8
    plan.json               package, stills, seed; at the end the sha256 of manifest.jsonl
    manifest.jsonl          one row per clip; exists only once every clip does
    manifest.partial.jsonl  the rows so far, while clips are being made
    contact_sheet.png       some of the clips as a picture
"""
from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from lddm_aug.files import is_within
from lddm_aug.json_files import parse_json, read_json, require_form

FORMAT_VERSION = 1
CLIPS = 'clips'
PLAN = 'plan.json'
MANIFEST = 'manifest.jsonl'
PARTIAL = 'manifest.partial.jsonl'
CONTACT_SHEET = 'contact_sheet.png'
ROW = {
    'clip_id': str, 'path': str, 'sha256': str, 'still': str, 'still_sha256': str,
    'still_frame': (int, None), 'group': str, 'label': str, 'seed': int, 'package_sha256': str,
    'generator': str, 'sampler': (str, None), 'steps': (int, None), 'shape': [int],
    'frame_stride': int, 'versions': dict}
ROW_KEYS = tuple(ROW)
OF_THE_STILL = ('still_sha256', 'still_frame', 'group', 'label')     # in a row and in the plan
# Stores of earlier versions have no rows_sha256.
PLANNED = {'format_version': int, 'clips': int, 'generator_groups': [str], 'per_still?': int,
           'stills?': [{'still_sha256': str, 'still_frame': (int, None), 'group': str,
                        'label': str}],
           'rows_sha256?': str}
AGAIN = 'make the store again'
FINISH = 'run lddm-aug synthesize again to correct it'


class Manifest(NamedTuple):
    """Content of a finished store.

    Attributes:
        rows: one per clip; its `path` is relative to the store.
        header: plan.json, with `generator_groups`, the groups that the generator was trained on.
    """

    rows: list[dict[str, Any]]
    header: dict[str, Any]


def read_manifest(store: str | Path) -> Manifest:
    """Read a finished store.

    Raises:
        FileNotFoundError: if there is no store, or it is unfinished.
        ValueError: if the manifest is empty, damaged, changed or has paths outside the store.
    """
    store = Path(store)
    path = store / MANIFEST
    if not path.is_file():
        if (store / PLAN).is_file():
            raise FileNotFoundError(f'{path} is missing because the store is unfinished; '
                                    'run lddm-aug synthesize again to finish it')
        raise FileNotFoundError(f'{path} is missing, so {store} is no store of clips; '
                                'make one with lddm-aug synthesize')
    content = path.read_bytes()
    if not content:
        raise ValueError(f'{path} is empty; {AGAIN}')
    rows = [read_row(path, number, line)
            for number, line in enumerate(content.splitlines(), start=1)]
    header = read_plan(store / PLAN)
    if len(rows) != header['clips']:
        raise ValueError(f'{path} has {len(rows)} rows, but {header["clips"]} clips were planned; '
                         'run lddm-aug synthesize again to finish it')
    _refuse_other_rows(path, rows, header)
    if header.get('rows_sha256') not in (None, sha256(content)):
        raise ValueError(f'{path} was changed after it was written; {FINISH}')
    return Manifest(rows, header)


def sha256(content: bytes) -> str:
    """Of the bytes of a manifest or a clip."""
    return hashlib.sha256(content).hexdigest()


def clip_path(store: Path, row: dict[str, Any]) -> Path:
    """Where a row's clip lies.

    Raises:
        ValueError: if a link leads out of the store.
    """
    path = store / row['path']
    if not is_within(path, store):
        raise ValueError(f'{path} is a link out of the store; put the clip itself there, or '
                         f'{FINISH}')
    return path


def _refuse_other_rows(path: Path, rows: list[dict[str, Any]], header: dict[str, Any]) -> None:
    """Raise ValueError for a clip that stands there twice, or of another still than planned."""
    clip_ids: set[str] = set()
    stills, per_still = header.get('stills', []), header.get('per_still', 1)
    is_planned = per_still > 0 and len(stills) * per_still == len(rows)
    for number, row in enumerate(rows):
        if row['clip_id'] in clip_ids:
            raise ValueError(f'{path}, line {number + 1} has the clip {row["clip_id"]} a second '
                             f'time; {FINISH}')
        clip_ids.add(row['clip_id'])
        if is_planned:
            planned = stills[number // per_still]
            other = [key for key in OF_THE_STILL if row[key] != planned[key]]
            if other:
                raise ValueError(f'{path}, line {number + 1} was changed: its {other[0]} is '
                                 f'{row[other[0]]!r}, but {planned[other[0]]!r} was planned; '
                                 f'{FINISH}')


def as_line(row: dict[str, Any]) -> bytes:
    """A row as a line of a manifest."""
    return json.dumps(row).encode() + b'\n'


def read_plan(path: Path) -> dict[str, Any]:
    """Read plan.json.

    Raises:
        FileNotFoundError: if it doesn't exist.
        ValueError: if it is damaged, incomplete or of another version.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing; {AGAIN}')
    plan = read_json(path, object, AGAIN)
    if not isinstance(plan, dict) or plan.get('format_version') != FORMAT_VERSION:
        raise ValueError(f'{path} was written by another version of lddm_aug; {AGAIN}')
    return require_form(plan, PLANNED, str(path), AGAIN)


def read_row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """Read a line of a manifest.

    Args:
        path: of the manifest, for messages.
        number: of the line, for messages.
        line: its bytes.

    Raises:
        ValueError: if it is no row, lacks a key, or has a path outside the store.
    """
    row = parse_json(line, ROW, f'{path}, line {number}', AGAIN)
    clip = PurePosixPath(row['path'])
    if clip.is_absolute() or '..' in clip.parts:
        raise ValueError(f'{path}, line {number} has a path outside the store ({row["path"]}); '
                         f'{AGAIN}')
    return row
