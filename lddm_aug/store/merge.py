"""Stores of one plan ↔ one store; and the part of a store that a filter leaves."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lddm_aug.store.divided import finished_shards, found_shards
from lddm_aug.store.manifest import Manifest, read_manifest
from lddm_aug.store.on_disk import batches, drop_pages, zeros
from lddm_aug.store.rows import (
    OF_THE_STORE,
    SCHEMA,
    JoinedRows,
    make_table,
    plain_type,
    rows_on_disk,
    sorted_texts,
)
from lddm_aug.store.shards import clip_sha256
from lddm_aug.store.sheet import write_contact_sheet
from lddm_aug.store.writer import LOCAL, OF_A_STORE, StoreWriter

OF_THE_PARTS = ('format_version', 'clips', 'stills', *OF_A_STORE)    # may differ between parts
BATCH = 64                                           # clips that are copied at once


def merge_stores(parts: Sequence[Path], out: Path) -> int:
    """Copy the clips of several stores into one → their number.

    Clips are in the order of their ids.  So the result is, byte for byte, the store that one run
    would have made of all stills.  A clip that several parts have is taken once.  In memory are a
    batch of clips and of rows, however many there are; the rest lies on disk meanwhile.

    Args:
        parts: finished stores of one generator, seed and number of clips of a still.  A folder of
            shards stands for the shards in it.
        out: a new folder, or one that an interrupted call has left; may hold the shards.

    Raises:
        FileNotFoundError: if a part is missing or unfinished.
        ValueError: if parts are damaged, lack a shard, have other plans, or have other clips or
            rows of one id.
    """
    parts = [path for part in parts
             for path in (finished_shards(part) if found_shards(part) else [part])]
    if out.resolve() in {part.resolve() for part in parts}:
        raise ValueError(f'{out} is one of the stores that are merged, and no folder of shards; '
                         'name another folder for the result')
    stores = [read_manifest(part) for part in parts]
    plans = [plan_of(store.header) for store in stores]
    for part, plan in zip(parts[1:], plans[1:], strict=True):
        differing = [key for key in dict.fromkeys([*plans[0], *plan])
                     if plans[0].get(key) != plan.get(key)]
        if differing:
            raise ValueError(f'{part} and {parts[0]} have other plans (their '
                             f'{", ".join(differing)} differ); merge stores of one generator, '
                             'seed and number of clips of a still')
    return _copy(stores, [range(len(store.rows)) for store in stores], plans[0], out,
                 [row for store in stores for row in store.header.get('left_out', ())])


def split_store(store: Path, out: Path, parts: int | None = None, by: str | None = None
                ) -> list[Path]:
    """Copy a store into several, which `merge_stores` joins again → their folders.

    Args:
        store: finished.
        out: folder of the parts.
        parts: their number; each has consecutive clips.
        by: 'label' or 'group' instead: a part for each.

    Raises:
        FileNotFoundError: if there is no such store, or it is unfinished.
        ValueError: if it is damaged, or can't be divided so.
    """
    whole = read_manifest(store)
    count = len(whole.rows)
    if (parts is None) == (by is None) or (parts is not None and not 1 <= parts <= count):
        raise ValueError(f'{store} can be divided into 1 to {count} parts, or by label or group, '
                         f'but got parts={parts!r}, by={by!r}')
    numbers: Iterator[NDArray | range]
    if by is None:
        each, more = divmod(count, parts := parts or 1)
        ends = [each * part + min(part, more) for part in range(parts + 1)]
        numbers = (range(*pair) for pair in pairwise(ends))
    else:
        values = whole.rows.values(by)
        numbers, parts = (whole.rows.where(by, value) for value in values), len(values)
    digits = len(str(parts - 1))
    folders = [out / f'{number:0{digits}d}' for number in range(parts)]
    for number, (folder, chosen) in enumerate(zip(folders, numbers, strict=True)):
        left_out = whole.header.get('left_out', ()) if number == 0 else ()
        _copy([whole], [chosen], plan_of(whole.header), folder, left_out)
    return folders


def plan_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """What the parts of a store have in common in plan.json."""
    return {key: value for key, value in header.items() if key not in OF_THE_PARTS}


def _copy(stores: Sequence[Manifest], numbers: Sequence[NDArray | range], plan: Mapping[str, Any],
          out: Path, left_out: Sequence[Mapping[str, Any]]) -> int:
    """Write rows of stores, and what was left out of them, into one store."""
    reasons = {row['clip_id']: row['reason'] for row in left_out}
    rows = JoinedRows([*(store.rows.table for store in stores), _rows_of(left_out)])
    chosen = zeros(len(rows), bool, _existing(out))
    for start, part in zip(rows.starts, [*numbers, range(len(reasons))], strict=False):
        for some in batches(part):
            chosen[start + some] = True
    order = _sorted_once(rows, chosen, [store.clips.store for store in stores], _existing(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    writer = StoreWriter(out, plan, rows_on_disk(out.parent, rows.without(OF_THE_STORE), order))
    with writer.lock():
        writer.resume()
        for places in writer.missing_batches(BATCH):
            kept, clips = [], []
            tables, found = rows.locate(order[places])
            for place, table, number in zip(places.tolist(), tables, found, strict=True):
                if table < len(stores):
                    kept.append(place)
                    clips.append(_read(stores[table], int(number)))
                else:
                    writer.leave_out(place, reasons[rows.tables[table]['clip_id'][number].as_py()])
            writer.add(kept, clips)
        write_contact_sheet(writer, plan.get('seed', 0))
        writer.finish()
    return len(writer)


def _existing(folder: Path) -> Path:
    """A folder, or the nearest above it that exists."""
    return next(each for each in (folder, *folder.resolve().parents) if each.is_dir())


def _rows_of(left_out: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows of clips that were left out, each once."""
    once = {row['clip_id']: row for row in left_out}.values()
    return make_table({name: pa.array([row.get(name) for row in once], plain_type(name))
                       for name in SCHEMA.names if name not in OF_THE_STORE})


def _sorted_once(rows: JoinedRows, chosen: NDArray[np.bool_], stores: Sequence[Path],
                 folder: Path) -> NDArray:
    """Numbers of chosen rows in the order of their ids; of those with one id the first.

    Raises:
        ValueError: if rows with one id differ in more than where and with what they were made.
    """
    order, is_first = sorted_texts(rows.chunks('clip_id'), chosen, folder)
    once, count, last = zeros(int(np.count_nonzero(is_first)), np.int64, folder), 0, 0
    for places in batches(range(len(order))):
        first = np.maximum.accumulate(np.where(is_first[places], places, last))
        last, again = first[-1], ~is_first[places]
        again &= rows.locate(order[places])[0] < len(stores)         # others were left out
        _refuse_other_clips(rows, order[first[again]], order[places[again]], stores)
        kept = order[places][is_first[places]]
        once[count:count + len(kept)] = kept
        count += len(kept)
        drop_pages()
    return once


def _refuse_other_clips(rows: JoinedRows, one: NDArray, other: NDArray, stores: Sequence[Path]
                        ) -> None:
    for name in rows.names if len(one) else ():
        if name in ('place', *LOCAL):
            continue
        same = pc.equal(*(pair := [rows.take(name, numbers) for numbers in (one, other)]))
        blank = pc.and_(*map(pc.is_null, pair))
        differs = ~pc.or_kleene(same, blank).fill_null(False).to_numpy(zero_copy_only=False)
        if differs.any():
            pairs = np.array([one[differs][0], other[differs][0]])
            clip_id = rows.take('clip_id', pairs)[0].as_py()
            first, second = (stores[table] for table in rows.locate(pairs)[0])
            raise ValueError(f'{first} and {second} have other clips of the id {clip_id} (their '
                             f'{name} differs); leave one of these stores out')


def _read(store: Manifest, number: int) -> NDArray[np.uint8]:
    place, sha256 = store.rows.read(number, OF_THE_STORE).values()
    clip = store.clips.read(place)
    if clip_sha256(clip) != sha256:
        raise ValueError(f'{store.clips.file(place)}: clip {store.rows[number]["clip_id"]} was '
                         'changed after it was made; run lddm-aug store repair first')
    return clip
