"""Writes clips into a store that can be interrupted at any time and resumed."""
from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from lddm_aug.files import TEMPORARY, atomic_write, is_within, remove_temporaries, sha256_of
from lddm_aug.locks import only_writer
from lddm_aug.store.manifest import (
    CLIPS,
    FORMAT_VERSION,
    MANIFEST,
    PARTIAL,
    PLAN,
    as_line,
    read_manifest,
    read_plan,
    read_row,
    sha256,
)

LOCAL = ('still', 'versions')                        # where and with what a clip was made


class StoreWriter:
    """Writes clips and their manifest by atomic writes; an interrupted store stays unfinished.

    Args:
        folder: a new or empty folder, or a store that was started with the same plan.
        plan: identity of the plan: values for JSON, among them `clips`, the number of clips.  The
            paths of stills don't belong to it: the same stills may lie elsewhere.
        expected: each clip's row, without what the store adds; other rows are made again.  With
            them a plan.json that is lost or damaged is written again.

    Raises:
        ValueError: if the folder holds anything else.
    """

    def __init__(self, folder: str | Path, plan: dict[str, Any],
                 expected: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.folder = Path(folder)
        self._expected = expected
        self._plan = {'format_version': FORMAT_VERSION, **plan}
        recorded = list(self._recorded_rows())
        self._open(recorded)
        self._state = self._recorded_state()
        self._rows = {row['clip_id']: row for row in recorded
                      if self._fits(row, LOCAL) and self._is_complete(row)}

    @property
    def finished(self) -> bool:
        """Whether the manifest is written, and unchanged since."""
        try:
            return bool(read_manifest(self.folder)) and self._had_plan
        except (ValueError, FileNotFoundError):
            return False

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let no other process write into the store; what killed ones left is removed.

        Raises:
            ValueError: if one does, or did since this writer was made.
        """
        folder = self.folder.resolve()               # beside it: a store holds nothing but clips
        with only_writer(folder.with_name(f'.{folder.name}.lock'), self.folder):
            if self._recorded_state() != self._state:
                raise ValueError(f'{self.folder} was written by another process just now; '
                                 'start again')
            for place in (self.folder, self.folder / CLIPS):
                remove_temporaries(place)
            yield

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
        content = b''.join(as_line(self._rows[clip_id]) for clip_id in clip_ids)
        self._write_plan(rows_sha256=sha256(content))
        with atomic_write(self.folder / MANIFEST) as file:
            file.write(content)
        (self.folder / PARTIAL).unlink(missing_ok=True)

    def _open(self, recorded: Sequence[dict[str, Any]]) -> None:
        older = self._older_plan(recorded)
        self._had_plan = older is not None   # else no manifest fits it
        if older is not None:
            differing = [key for key, value in self._plan.items()
                         if _without_paths(value) != _without_paths(older.get(key))]
            if differing:
                raise ValueError(f'{self.folder} was started with another plan (its '
                                 f'{", ".join(differing)} differ); name another folder, or delete '
                                 'this one')
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write_plan()
        (self.folder / CLIPS).mkdir(exist_ok=True)
        if not is_within(self.folder / CLIPS, self.folder):
            raise ValueError(f'{self.folder / CLIPS} is a link out of the store; put the clips '
                             'themselves there, or link the whole store')

    def _recorded_state(self) -> list[tuple[int, int] | None]:
        """Changes when another process writes the plan or rows."""
        states = [path.stat() if path.exists() else None
                  for path in (self.folder / name for name in (PLAN, MANIFEST, PARTIAL))]
        return [None if state is None else (state.st_ino, state.st_mtime_ns) for state in states]

    def _older_plan(self, recorded: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """What the folder was started with; None for one that has no plan, or must get it again.

        Raises:
            ValueError: if it holds anything else.
        """
        path = self.folder / PLAN
        is_ours = (self._expected is not None and bool(recorded)
                   and all(self._fits(row, (*LOCAL, 'label', 'group')) for row in recorded))
        content = [] if not self.folder.is_dir() else [
            each for each in (*self.folder.iterdir(), *self.folder.glob(f'{CLIPS}/*'))
            if not each.name.endswith(TEMPORARY)]    # of a killed run
        if path.is_file():
            try:
                return read_plan(path)
            except ValueError:
                if not is_ours and {*content} - {path, self.folder / CLIPS}:
                    raise
                return None
        if not is_ours and (content or self.folder.is_file()):
            raise ValueError(f'{self.folder} exists and is no store of clips; '
                             'name a new or empty folder')
        return None

    def _write_plan(self, **more: Any) -> None:
        with atomic_write(self.folder / PLAN) as file:
            file.write(json.dumps(self._plan | more, indent=1).encode())

    def _fits(self, row: dict[str, Any], free: Sequence[str]) -> bool:
        """Whether it is the row that is expected, but for what is free."""
        if self._expected is None:
            return True
        expected = self._expected.get(row['clip_id'])
        return expected is not None and all(row.get(key) == value for key, value in expected.items()
                                            if key not in free)

    def _recorded_rows(self) -> Iterable[dict[str, Any]]:
        for name in (MANIFEST, PARTIAL):
            path = self.folder / name
            lines = path.read_bytes().splitlines() if path.is_file() else ()
            for number, line in enumerate(lines, start=1):
                with suppress(ValueError):           # a run was killed while it wrote this line
                    yield read_row(path, number, line)

    def _is_complete(self, row: dict[str, Any]) -> bool:
        path = self.folder / row['path']
        return (path.is_file() and is_within(path, self.folder)
                and sha256_of(path) == row['sha256'])

    def _write(self, clip: np.ndarray, row: dict[str, Any]) -> dict[str, Any]:
        buffer = io.BytesIO()
        np.save(buffer, clip, allow_pickle=False)
        path = f'{CLIPS}/{row["clip_id"]}.npy'
        with atomic_write(self.folder / path) as file:
            file.write(buffer.getvalue())
        return {'clip_id': row['clip_id'],
                'path': path,
                'sha256': sha256(buffer.getvalue()),
                'shape': list(clip.shape),
                **row}


def _without_paths(value: Any) -> Any:
    """A part of a plan, its stills by content alone."""
    if isinstance(value, list):
        return [_without_paths(part) for part in value]
    if isinstance(value, dict):
        return {key: part for key, part in value.items() if key != 'still'}
    return value
