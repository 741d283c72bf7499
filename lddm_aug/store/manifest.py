"""Generated clips on disk.

    clips/*.npy             (T, H, W[, 3]) uint8
    plan.json               package, stills, seed
    manifest.jsonl          one row per clip; exists only once every clip does
    manifest.partial.jsonl  the rows so far, while clips are being made
    contact_sheet.png       some of the clips as a picture
"""
from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

FORMAT_VERSION = 1
CLIPS = 'clips'
PLAN = 'plan.json'
MANIFEST = 'manifest.jsonl'
PARTIAL = 'manifest.partial.jsonl'
CONTACT_SHEET = 'contact_sheet.png'
ROW_KEYS = ('clip_id', 'path', 'sha256', 'still', 'still_sha256', 'still_frame', 'group', 'label',
            'seed', 'package_sha256', 'generator', 'sampler', 'steps', 'shape', 'frame_stride',
            'versions')
PLAN_KEYS = ('clips', 'generator_groups')


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
        ValueError: if the manifest is empty, damaged or has paths outside the store.
    """
    store = Path(store)
    path = store / MANIFEST
    if not path.is_file():
        if (store / PLAN).is_file():
            raise FileNotFoundError(f'{path} is missing because the store is unfinished; '
                                    'run lddm-aug synthesize again to finish it')
        raise FileNotFoundError(f'{path} is missing, so {store} is no store of clips; '
                                'make one with lddm-aug synthesize')
    lines = path.read_bytes().splitlines()
    if not lines:
        raise ValueError(f'{path} is empty; make the store again')
    rows = [read_row(path, number, line) for number, line in enumerate(lines, start=1)]
    header = read_plan(store / PLAN)
    if len(rows) != header['clips']:
        raise ValueError(f'{path} has {len(rows)} rows, but {header["clips"]} clips were planned; '
                         'run lddm-aug synthesize again to finish it')
    return Manifest(rows, header)


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
        raise FileNotFoundError(f'{path} is missing; make the store again')
    try:
        plan = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} is not JSON ({error}); make the store again') from error
    if not isinstance(plan, dict) or plan.get('format_version') != FORMAT_VERSION:
        raise ValueError(f'{path} was written by another version of lddm_aug; '
                         'make the store again')
    missing = [key for key in PLAN_KEYS if key not in plan]
    if missing:
        raise ValueError(f'{path} lacks {", ".join(missing)}; make the store again')
    return plan


def read_row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """Read a line of a manifest.

    Args:
        path: of the manifest, for messages.
        number: of the line, for messages.
        line: its bytes.

    Raises:
        ValueError: if it is no row, lacks a key, or has a path outside the store.
    """
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f'{path}, line {number} is not JSON ({error}); '
                         'make the store again') from error
    if not isinstance(row, dict) or not isinstance(row.get('path', ''), str):
        raise ValueError(f'{path}, line {number} is no row; make the store again')
    missing = [key for key in ROW_KEYS if key not in row]
    if missing:
        raise ValueError(f'{path}, line {number} lacks {", ".join(missing)}; make the store again')
    clip = PurePosixPath(row['path'])
    if clip.is_absolute() or '..' in clip.parts:
        raise ValueError(f'{path}, line {number} has a path outside the store ({row["path"]}); '
                         'make the store again')
    return row
