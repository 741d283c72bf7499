"""Rows of stores as Arrow tables, and files of rows that are written batch by batch."""
from __future__ import annotations

import mmap
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
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
        self.tables = [make_table(dict(zip(table.column_names, table.columns, strict=True)))
                       .unify_dictionaries() for table in tables]
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
        return self._gather(numbers, lambda table, rows: _values(table, name, rows, kind))

    def codes(self, name: str, numbers: NDArray, codes: Sequence[NDArray]) -> NDArray[np.int32]:
        """Codes of a column, each table's replaced by what `codes` has for it; −1 for blank."""
        where, rows = self.locate(numbers)
        found = np.empty(len(numbers), np.int32)
        for table in np.unique(where):
            chosen = where == table
            found[chosen] = codes[table][_codes(self.tables[table], name, rows[chosen])]
        return found

    def dictionary(self, name: str, numbers: NDArray) -> tuple[pa.Array, list[NDArray]]:
        """The sorted values that occur in rows, and for each table's codes those of the values.

        A table's last code, −1, is that of blank ones.
        """
        where, _ = self.locate(numbers)
        used = []
        for index, table in enumerate(self.tables):
            values = _dictionary(table, name)
            occurs = np.zeros(len(values) + 1, bool)
            for batch in batches(numbers[where == index] - self.starts[index]):
                occurs[_codes(table, name, batch)] = True
            used.append(values.take(pa.array(np.flatnonzero(occurs[:-1]))))
        union = pc.unique(pa.concat_arrays([pa.array([], pa.string()), *used]))
        union = union.take(pc.array_sort_indices(union))
        return union, [np.append(pc.index_in(_dictionary(table, name), value_set=union)
                                 .fill_null(-1).to_numpy(zero_copy_only=False),
                                 -1).astype(np.int32) for table in self.tables]

    def _gather(self, numbers: NDArray, read: Any) -> pa.Array:
        where, rows = self.locate(numbers)
        order = np.argsort(where, kind='stable')
        pieces = [read(self.tables[table], rows[where == table]) for table in np.unique(where)]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        joined = pa.concat_arrays(pieces) if pieces else read(pa.table({}), rows)
        return joined.take(pa.array(back))


def write_rows(file: Any, rows: JoinedRows, numbers: NDArray | None = None,
               metadata: Mapping[bytes, bytes] | None = None) -> None:
    """Write rows into an open file, in the memory of a batch and of the distinct values of text.

    Equal rows make equal bytes, however they came about.

    Args:
        numbers: of the rows, in their order; None for all.
        metadata: of the file's schema.
    """
    numbers = np.arange(len(rows)) if numbers is None else numbers
    coded = {name: rows.dictionary(name, numbers) for name, kind in rows.types.items()
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
        write_rows(file, rows, numbers)
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped))).read_all()


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


def _piece(table: pa.Table, name: str, rows: NDArray) -> tuple[list[pa.Array], NDArray]:
    """The chunks of a column that hold rows, and where in them the rows are."""
    first, last = int(rows.min()), int(rows.max())
    return table[name].slice(first, last - first + 1).chunks, rows - first


def _values(table: pa.Table, name: str, rows: NDArray, kind: pa.DataType) -> pa.Array:
    if name not in table.column_names or not len(rows):
        return pa.nulls(len(rows), kind)
    chunks, places = _piece(table, name, rows)
    chunks = [chunk.dictionary_decode() if isinstance(chunk, pa.DictionaryArray) else chunk
              for chunk in chunks]
    return pa.concat_arrays(chunks).take(pa.array(places))


def _codes(table: pa.Table, name: str, rows: NDArray) -> NDArray:
    if name not in table.column_names or not len(rows):
        return np.full(len(rows), -1)
    chunks, places = _piece(table, name, rows)
    return np.concatenate([chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
                           for chunk in chunks])[places]


def _dictionary(table: pa.Table, name: str) -> pa.Array:
    if name not in table.column_names or not len(table):
        return pa.array([], pa.string())
    return table[name].chunk(0).dictionary
