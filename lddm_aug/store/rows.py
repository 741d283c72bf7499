"""Rows of stores as Arrow tables, and files of rows that are written batch by batch."""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lddm_aug.store import on_disk
from lddm_aug.store.on_disk import batches, drop_pages, mapped, zeros

CODED = pa.dictionary(pa.int32(), pa.string())       # of what many rows have in common
SCHEMA = pa.schema([
    ('clip_id', pa.string()), ('place', pa.int64()), ('sha256', pa.binary(32)), ('still', CODED),
    ('still_sha256', CODED), ('still_frame', pa.int64()), ('group', CODED), ('label', CODED),
    ('conditions', CODED),
    ('seed', pa.int64()), ('package_sha256', CODED), ('generator', CODED), ('sampler', CODED),
    ('steps', pa.int64()), ('guidance', pa.float64()), ('frame_stride', pa.int64()),
    ('versions', CODED)])
AS_JSON = {'conditions': {str: (str, int, float)}, 'versions': dict}
OF_THE_STORE = ('place', 'sha256')                   # what a writer adds to a row
BATCH_ROWS = 1 << 16                                 # of each batch in a file of rows
ROWS_AT_ONCE = 1 << 14                               # as objects of Python
MOST_LETTERS = 2**31 - 1                             # to which Arrow counts them


def make_table(columns: Mapping[str, Any]) -> pa.Table:
    """Rows by column, in the order and the types of SCHEMA; text in columns of others is coded."""
    names = [*SCHEMA.names, *sorted({*columns} - {*SCHEMA.names})]
    return pa.table({name: _typed(name, columns[name]) for name in names if name in columns})


def plain_type(name: str) -> pa.DataType:
    """The type of a column's values before they are coded."""
    kind = SCHEMA.field(name).type
    return pa.string() if kind == CODED else kind


class JoinedRows:
    """Rows of several tables, counted through all of them and read in any order.

    Args:
        tables: may be memory-mapped; a column that a table lacks is blank there.
    """

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self.tables = [pa.table({name: _unified(column) for name, column in _columns(make_table(
            _columns(table))).items()}) for table in tables]
        self.starts = np.cumsum([0, *map(len, tables)])
        found = {name for table in self.tables for name in table.column_names}
        self.names = [name for name in SCHEMA.names if name in found]
        self.names += sorted(found - {*SCHEMA.names})

    def __len__(self) -> int:
        return int(self.starts[-1])

    def without(self, names: Collection[str]) -> JoinedRows:
        """The same rows, without some columns."""
        return JoinedRows([table.drop_columns([name for name in names
                                               if name in table.column_names])
                           for table in self.tables])

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """The type of each column."""
        return {name: next(table[name].type for table in self.tables
                           if name in table.column_names) for name in self.names}

    def locate(self, numbers: NDArray) -> tuple[NDArray, NDArray]:
        """The table of each number, and the row in it."""
        table = np.searchsorted(self.starts, numbers, 'right') - 1
        return table, numbers - self.starts[table]

    def take(self, name: str, numbers: NDArray) -> pa.Array:
        """Values of a column, decoded."""
        kind = self.types[name]
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        return _gather(self.tables, numbers, lambda table, rows: _values(table, name, rows, kind),
                       self.starts)

    def chunks(self, name: str) -> pa.ChunkedArray:
        """A column of plain text, as it lies in the tables."""
        return pa.chunked_array([chunk for table in self.tables if name in table.column_names
                                 for chunk in table[name].chunks], pa.string())

    def codes(self, name: str, numbers: NDArray, codes: Sequence[NDArray]) -> NDArray[np.int32]:
        """Codes of a column, each table's replaced by what `codes` has for it; −1 for blank."""
        where, rows = self.locate(numbers)
        found = np.empty(len(numbers), np.int32)
        for table in np.unique(where):
            chosen = where == table
            found[chosen] = codes[table][_codes(self.tables[table], name, rows[chosen])]
        return found

    def dictionary(self, name: str, numbers: NDArray | range, folder: Path | None = None
                   ) -> tuple[pa.Array, list[NDArray]]:
        """The sorted values that occur in rows, and for each table's codes those of the values.

        A table's last code, −1, is that of blank ones.  Many values lie on disk.

        Args:
            folder: on whose disk, see `write_rows`.
        """
        values = [_dictionary(table, name) for table in self.tables]
        starts = np.cumsum([0, *map(len, values)])
        occurs = zeros(int(starts[-1]), bool, folder)
        for batch in batches(numbers):
            where, rows = self.locate(batch)
            for table in np.unique(where):
                found = _codes(self.tables[table], name, rows[where == table])
                occurs[starts[table] + found[found >= 0]] = True
        texts = pa.chunked_array(values, pa.string())
        order, is_first = sorted_texts(texts, occurs, folder)
        codes = [zeros(len(each) + 1, np.int32, folder) for each in values]
        count = 0
        for batch in batches(range(len(order))):
            found = count - 1 + np.cumsum(is_first[batch], dtype=np.int32)
            where = np.searchsorted(starts, order[batch], 'right') - 1
            for table in np.unique(where):
                chosen = where == table
                codes[table][order[batch][chosen] - starts[table]] = found[chosen]
            count = int(found[-1]) + 1
        for part in codes:
            part[-1] = -1
        drop_pages()
        return _ordered(texts, order, is_first, folder), codes


def write_rows(file: Any, rows: JoinedRows, numbers: NDArray | range | None = None,
               metadata: Mapping[bytes, bytes] | None = None, folder: Path | None = None) -> None:
    """Write rows into an open file, in the memory of a batch.

    Equal rows make equal bytes, however they came about.

    Args:
        numbers: of the rows, in their order; None for all.
        metadata: of the file's schema.
        folder: on whose disk lies meanwhile what has a value for each row; None for the system's
            place of temporary files.
    """
    numbers = range(len(rows)) if numbers is None else numbers
    coded = {name: rows.dictionary(name, numbers, folder) for name, kind in rows.types.items()
             if pa.types.is_dictionary(kind)}
    schema = pa.schema([*rows.types.items()], metadata)
    with pa.ipc.new_file(file, schema) as writer:
        for batch in batches(numbers, BATCH_ROWS):
            columns = []
            for name in rows.names:
                if name in coded:
                    values, codes = coded[name]
                    found = rows.codes(name, batch, codes)
                    blank = found < 0
                    columns.append(pa.DictionaryArray.from_arrays(
                        pa.array(np.where(blank, 0, found), pa.int32(),
                                 mask=blank if blank.any() else None), values))
                else:
                    columns.append(rows.take(name, batch))
            writer.write_batch(pa.record_batch(columns, schema=schema))
            drop_pages()


def write_table(table: pa.Table, file: Any) -> None:
    """Write all rows of a table into an open file; see `write_rows`."""
    write_rows(file, JoinedRows([table]))


def rows_on_disk(folder: Path, rows: JoinedRows, numbers: NDArray | None = None) -> pa.Table:
    """Rows, memory-mapped from a file without a name, which ends with the table.

    Args:
        folder: on whose disk the file is.
        numbers: of the rows, in their order; None for all.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        write_rows(file, rows, numbers, folder=folder)
        content = pa.py_buffer(mapped(file))
    return pa.ipc.open_file(pa.BufferReader(content)).read_all()


def tables_on_disk(folder: Path, tables: Iterable[pa.Table]) -> list[pa.Table]:
    """Tables, each memory-mapped from a file without a name; one after another is in memory."""
    return [rows_on_disk(folder, JoinedRows([table])) for table in tables]


def sorted_texts(texts: pa.ChunkedArray, kept: NDArray[np.bool_] | None = None,
                 folder: Path | None = None) -> tuple[NDArray, NDArray[np.bool_]]:
    """Numbers of the texts that are kept, sorted by them, and which are the first of equal ones.

    The first of equal ones has the least number.  In memory are some batches of texts; the texts
    may be memory-mapped, and the numbers lie on disk.

    Args:
        kept: which of them are; None for all.
        folder: on whose disk, see `write_rows`.
    """
    count = len(texts) if kept is None else int(np.count_nonzero(kept))
    order, is_first = zeros(count, np.int64, folder), zeros(count, bool, folder)
    done, last = 0, None
    for numbers in _in_order(texts, kept, folder):
        found = _gather(texts.chunks, numbers)
        end = done + len(numbers)
        order[done:end] = numbers
        is_first[done] = found[0].as_py() != last
        is_first[done + 1:end] = pc.not_equal(found[1:], found[:-1]).to_numpy(
            zero_copy_only=False)
        done, last = end, found[-1].as_py()
        drop_pages()
    return order, is_first


def _in_order(texts: pa.ChunkedArray, kept: NDArray[np.bool_] | None, folder: Path | None
              ) -> Iterator[NDArray]:
    """Numbers of the texts that are kept, sorted by them: some after the others."""
    every = range(len(texts))
    parts = (part for numbers in batches(every)
             if len(part := numbers if kept is None else numbers[kept[numbers]]))
    if all(_is_sorted(texts.slice(start, on_disk.IN_MEMORY + 1))
           for start in every[::on_disk.IN_MEMORY]):
        yield from parts
        return
    ordered, runs, done = zeros(len(texts), np.int64, folder), [], 0
    for part in parts:
        run = ordered[done:done + len(part)]
        run[:] = part[pc.sort_indices(_gather(texts.chunks, part)).to_numpy()]
        runs.append(run)
        done += len(part)
        drop_pages()
    yield from _merged(texts, runs)


def _merged(texts: pa.ChunkedArray, runs: Sequence[NDArray]) -> Iterator[NDArray]:
    """Numbers of texts, sorted by them, from runs of numbers that are; a part of each in memory."""
    most = max(1, on_disk.IN_MEMORY // max(1, len(runs)))
    starts = [0] * len(runs)
    seen = [_gather(texts.chunks, run[:most]) for run in runs]
    while seen:
        last = min(part[-1].as_py() for part in seen)
        ready = [pc.sum(pc.less_equal(part, last)).as_py() for part in seen]
        numbers = np.concatenate([run[start:start + count] for run, start, count in zip(
            runs, starts, ready, strict=True)])
        found = pa.concat_arrays([part[:count] for part, count in zip(seen, ready, strict=True)])
        yield numbers[pc.sort_indices(found).to_numpy()]
        starts = [start + count for start, count in zip(starts, ready, strict=True)]
        seen = [part[count:] if count < len(part) else run[start:start + most]
                for part, count, run, start in zip(seen, ready, runs, starts, strict=True)]
        left = [number for number, part in enumerate(seen) if len(part)]
        runs, starts = [runs[number] for number in left], [starts[number] for number in left]
        seen = [_gather(texts.chunks, part) if isinstance(part, np.ndarray) else part
                for part in map(seen.__getitem__, left)]


def _is_sorted(texts: pa.ChunkedArray) -> bool:
    return pc.all(pc.less_equal(texts.slice(0, max(len(texts) - 1, 0)),
                                texts.slice(1))).as_py() is not False


def _typed(name: str, column: Any) -> Any:
    kind = SCHEMA.field(name).type if name in SCHEMA.names else None
    if kind is None:
        kind = CODED if pa.types.is_string(column.type) else column.type
    if column.type == kind:
        return column
    return column.dictionary_encode() if kind == CODED and not pa.types.is_dictionary(
        column.type) else column.cast(kind)


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _unified(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column with one dictionary; it is copied, unless all chunks have the same one in memory."""
    if not pa.types.is_dictionary(column.type):
        return column
    dictionaries = [chunk.dictionary for chunk in column.chunks]
    found = {(each.offset, len(each), *(buffer.address for buffer in each.buffers() if buffer))
             for each in dictionaries}
    return column if len(found) <= 1 else column.unify_dictionaries()


def _gather(parts: Sequence[Any], numbers: NDArray,
            read: Callable[[Any, NDArray], pa.Array] = lambda part, rows: part.take(pa.array(rows)),
            starts: NDArray | None = None) -> pa.Array:
    """Values of arrays, or of tables, that are counted through all of them."""
    starts = np.cumsum([0, *map(len, parts)]) if starts is None else starts
    where = np.searchsorted(starts, numbers, 'right') - 1
    order = np.argsort(where, kind='stable')
    found = np.unique(where)
    if len(found) == 1:
        return read(parts[found[0]], numbers - starts[found[0]])
    pieces = [read(parts[part], numbers[where == part] - starts[part]) for part in found]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    joined = pa.concat_arrays(pieces) if pieces else read(pa.table({}), numbers)
    return joined.take(pa.array(back))


def _values(table: pa.Table, name: str, rows: NDArray, kind: pa.DataType) -> pa.Array:
    if name not in table.column_names or not len(rows):
        return pa.nulls(len(rows), kind)
    return _gather(table[name].chunks, rows, _decoded)


def _decoded(chunk: pa.Array, rows: NDArray) -> pa.Array:
    found = chunk.take(pa.array(rows))
    return found.dictionary_decode() if isinstance(found, pa.DictionaryArray) else found


def _codes(table: pa.Table, name: str, rows: NDArray) -> NDArray:
    if name not in table.column_names or not len(rows):
        return np.full(len(rows), -1)
    found = _gather(table[name].chunks, rows,
                    lambda chunk, rows: chunk.indices.take(pa.array(rows)))
    return found.fill_null(-1).to_numpy(zero_copy_only=False)


def _dictionary(table: pa.Table, name: str) -> pa.Array:
    if name not in table.column_names or not len(table):
        return pa.array([], pa.string())
    return table[name].chunk(0).dictionary


def _ordered(texts: pa.ChunkedArray, order: NDArray, chosen: NDArray[np.bool_],
             folder: Path | None) -> pa.Array:
    """The chosen ones of texts in an order; many of them on disk, in a file without a name."""
    count = int(np.count_nonzero(chosen))
    if texts.num_chunks == 1 and count == len(texts) and all(
            np.array_equal(order[places], places) for places in batches(range(count))):
        return texts.chunk(0)
    if count <= on_disk.IN_MEMORY:
        return _gather(texts.chunks, order[chosen]) if count else pa.array([], pa.string())
    offsets = zeros(count + 1, np.int32, folder)
    done = end = 0
    with tempfile.TemporaryFile(dir=folder) as file:
        for places in batches(range(len(order))):
            numbers = order[places][chosen[places]]
            if not len(numbers):
                continue
            piece = _gather(texts.chunks, numbers)
            _, within, letters = piece.buffers()
            within = np.frombuffer(within, np.int32, len(piece) + 1)[1:]
            if end + int(within[-1]) > MOST_LETTERS:
                raise ValueError(f'the distinct texts of a column have more than {MOST_LETTERS} '
                                 'bytes; divide the store by lddm-aug store split')
            offsets[done + 1:done + 1 + len(piece)] = end + within
            file.write(letters.slice(0, int(within[-1])))
            done, end = done + len(piece), end + int(within[-1])
            drop_pages()
        content = pa.py_buffer(mapped(file))
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), content])
