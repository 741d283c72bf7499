"""Rows of stores as Arrow tables, and files of rows that are written batch by batch."""
from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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
BATCH_ROWS = 1 << 16                                 # that are in memory at once
ROWS_AT_ONCE = 1 << 14                               # as objects of Python


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

    def dictionary(self, name: str, numbers: NDArray, folder: Path | None = None
                   ) -> tuple[pa.Array, list[NDArray]]:
        """The sorted values that occur in rows, and for each table's codes those of the values.

        A table's last code, −1, is that of blank ones.  Many values lie on disk.

        Args:
            folder: on whose disk, see `write_rows`.
        """
        values = [_dictionary(table, name) for table in self.tables]
        starts = np.cumsum([0, *map(len, values)])
        occurs = np.zeros(starts[-1], bool)
        for batch in batches(numbers):
            where, rows = self.locate(batch)
            for table in np.unique(where):
                found = _codes(self.tables[table], name, rows[where == table])
                occurs[starts[table] + found[found >= 0]] = True
        texts = pa.chunked_array(values, pa.string())
        order, is_first = sorted_texts(texts, occurs)
        codes = np.full(len(texts), -1, np.int32)
        codes[order] = np.cumsum(is_first, dtype=np.int32) - 1
        return _ordered(texts, order[is_first], folder), [
            np.append(part, np.int32(-1)) for part in np.split(codes, starts[1:-1])]


def write_rows(file: Any, rows: JoinedRows, numbers: NDArray | None = None,
               metadata: Mapping[bytes, bytes] | None = None, folder: Path | None = None) -> None:
    """Write rows into an open file, in the memory of a batch and some 40 bytes for each row.

    Equal rows make equal bytes, however they came about.

    Args:
        numbers: of the rows, in their order; None for all.
        metadata: of the file's schema.
        folder: on whose disk the distinct values of text lie meanwhile; None for the system's.
    """
    numbers = np.arange(len(rows)) if numbers is None else numbers
    coded = {name: rows.dictionary(name, numbers, folder) for name, kind in rows.types.items()
             if pa.types.is_dictionary(kind)}
    schema = pa.schema([*rows.types.items()], metadata)
    with pa.ipc.new_file(file, schema) as writer:
        for batch in batches(numbers):
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
        mapped = _mapped(file)
    return pa.ipc.open_file(pa.BufferReader(mapped)).read_all()


def tables_on_disk(folder: Path, tables: Iterable[pa.Table]) -> list[pa.Table]:
    """Tables, each memory-mapped from a file without a name; one after another is in memory."""
    return [rows_on_disk(folder, JoinedRows([table])) for table in tables]


def sorted_texts(texts: pa.ChunkedArray, kept: NDArray[np.bool_]
                 ) -> tuple[NDArray, NDArray[np.bool_]]:
    """Numbers of the texts that are kept, sorted by them, and which are the first of equal ones.

    Equal ones stay in their order.  The texts may be memory-mapped: in memory are numbers alone.
    """
    in_order = pc.all(pc.less_equal(texts.slice(0, max(len(texts) - 1, 0)), texts.slice(1)))
    order = (np.arange(len(texts)) if in_order.as_py() is not False else
             pc.sort_indices(texts).to_numpy().view(np.int64))
    order = order[kept[order]]
    is_first = np.ones(len(order), bool)
    for batch in batches(np.arange(1, len(order))):
        one, other = (_gather(texts.chunks, order[each]) for each in (batch - 1, batch))
        is_first[batch] = pc.not_equal(one, other).to_numpy(zero_copy_only=False)
    return order, is_first


def batches(numbers: NDArray, count: int = BATCH_ROWS) -> Iterator[NDArray]:
    """Consecutive parts of so many numbers."""
    return (numbers[start:start + count] for start in range(0, len(numbers), count))


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


def _ordered(texts: pa.ChunkedArray, order: NDArray, folder: Path | None) -> pa.Array:
    """Texts in an order; many of them on disk, in a file without a name."""
    if texts.num_chunks == 1 and np.array_equal(order, np.arange(len(texts))):
        return texts.chunk(0)
    if len(order) <= BATCH_ROWS:
        return _gather(texts.chunks, order) if len(order) else pa.array([], pa.string())
    ends = np.zeros(len(order) + 1, np.int64)
    with tempfile.TemporaryFile(dir=folder) as file:
        for places in batches(np.arange(len(order))):
            piece = _gather(texts.chunks, order[places])
            _, within, letters = piece.buffers()
            within = np.frombuffer(within, np.int32, len(piece) + 1)[1:]
            ends[places + 1] = ends[places[0]] + within
            file.write(letters.slice(0, int(within[-1])))
        letters = _mapped(file)
    offsets = pa.array(ends).cast(pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), len(order), [None, offsets, letters])


def _mapped(file: Any) -> pa.Buffer:
    """The content of an open file, memory-mapped."""
    file.flush()
    return pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
