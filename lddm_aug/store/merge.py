"""Stores of one plan ↔ one store; and the part of a store that a filter leaves."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lddm_aug.store.manifest import Manifest, read_manifest
from lddm_aug.store.rows import OF_THE_STORE, SCHEMA, make_table, plain_type
from lddm_aug.store.sheet import write_contact_sheet
from lddm_aug.store.writer import OF_A_STORE, StoreWriter

OF_THE_PARTS = ('format_version', 'clips', 'stills', *OF_A_STORE)    # may differ between parts
BATCH = 64                                           # clips that are copied at once


def merge_stores(parts: Sequence[Path], out: Path) -> int:
    """Copy the clips of several stores into one → their number.

    Clips are in the order of their ids.  So the result is, byte for byte, the store that one run
    would have made of all stills.

    Args:
        parts: finished stores of one generator, seed and number of clips of a still.
        out: a new folder, or one that an interrupted call has left.

    Raises:
        FileNotFoundError: if a part is missing or unfinished.
        ValueError: if parts are damaged, have other plans, or share a clip.
    """
    stores = [read_manifest(part) for part in parts]
    plans = [plan_of(store.header) for store in stores]
    for part, plan in zip(parts[1:], plans[1:], strict=True):
        differing = [key for key in dict.fromkeys([*plans[0], *plan])
                     if plans[0].get(key) != plan.get(key)]
        if differing:
            raise ValueError(f'{part} and {parts[0]} have other plans (their '
                             f'{", ".join(differing)} differ); merge stores of one generator, '
                             'seed and number of clips of a still')
    return _copy(stores, [np.arange(len(store.rows)) for store in stores], plans[0], out,
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
    if by is None:
        numbers = np.array_split(np.arange(count), parts or 1)
    else:
        numbers = [whole.rows.where(by, value) for value in whole.rows.values(by)]
    digits = len(str(len(numbers) - 1))
    folders = [out / f'{number:0{digits}d}' for number in range(len(numbers))]
    for number, (folder, chosen) in enumerate(zip(folders, numbers, strict=True)):
        left_out = whole.header.get('left_out', ()) if number == 0 else ()
        _copy([whole], [chosen], plan_of(whole.header), folder, left_out)
    return folders


def plan_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """What the parts of a store have in common in plan.json."""
    return {key: value for key, value in header.items() if key not in OF_THE_PARTS}


def _copy(stores: Sequence[Manifest], numbers: Sequence[NDArray], plan: Mapping[str, Any],
          out: Path, left_out: Sequence[Mapping[str, Any]]) -> int:
    """Write rows of stores, and what was left out of them, into one store."""
    tables = [_without_store(store.rows.take(chosen).table_of_rows())
              for store, chosen in zip(stores, numbers, strict=True)]
    reasons = {row['clip_id']: row['reason'] for row in left_out}
    if left_out:
        tables.append(make_table({
            name: pa.array([row.get(name) for row in left_out], plain_type(name))
            for name in SCHEMA.names if name not in OF_THE_STORE}))
    joined = pa.concat_tables(tables, promote_options='permissive', unify_dictionaries=True)
    order = pc.sort_indices(joined['clip_id'].combine_chunks())
    rows = make_table({name: joined[name].take(order) for name in joined.column_names})
    ids = rows['clip_id'].combine_chunks()
    doubled = pc.equal(ids[1:], ids[:-1])
    if pc.any(doubled).as_py():
        raise ValueError(f'{out}: the clip {ids[doubled.index(True).as_py()]} stands in two of the '
                         'stores; merge each once')
    writer = StoreWriter(out, plan, rows)
    sources = [(store, number) for store, chosen in zip(stores, numbers, strict=True)
               for number in chosen.tolist()]
    with writer.lock():
        writer.resume()
        for place in [place for place in writer.missing.tolist() if reasons]:
            if ids[place].as_py() in reasons:
                writer.leave_out(place, reasons[ids[place].as_py()])
        for places in _batches(writer.missing.tolist()):
            writer.add(places, [_read(*sources[order[place].as_py()]) for place in places])
        write_contact_sheet(writer, plan.get('seed', 0))
        writer.finish()
    return len(writer)


def _without_store(table: pa.Table) -> pa.Table:
    return table.drop_columns(list(OF_THE_STORE))


def _read(store: Manifest, number: int) -> NDArray[np.uint8]:
    place = store.rows.place(number)
    if store.clips.sha256(place) != store.rows.table['sha256'][number].as_py():
        raise ValueError(f'{store.clips.file(place)}: clip {store.rows[number]["clip_id"]} was '
                         'changed after it was made; run lddm-aug store repair first')
    return store.clips.read(place)


def _batches(places: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(places), BATCH):
        yield [*places[start:start + BATCH]]
