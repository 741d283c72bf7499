"""Rows of a store in a file of Arrow (IPC), read without belief in what it says of its size."""
from __future__ import annotations

import os
import struct
from pathlib import Path

import pyarrow as pa

from lddm_aug.store.on_disk import mapped as map_file

MAGIC, END = b'ARROW1\0\0', b'ARROW1'
# of the flatbuffers of https://arrow.apache.org/docs/format/Columnar.html: numbers of fields
KIND, HEADER = 1, 2                                  # of a message
BATCH_OF_DICTIONARY, COMPRESSION = 1, 3              # of a dictionary, of a batch
DICTIONARY, BATCH = 2, 3                             # kinds of messages


def read_rows(path: Path, mapped: bool = True) -> pa.Table:
    """The rows of a file.

    The messages are read in their order, so that its footer leads nowhere else.  Compressed ones,
    which lddm_aug doesn't write, could need any memory.

    Args:
        mapped: into memory, so that processes share them; else they are copied.

    Raises:
        pyarrow.ArrowException: if it is damaged or compressed.
    """
    if mapped:
        with path.open('rb') as file:
            if not os.fstat(file.fileno()).st_size:
                raise pa.ArrowInvalid('it is empty')
            content = pa.py_buffer(map_file(file))
    else:
        content = pa.py_buffer(path.read_bytes())
    if content.slice(0, len(MAGIC)).to_pybytes() != MAGIC:
        raise pa.ArrowInvalid('it is no file of Arrow')
    if content.slice(max(0, len(content) - len(END))).to_pybytes() != END:
        raise pa.ArrowInvalid('it is cut off')
    messages = content.slice(len(MAGIC))
    for message in pa.ipc.MessageReader.open_stream(messages):
        if _is_compressed(message.metadata.to_pybytes()):
            raise pa.ArrowInvalid('its rows are compressed')
    return pa.ipc.open_stream(messages).read_all()


def _is_compressed(message: bytes) -> bool:
    """Whether the flatbuffer of a message says that its buffers are compressed."""
    try:
        root = _inner(message, 0)
        kind = message[_field(message, root, KIND)]
        table = _inner(message, _field(message, root, HEADER))
        if kind == DICTIONARY:
            table = _inner(message, _field(message, table, BATCH_OF_DICTIONARY))
        return kind in (DICTIONARY, BATCH) and _field(message, table, COMPRESSION) > 0
    except (struct.error, IndexError) as error:
        raise pa.ArrowInvalid('its messages are damaged') from error


def _field(message: bytes, table: int, number: int) -> int:
    """Place of a field of a table; 0 if it has none."""
    vtable = table - struct.unpack_from('<i', message, table)[0]
    size, place = struct.unpack_from('<H', message, vtable)[0], 4 + 2 * number
    offset = struct.unpack_from('<H', message, vtable + place)[0] if place < size else 0
    return table + offset if offset else 0


def _inner(message: bytes, place: int) -> int:
    """Where the offset at a place leads."""
    return place + struct.unpack_from('<I', message, place)[0]
