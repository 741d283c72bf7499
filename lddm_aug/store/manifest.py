"""Generated clips on disk.

    clips/shard-00000.npy   (N, T, H, W[, 3]) uint8, about 256 MiB of clips
    plan.json               package, seed, shape; at the end the sha256 of manifest.arrow
    manifest.arrow          a row per clip, by column (Arrow IPC); exists only once every clip does
    manifest.partial.jsonl  place and sha256 of the clips so far, while they are being made
    contact_sheet.png       some of the clips as a picture
    copy/                   of the three records above, for `lddm-aug store repair`

Nothing is read for each clip when a store is opened: rows are memory-mapped, and every process of
a training shares them.
"""
from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lddm_aug.files import sha256_of
from lddm_aug.json_files import parse_json, read_json, require_form
from lddm_aug.limits import refuse_above
from lddm_aug.remote import here
from lddm_aug.store.arrow_file import read_rows
from lddm_aug.store.on_disk import drop_pages
from lddm_aug.store.rows import AS_JSON, SCHEMA
from lddm_aug.store.shards import ClipShards

FORMAT_VERSION = 2
PLAN = 'plan.json'
MANIFEST = 'manifest.arrow'
PARTIAL = 'manifest.partial.jsonl'
PLAN_SHA256 = b'plan_sha256'                          # among the metadata of the rows
OLD_MANIFEST = 'manifest.jsonl'                      # of format 1
CONTACT_SHEET = 'contact_sheet.png'
COPY = 'copy'

ROW_KEYS = (*SCHEMA.names, 'shape')
BLANK = ('still_frame', 'sampler', 'steps', 'guidance')              # what may be None
OF_THE_STILL = ('still_sha256', 'still_frame', 'group', 'label', 'conditions')
PLANNED = {'format_version': int, 'clips': int, 'generator_groups': [str], 'shape': [int],
           'clips_per_shard': int, 'stills?': str, 'rows_sha256?': str,
           'sheet_sha256?': str,
           'left_out?': [{'reason': str, 'clip_id': str, 'still': str, 'still_sha256': str,
                          'group': str, 'label': str, 'seed': int}]}
MOST_CLIPS = 10**9
HASHED_ROWS = 10_000                                 # at once, on which the sha256 depends
FINISH = 'correct it by lddm-aug store repair'
AGAIN = f'{FINISH}, or make the store again'


class Manifest(NamedTuple):
    """Content of a finished store.

    Attributes:
        rows: one per clip, in the order of their ids.
        header: plan.json, with `generator_groups`, the groups that the generator was trained on.
        clips: the clips; `row['place']` is the place of a row's clip.
    """

    rows: Rows
    header: dict[str, Any]
    clips: ClipShards

    def read_clip(self, number: int) -> NDArray[np.uint8]:
        """(T, H, W[, 3]) uint8 clip of a row."""
        return self.clips.read(self.rows.place(number))


class Rows(Sequence[dict[str, Any]]):
    """Rows of a manifest, read by column from a memory map.

    `rows[3]` is a dict; slices and `take` give other Rows, and `column` an array.

    Args:
        file: manifest.arrow, whose content was checked.
        shape: of every clip.
        numbers: the rows of the file that these are; None for all.
    """

    def __init__(self, file: Path, shape: Sequence[int], numbers: NDArray | None = None) -> None:
        self.file = Path(file)
        self.shape = list(shape)
        self.numbers = numbers

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process maps the file itself."""
        return Rows, (self.file, self.shape, self.numbers)

    @cached_property
    def table(self) -> pa.Table:
        """All rows of the file."""
        return read_rows(self.file)

    def __len__(self) -> int:
        return len(self.table) if self.numbers is None else len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Rows: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Rows:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        row = self.read(index, self.table.column_names)
        parsed = {name: parse_json(row[name], form, f'{self.file}: {name} of {row["clip_id"]}',
                                   AGAIN) for name, form in AS_JSON.items()}
        return dict(row, **parsed, sha256=row['sha256'].hex(), shape=list(self.shape))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[number] for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None                                  # type: ignore[assignment]

    def take(self, numbers: NDArray) -> Rows:
        """The rows of these numbers, in their order."""
        return Rows(self.file, self.shape,
                    numbers if self.numbers is None else self.numbers[numbers])

    def read(self, number: int, names: Sequence[str]) -> dict[str, Any]:
        """Some columns of a row, as they are in the file."""
        index = range(len(self))[number]             # IndexError if there is none
        if self.numbers is not None:
            index = int(self.numbers[index])
        return {name: self.table[name][index].as_py() for name in names}

    def place(self, number: int) -> int:
        """Where the clip of a row is in the shards."""
        return self.read(number, ['place'])['place']

    def column(self, name: str) -> pa.Array:
        """A column of these rows."""
        column = self.table[name]
        array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        return array if self.numbers is None else array.take(pa.array(self.numbers))

    def table_of_rows(self) -> pa.Table:
        """All columns of these rows."""
        return self.table if self.numbers is None else self.table.take(pa.array(self.numbers))

    def codes(self, name: str) -> tuple[list[str], NDArray[np.int32]]:
        """The distinct values of a column, and for each row the number of its value."""
        chunks = self.table[name].chunks             # a file has one dictionary for all of them
        if not chunks:
            return [], np.zeros(0, np.int32)
        codes = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
        return chunks[0].dictionary.to_pylist(), (codes if self.numbers is None else
                                                  codes[self.numbers])

    def values(self, name: str) -> list[str]:
        """The distinct values of a column in these rows, sorted."""
        names, codes = self.codes(name)
        return sorted(names[code] for code in np.unique(codes))

    def where(self, name: str, value: str) -> NDArray:
        """Numbers of the rows that have a value in a column."""
        names, codes = self.codes(name)
        return np.flatnonzero(codes == (names.index(value) if value in names else -1))


def read_manifest(store: str | Path) -> Manifest:
    """Open a finished store: the rows are compared with the plan's sha256, no clip is read.

    Args:
        store: its folder; of a URL, as s3://bucket/store, it is copied to this machine.

    Raises:
        FileNotFoundError: if there is no store, it is unfinished, or a shard of clips is missing.
        ValueError: if it is damaged, changed or of another version, or a link leads out of it.
    """
    manifest = open_rows(store)
    manifest.clips.check()
    return manifest


def open_rows(store: str | Path) -> Manifest:
    """Open a finished store whose clips may be missing or damaged; see `read_manifest`."""
    store = here(store)
    path = store / MANIFEST
    if not path.is_file():
        refuse_format_1(store)
        if (store / COPY / MANIFEST).is_file() and not (store / PARTIAL).exists():
            raise FileNotFoundError(f'{path} is missing; {FINISH}')
        if (store / PLAN).is_file():
            raise FileNotFoundError(f'{path} is missing because the store is unfinished; '
                                    'run lddm-aug synthesize again to finish it')
        raise FileNotFoundError(f'{path} is missing, so {store} is no store of clips; '
                                'make one with lddm-aug synthesize')
    if not path.stat().st_size:
        raise ValueError(f'{path} is empty; {FINISH}')
    header = read_plan(store / PLAN)
    if header.get('rows_sha256') != sha256_of(path):
        raise ValueError(f'{path} was changed after it was written; {FINISH}')
    rows, clips = Rows(path, header['shape']), shards_of(store, header)
    check_table(path, clips.count, clips.count - len(header.get('left_out', ())),
                lambda: rows.table)
    if not is_plan_of(rows.table.schema, header):
        raise ValueError(f'{store / PLAN} was changed after it was written; {FINISH}')
    return Manifest(rows, header, clips)


def refuse_format_1(store: Path) -> None:
    """Raise ValueError for a store of an earlier version; the message has the command to use."""
    if (store / OLD_MANIFEST).is_file() and not (store / MANIFEST).is_file():
        raise ValueError(f'{store} has the form of an earlier version, a file for each '
                         f'clip; convert it with lddm-aug store convert {store} --out NEW')


def check_table(path: Path, places: int, count: int, read: Callable[[], pa.Table]) -> None:
    """Raise ValueError unless a table has the columns of rows, and a place for each clip.

    Args:
        path: of the file, for messages.
        places: of the store.
        count: of rows that it must have.
        read: returns the table.
    """
    try:
        table = read()
        _validate(table)                             # nothing leads a reader out of the file
        names = table.schema.names
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} cannot be read ({error}); {FINISH}') from error
    if len({*names}) < len(names):
        raise ValueError(f'{path} has two columns of one name; {FINISH}')
    for field in SCHEMA:
        found = table.schema.field(field.name).type if field.name in names else 'none'
        if found != field.type:
            raise ValueError(f'{path} must hold a column {field.name} of type {field.type}, but '
                             f'has {found}; {FINISH}')
    if len(table) != count:
        raise ValueError(f'{path} has {len(table)} rows, but {count} clips were planned; run '
                         'lddm-aug synthesize again to finish it')
    blank = [name for name in SCHEMA.names if name not in BLANK and table[name].null_count]
    if blank:
        raise ValueError(f'{path} has rows without {blank[0]}; {FINISH}')
    taken = pc.min_max(table['place']).as_py()
    if len(table) and not 0 <= taken['min'] <= taken['max'] < places:
        raise ValueError(f'{path} has a place outside the {places} clips of the store; {FINISH}')


def plan_sha256(plan: Mapping[str, Any]) -> bytes:
    """Of all that a plan says but the sha256 of the rows; the rows have it in their metadata."""
    kept = {key: value for key, value in plan.items() if key != 'rows_sha256'}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest().encode()


def is_plan_of(schema: pa.Schema, plan: Mapping[str, Any]) -> bool:
    """Whether rows were written with a plan; those of before don't say."""
    return (schema.metadata or {}).get(PLAN_SHA256) in (None, plan_sha256(plan))


def plan_text(plan: Mapping[str, Any]) -> bytes:
    """The content of plan.json."""
    return json.dumps(plan, indent=1).encode()


def _validate(table: pa.Table) -> None:
    """As `table.validate(full=True)`, but a dictionary is looked at once, not for every batch."""
    table.validate()
    for column in table.columns:
        drop_pages()
        if not pa.types.is_dictionary(column.type):
            column.validate(full=True)
            continue
        looked_at = None
        for chunk in column.chunks:
            if looked_at is None or not looked_at.equals(chunk.dictionary):
                looked_at = chunk.dictionary
                looked_at.validate(full=True)
            chunk.indices.validate(full=True)
            found = pc.min_max(chunk.indices).as_py()
            if found['min'] is not None and not 0 <= found['min'] <= found['max'] < len(looked_at):
                raise pa.ArrowInvalid('a code points out of its column')


def stills_sha256(rows: pa.Table) -> str:
    """Of the content, group, label and conditions of the still of every row, in their order."""
    digest = hashlib.sha256()
    for start in range(0, len(rows), HASHED_ROWS):
        batch = rows.select(OF_THE_STILL).slice(start, HASHED_ROWS)
        columns = [batch.column(name).to_pylist() for name in OF_THE_STILL]
        digest.update(json.dumps([*zip(*columns, strict=True)]).encode())
        drop_pages()
    return digest.hexdigest()


def shards_of(store: Path, plan: Mapping[str, Any]) -> ClipShards:
    """Where the clips of a plan are."""
    return ClipShards(store, tuple(plan['shape']), plan['clips'], plan['clips_per_shard'])


def check_shape(path: Path, shape: Sequence[int]) -> None:
    """Raise ValueError for what is no shape of a clip, or needs more than MAX_BYTES."""
    if not 3 <= len(shape) <= 4 or min(shape) < 1:
        raise ValueError(f'{path}: shape must be (T, H, W) or (T, H, W, 3), but got '
                         f'{[*shape][:5]}; {AGAIN}')
    refuse_above('MAX_BYTES', math.prod(shape), f'{path}: a clip of its shape')


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
        refuse_format_1(path.parent)
        raise ValueError(f'{path} was written by another version of lddm_aug; {AGAIN}')
    require_form(plan, PLANNED, str(path), AGAIN)
    for key, value, least in (('clips', plan['clips'], 0),           # 0: a shard without stills
                              ('clips_per_shard', plan['clips_per_shard'], 1)):
        if not least <= value <= MOST_CLIPS:
            raise ValueError(f'{path}: {key} must lie in [{least}, {MOST_CLIPS}], but got {value}; '
                             f'{AGAIN}')
    check_shape(path, plan['shape'])
    return plan


