"""Writes clips into a store that can be interrupted at any time and resumed."""
from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lddm_aug.files import TEMPORARY, atomic_write, is_within, remove_temporaries, sha256_of
from lddm_aug.json_files import parse_json
from lddm_aug.locks import only_writer
from lddm_aug.store.arrow_file import read_rows
from lddm_aug.store.divided import is_of_a_shard
from lddm_aug.store.manifest import (
    CONTACT_SHEET,
    COPY,
    FORMAT_VERSION,
    MANIFEST,
    PARTIAL,
    PLAN,
    PLAN_SHA256,
    check_table,
    plan_sha256,
    plan_text,
    read_manifest,
    read_plan,
    refuse_format_1,
    shards_of,
    stills_sha256,
)
from lddm_aug.store.on_disk import IN_MEMORY, batches, counted, drop_pages, zeros
from lddm_aug.store.records import copy_records, remove_copies
from lddm_aug.store.rows import JoinedRows, make_table, write_rows
from lddm_aug.store.shards import CLIPS, clip_sha256, clips_per_shard

# in plan.json, and no plan
OF_A_STORE = ('clips_per_shard', 'rows_sha256', 'sheet_sha256', 'left_out')
LOCAL = ('still', 'versions')                        # where and with what a clip was made
DAMAGED = 'it is damaged'
SHOWN = 4                                            # of what another plan says


class StoreWriter:
    """Writes clips and their rows; an interrupted store stays unfinished.

    A clip's place is the number of its row.  A killed process loses at most the clips of one `add`.

    Args:
        folder: a new or empty folder, or a store that was started with the same plan.
        plan: identity of the plan: values for JSON, among them `shape`, that of each clip.  The
            paths of stills don't belong to it: the same stills may lie elsewhere.
        rows: the row of each clip, without place and sha256; may be memory-mapped.  Clips of other
            rows are made again, and a plan.json that is lost or damaged is written again.
        per_shard: clips of a shard; by default about 256 MiB of them.

    Raises:
        ValueError: if the folder holds anything else.
    """

    def __init__(self, folder: str | Path, plan: Mapping[str, Any], rows: pa.Table,
                 per_shard: int | None = None) -> None:
        self.folder = Path(folder)
        self.rows = rows
        self._expected = JoinedRows([rows])
        self._plan: dict[str, Any] = {
            'format_version': FORMAT_VERSION, **plan, 'clips': len(rows),
            'stills': stills_sha256(rows)}
        refuse_format_1(self.folder)
        older = self._older_plan()
        self._plan['clips_per_shard'] = (per_shard or clips_per_shard(plan['shape'])
                                         if older is None else older['clips_per_shard'])
        self._open(older)
        self.clips = shards_of(self.folder, self._plan)
        self._state = self._recorded_state()
        self._sha256s = zeros(len(rows), np.uint8, self.folder, width=32)
        self._is_made = zeros(len(rows), bool, self.folder)
        chunks = self._expected.tables[0]['versions'].chunks         # with one dictionary
        self._versions: list[str] = chunks[0].dictionary.to_pylist() if chunks else []
        self._planned_version = zeros(len(rows), np.int32, self.folder)
        self._version_of = zeros(len(rows), np.int32, self.folder)
        start = 0
        for chunk in chunks:
            for column in (self._planned_version, self._version_of):
                column[start:start + len(chunk)] = chunk.indices.to_numpy()
            start += len(chunk)
        self._headed = -1                            # of which version the last heading is
        self._left_out: dict[int, str] = {}
        self._read_recorded()

    @property
    def finished(self) -> bool:
        """Whether the manifest is written, and unchanged since."""
        if (self.folder / PARTIAL).exists():         # killed before this was removed
            return False
        try:
            return bool(read_manifest(self.folder)) and self._had_plan
        except (ValueError, FileNotFoundError):
            return False

    @property
    def missing(self) -> NDArray:
        """Places of the clips that are still to be made."""
        return np.concatenate([np.zeros(0, int), *self.missing_batches(IN_MEMORY)])

    def missing_batches(self, count: int) -> Iterator[NDArray]:
        """`missing`, so many at once; those that are left out meanwhile may be among them."""
        for places in batches(range(len(self.rows))):
            missing = ~self._is_made[places]
            missing[[place - places[0] for place in self._left_out
                     if places[0] <= place <= places[-1]]] = False
            yield from batches(places[missing], count)
            drop_pages()

    @property
    def made(self) -> NDArray:
        """Places of the clips that are there."""
        found, count = zeros(len(self), np.int64, self.folder), 0
        for places in batches(range(len(self.rows))):
            some = places[self._is_made[places]]
            found[count:count + len(some)] = some
            count += len(some)
        return found

    def __contains__(self, place: int) -> bool:
        return bool(self._is_made[place])

    def __len__(self) -> int:
        return int(np.count_nonzero(self._is_made))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let no other process write into the store; what killed ones left is removed.

        Raises:
            ValueError: if one does, or did since this writer was made.
        """
        with only_writer(self.folder):
            if self._recorded_state() != self._state:
                raise ValueError(f'{self.folder} was written by another process just now; '
                                 'start again')
            for place in (self.folder, self.folder / CLIPS, self.folder / COPY):
                remove_temporaries(place)
            yield

    def resume(self) -> None:
        """Mark the store unfinished and keep the rows whose clips are complete."""
        self._headed = -1
        with atomic_write(self.folder / PARTIAL) as file:
            for number in range(len(self._versions)):
                for places in batches(range(len(self.rows))):
                    chosen = self._is_made[places] & (self._version_of[places] == number)
                    file.writelines(self._lines(places[chosen].tolist()))
            if not len(self) and self._versions:
                file.write(self._heading(0))
        (self.folder / MANIFEST).unlink(missing_ok=True)
        remove_copies(self.folder)

    def add(self, places: Sequence[int], clips: Sequence[NDArray[np.uint8]]) -> None:
        """Write clips at their places, and then that they are there."""
        for place, clip in zip(places, clips, strict=True):
            self.clips.write(place, clip)
            self._sha256s[place] = np.frombuffer(clip_sha256(clip), np.uint8)
            self._version_of[place] = self._planned_version[place]
        with (self.folder / PARTIAL).open('ab') as file:
            file.writelines(self._lines(places))
        self._is_made[list(places)] = True

    def leave_out(self, place: int, reason: str) -> None:
        """Finish the store without a clip that can't be made; plan.json has the reason."""
        self._left_out[place] = reason

    def read_clip(self, place: int) -> NDArray[np.uint8]:
        """(T, H, W[, 3]) uint8 clip."""
        return self.clips.read(place)

    def finish(self) -> None:
        """Write the manifest, and copies of all records.

        Raises:
            ValueError: if clips are missing.
        """
        lacking = sum(map(len, self.missing_batches(IN_MEMORY)))
        if lacking:
            raise ValueError(f'{self.folder} lacks {lacking} clips; add them first')
        self.clips.make_all()
        rows = JoinedRows([make_table({
            **dict(zip(self.rows.column_names, self.rows.columns, strict=True)),
            'place': pa.array(counted(len(self.rows), self.folder)),
            'sha256': pa.Array.from_buffers(pa.binary(32), len(self.rows), [
                None, pa.py_buffer(self._sha256s)]),
            'versions': pa.DictionaryArray.from_arrays(
                pa.array(self._version_of), pa.array(self._versions, pa.string()))})])
        left_out = [dict(self.rows.slice(place, 1).to_pylist()[0], reason=reason)
                    for place, reason in sorted(self._left_out.items())]
        more: dict[str, Any] = {'left_out': left_out} if left_out else {}
        if (self.folder / CONTACT_SHEET).is_file():
            more['sheet_sha256'] = sha256_of(self.folder / CONTACT_SHEET)
        with atomic_write(self.folder / MANIFEST) as file:
            write_rows(file, rows, self.made, {PLAN_SHA256: plan_sha256(self._plan | more)},
                       self.folder)
            file.flush()
            self._write_plan(rows_sha256=sha256_of(Path(file.name)), **more)
        copy_records(self.folder)
        (self.folder / PARTIAL).unlink(missing_ok=True)

    def _open(self, older: Mapping[str, Any] | None) -> None:
        self._had_plan = older is not None           # else no manifest fits it
        if older is not None:
            differing = [key for key in dict.fromkeys([*self._plan, *older])
                         if key not in OF_A_STORE and self._plan.get(key) != older.get(key)]
            if differing:
                shown = [f'{key}: {_short(old)} → {_short(new)}' for each in differing
                         for key, old, new in _changes(each, older.get(each), self._plan.get(each))]
                more = [f'{len(shown) - SHOWN} more'] if len(shown) > SHOWN else []
                raise ValueError(f'{self.folder} was started with another plan (its '
                                 f'{", ".join(differing)} differ; {", ".join(shown[:SHOWN] + more)}'
                                 '); name another folder, or delete this one')
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

    def _older_plan(self) -> dict[str, Any] | None:
        """What the folder was started with; None for one that has no plan, or must get it again.

        Raises:
            ValueError: if it holds anything else.
        """
        path = self.folder / PLAN
        content = [] if not self.folder.is_dir() else [
            each for each in (*self.folder.iterdir(), *self.folder.glob(f'{CLIPS}/*'))
            if not each.name.endswith(TEMPORARY)     # of a killed run
            and not is_of_a_shard(each)]
        if path.is_file():
            try:
                return read_plan(path)
            except ValueError:
                if {*content} - {path, self.folder / CLIPS} and not self._is_ours():
                    raise
                return None
        if (content or self.folder.is_file()) and not self._is_ours():
            raise ValueError(f'{self.folder} exists and is no store of clips; '
                             'name a new or empty folder')
        return None

    def _is_ours(self) -> bool:
        """Whether the recorded rows are of this plan, as far as can be seen without plan.json."""
        found = self._recorded_table()
        if found is not None:
            recorded = JoinedRows([found])
            return bool(len(found)) and all(
                self._fits(recorded, batch, (*LOCAL, 'label', 'group')).all()
                for batch in batches(np.arange(len(found))))
        path = self.folder / PARTIAL
        if not path.is_file():
            return False
        with path.open('rb') as file:
            return self._version_in(file.readline()) is not None

    def _write_plan(self, **more: Any) -> None:
        with atomic_write(self.folder / PLAN) as file:
            file.write(plan_text(self._plan | more))

    def _recorded_table(self) -> pa.Table | None:
        """The rows of manifest.arrow that have a place; None if it can't be read."""
        path = self.folder / MANIFEST
        if not path.is_file():
            return None
        try:
            table = read_rows(path)
            check_table(path, len(self.rows), len(table), lambda: table)
        except (ValueError, OSError, pa.ArrowException):
            return None
        return table

    def _fits(self, found: JoinedRows, numbers: NDArray, free: Sequence[str] = LOCAL) -> NDArray:
        """Which recorded rows are those that are expected, but for what is free."""
        places = found.take('place', numbers).to_numpy()
        fits = np.ones(len(numbers), bool)
        for name in self._expected.names:
            if name in free:
                continue
            if name not in found.names:
                return np.zeros(len(numbers), bool)
            one, other = self._expected.take(name, places), found.take(name, numbers)
            same = pc.or_kleene(pc.equal(one, other), pc.and_(pc.is_null(one), pc.is_null(other)))
            fits &= same.fill_null(False).to_numpy(zero_copy_only=False).astype(bool)
        return fits

    def _read_recorded(self) -> None:
        """Find the clips that are recorded and there."""
        table = self._recorded_table()
        if table is not None:
            found = JoinedRows([table])
            for batch in batches(np.arange(len(found))):
                fitting = batch[self._fits(found, batch)]
                for place, digest, version in zip(
                        *(found.take(name, fitting).to_pylist()
                          for name in ('place', 'sha256', 'versions')), strict=True):
                    self._count(place, digest, version)
        path = self.folder / PARTIAL
        if path.is_file():
            with path.open('rb') as lines:
                self._read_partial(lines)

    def _read_partial(self, lines: Iterable[bytes]) -> None:
        version = None
        for line in lines:
            if line.startswith(b'{'):
                version = self._version_in(line)
                continue
            try:
                place, digest = parse_json(line, [(int, str)], PARTIAL, DAMAGED)
                sha256 = bytes.fromhex(digest)
            except (ValueError, TypeError):          # a run was killed while it wrote this line
                continue
            if version is not None and isinstance(place, int) and 0 <= place < len(self.rows):
                self._count(place, sha256, version)

    def _count(self, place: int, sha256: bytes, version: str) -> None:
        if self.clips.sha256(place) == sha256:
            self._sha256s[place] = np.frombuffer(sha256, np.uint8)
            if version not in self._versions:
                self._versions.append(version)
            self._version_of[place] = self._versions.index(version)
            self._is_made[place] = True

    def _lines(self, places: Sequence[int]) -> Iterator[bytes]:
        """A line for each clip, and headings that say with what they were made."""
        for place in places:
            if self._version_of[place] != self._headed:
                yield self._heading(int(self._version_of[place]))
            yield json.dumps([int(place), self._sha256s[place].tobytes().hex()]).encode() + b'\n'

    def _heading(self, version: int) -> bytes:
        self._headed = version
        versions = self._versions[version]
        return json.dumps({'plan': self._identity(versions),
                           'versions': versions}).encode() + b'\n'

    def _version_in(self, line: bytes) -> str | None:
        """What a heading says; None for another plan's, or what is none."""
        try:
            heading = parse_json(line, {'plan': str, 'versions': str}, PARTIAL, DAMAGED)
        except ValueError:
            return None
        versions = heading['versions']
        return versions if heading['plan'] == self._identity(versions) else None

    def _identity(self, versions: str) -> str:
        plan = {key: value for key, value in self._plan.items() if key not in OF_A_STORE}
        return hashlib.sha256(json.dumps([plan, versions], sort_keys=True).encode()).hexdigest()


def _changes(key: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, old and new value of all in which two values differ; None for a lacking one."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            yield from _changes(f'{key}.{name}', old.get(name), new.get(name))
    elif old != new:
        yield key, old, new


def _short(value: Any) -> str:
    return textwrap.shorten(str(value), width=24, placeholder=' …') if ' ' in str(value) else (
        str(value)[:12])
