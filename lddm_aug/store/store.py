"""Generated clips on disk.

    clips/*.npy             (T, H, W[, 3]) uint8
    plan.json               what was asked for: package, stills, seed
    manifest.jsonl          one row per clip; there only when every clip is
    manifest.partial.jsonl  the rows so far, while clips are being made
    contact_sheet.png       some of the clips to look at
"""
from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from lddm_aug.files import sha256_of, write_aside

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
    """What a finished store holds.

    Attributes:
        rows: one per clip; its `path` is relative to the store.
        header: plan.json, among it `generator_groups`, the groups that the generator saw.
    """

    rows: list[dict[str, Any]]
    header: dict[str, Any]


def read_manifest(store: str | Path) -> Manifest:
    """Read a finished store.

    Raises:
        FileNotFoundError: if there is no store, or clips are still missing in it.
        ValueError: if the manifest is empty, damaged or points out of the store.
    """
    store = Path(store)
    path = store / MANIFEST
    if not path.is_file():
        if (store / PLAN).is_file():
            raise FileNotFoundError(f'{path} is missing because the store is unfinished; '
                                    'run tools/synthesize.py again to finish it')
        raise FileNotFoundError(f'{path} is missing, so {store} is no store of clips; '
                                'make one with tools/synthesize.py')
    lines = path.read_bytes().splitlines()
    if not lines:
        raise ValueError(f'{path} is empty; make the store again')
    rows = [_read_row(path, number, line) for number, line in enumerate(lines, start=1)]
    header = _read_plan(store / PLAN)
    if len(rows) != header['clips']:
        raise ValueError(f'{path} has {len(rows)} rows, but {header["clips"]} clips were planned; '
                         'run tools/synthesize.py again to finish it')
    return Manifest(rows, header)


class StoreWriter:
    """Fills a store, so that whatever stops it, what stands there is whole or marked unfinished.

    Args:
        folder: a new or empty folder, or a store that was begun with the same plan.
        plan: what identifies the plan; values that JSON can hold, among them `clips`, how many.
    """

    def __init__(self, folder: str | Path, plan: dict[str, Any]) -> None:
        self.folder = Path(folder)
        self._open({'format_version': FORMAT_VERSION, **plan})
        self._rows = {row['clip_id']: row for row in self._recorded_rows() if self._holds(row)}

    @property
    def finished(self) -> bool:
        return (self.folder / MANIFEST).is_file()

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def resume(self) -> None:
        """Mark the store unfinished and keep the rows whose clips are whole."""
        with write_aside(self.folder / PARTIAL) as file:
            file.writelines(_line(row) for row in self._rows.values())
        (self.folder / MANIFEST).unlink(missing_ok=True)

    def add(self, clips: Sequence[tuple[np.ndarray, dict[str, Any]]]) -> None:
        """Keep clips and their rows, which still lack path, sha256 and shape."""
        rows = [self._keep(clip, row) for clip, row in clips]
        with (self.folder / PARTIAL).open('ab') as file:
            file.writelines(_line(row) for row in rows)
        self._rows.update((row['clip_id'], row) for row in rows)

    def read_clip(self, clip_id: str) -> np.ndarray:
        return np.load(self.folder / self._rows[clip_id]['path'], allow_pickle=False)

    def finish(self, clip_ids: Iterable[str]) -> None:
        """Write the manifest, its rows in this order."""
        with write_aside(self.folder / MANIFEST) as file:
            file.writelines(_line(self._rows[clip_id]) for clip_id in clip_ids)
        (self.folder / PARTIAL).unlink(missing_ok=True)

    def _open(self, plan: dict[str, Any]) -> None:
        path = self.folder / PLAN
        if path.is_file():
            older = _read_plan(path)
            differing = [key for key in plan if plan[key] != older.get(key)]
            if differing:
                raise ValueError(f'{self.folder} was begun with another plan (its '
                                 f'{", ".join(differing)} differ); name another folder, or delete '
                                 'this one')
        else:
            if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
                raise ValueError(f'{self.folder} exists and is no store of clips; '
                                 'name a new or empty folder')
            self.folder.mkdir(parents=True, exist_ok=True)
            with write_aside(path) as file:
                file.write(json.dumps(plan, indent=1).encode())
        (self.folder / CLIPS).mkdir(exist_ok=True)

    def _recorded_rows(self) -> Iterable[dict[str, Any]]:
        for name in (MANIFEST, PARTIAL):
            path = self.folder / name
            lines = path.read_bytes().splitlines() if path.is_file() else ()
            for number, line in enumerate(lines, start=1):
                with suppress(ValueError):           # a run was killed while writing this line
                    yield _read_row(path, number, line)

    def _holds(self, row: dict[str, Any]) -> bool:
        path = self.folder / row['path']
        return path.is_file() and sha256_of(path) == row['sha256']

    def _keep(self, clip: np.ndarray, row: dict[str, Any]) -> dict[str, Any]:
        buffer = io.BytesIO()
        np.save(buffer, clip, allow_pickle=False)
        path = f'{CLIPS}/{row["clip_id"]}.npy'
        with write_aside(self.folder / path) as file:
            file.write(buffer.getvalue())
        return {'clip_id': row['clip_id'],
                'path': path,
                'sha256': hashlib.sha256(buffer.getvalue()).hexdigest(),
                'shape': list(clip.shape),
                **row}


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode() + b'\n'


def _read_plan(path: Path) -> dict[str, Any]:
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


def _read_row(path: Path, number: int, line: bytes) -> dict[str, Any]:
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
        raise ValueError(f'{path}, line {number} points out of the store ({row["path"]}); '
                         'make the store again')
    return row
