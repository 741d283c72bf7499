"""Writes clips into a store that can be interrupted at any time and resumed."""
from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lddm_aug.files import atomic_write, sha256_of
from lddm_aug.store.manifest import (
    CLIPS,
    FORMAT_VERSION,
    MANIFEST,
    PARTIAL,
    PLAN,
    as_line,
    read_plan,
    read_row,
)


class StoreWriter:
    """Writes clips and their manifest by atomic writes; an interrupted store stays unfinished.

    Args:
        folder: a new or empty folder, or a store that was started with the same plan.
        plan: identity of the plan: values for JSON, among them `clips`, the number of clips.
    """

    def __init__(self, folder: str | Path, plan: dict[str, Any]) -> None:
        self.folder = Path(folder)
        self._open({'format_version': FORMAT_VERSION, **plan})
        self._rows = {row['clip_id']: row for row in self._recorded_rows()
                      if self._is_complete(row)}

    @property
    def finished(self) -> bool:
        """Whether the manifest is written."""
        return (self.folder / MANIFEST).is_file()

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def resume(self) -> None:
        """Mark the store unfinished and keep the rows whose clips are complete."""
        with atomic_write(self.folder / PARTIAL) as file:
            file.writelines(as_line(row) for row in self._rows.values())
        (self.folder / MANIFEST).unlink(missing_ok=True)

    def add(self, clips: Sequence[tuple[np.ndarray, dict[str, Any]]]) -> None:
        """Write clips, and their rows with path, sha256 and shape added."""
        rows = [self._write(clip, row) for clip, row in clips]
        with (self.folder / PARTIAL).open('ab') as file:
            file.writelines(as_line(row) for row in rows)
        self._rows.update((row['clip_id'], row) for row in rows)

    def read_clip(self, clip_id: str) -> np.ndarray:
        """(T, H, W[, 3]) uint8 clip."""
        return np.load(self.folder / self._rows[clip_id]['path'], allow_pickle=False)

    def finish(self, clip_ids: Iterable[str]) -> None:
        """Write the manifest, its rows in this order."""
        with atomic_write(self.folder / MANIFEST) as file:
            file.writelines(as_line(self._rows[clip_id]) for clip_id in clip_ids)
        (self.folder / PARTIAL).unlink(missing_ok=True)

    def _open(self, plan: dict[str, Any]) -> None:
        path = self.folder / PLAN
        if path.is_file():
            older = read_plan(path)
            differing = [key for key in plan if plan[key] != older.get(key)]
            if differing:
                raise ValueError(f'{self.folder} was started with another plan (its '
                                 f'{", ".join(differing)} differ); name another folder, or delete '
                                 'this one')
        else:
            if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
                raise ValueError(f'{self.folder} exists and is no store of clips; '
                                 'name a new or empty folder')
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(json.dumps(plan, indent=1).encode())
        (self.folder / CLIPS).mkdir(exist_ok=True)

    def _recorded_rows(self) -> Iterable[dict[str, Any]]:
        for name in (MANIFEST, PARTIAL):
            path = self.folder / name
            lines = path.read_bytes().splitlines() if path.is_file() else ()
            for number, line in enumerate(lines, start=1):
                with suppress(ValueError):           # a run was killed while it wrote this line
                    yield read_row(path, number, line)

    def _is_complete(self, row: dict[str, Any]) -> bool:
        path = self.folder / row['path']
        return path.is_file() and sha256_of(path) == row['sha256']

    def _write(self, clip: np.ndarray, row: dict[str, Any]) -> dict[str, Any]:
        buffer = io.BytesIO()
        np.save(buffer, clip, allow_pickle=False)
        path = f'{CLIPS}/{row["clip_id"]}.npy'
        with atomic_write(self.folder / path) as file:
            file.write(buffer.getvalue())
        return {'clip_id': row['clip_id'],
                'path': path,
                'sha256': hashlib.sha256(buffer.getvalue()).hexdigest(),
                'shape': list(clip.shape),
                **row}
