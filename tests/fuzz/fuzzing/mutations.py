"""Valid documents → damaged ones.

A mutation knows the structure that it damages: JSON, lines of JSON, tables, words of a command
line, or bytes of any kind.
"""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

DEEP = 100_000                                       # levels, above Python's recursion limit
NAMES = ('', ' ', '.', '..', '/', '/etc/passwd', '../../outside', 'C:\\outside', '\\\\host\\a',
         'a\0b', '\ud800', '\N{RIGHT-TO-LEFT OVERRIDE}', '\n', 'a' * 5000, 'os.system', 'inf',
         'nan', '-1', '1e400', '9' * 5000, '٣', 'Infinity', 'None', 'true', '[1,2', '{}', '0x10',
         '%s', '#')
VALUES = (None, True, False, 0, -1, 1, 2**31, 2**63, -2**63, 2**64, 10**30, 0.5, -0.0, 1e308,
          1e-320, float('nan'), float('inf'), float('-inf'), [], {}, [None], [[]], [{}], {'': None},
          {'type': 'os.system', 'command': 'true'}, {'_delete_': True}, *NAMES)
values = st.sampled_from(VALUES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                max_size=3), max_leaves=5)


def damaged_bytes(content: bytes) -> st.SearchStrategy[bytes]:
    """Flipped bits, and pieces that are cut out, cut off, repeated, moved or put in."""
    return st.lists(st.tuples(st.sampled_from([*PIECES]), st.integers(0, len(content)),
                              st.integers(0, 64), st.binary(max_size=8)),
                    min_size=1, max_size=4).map(lambda steps: _apply(content, steps))


PIECES: dict[str, Callable[[bytes, int, int, bytes], bytes]] = {
    'flip': lambda old, at, size, new: old[:at] + bytes(
        byte ^ 1 << size % 8 for byte in old[at:at + 1]) + old[at + 1:],
    'overwrite': lambda old, at, size, new: old[:at] + new + old[at + len(new):],
    'cut off': lambda old, at, size, new: old[:at],
    'cut out': lambda old, at, size, new: old[:at] + old[at + size:],
    'repeat': lambda old, at, size, new: old[:at] + old[at:at + size] * size + old[at:],
    'insert': lambda old, at, size, new: old[:at] + new + old[at:],
    'swap': lambda old, at, size, new: old[at:] + old[:at],
    'highest': lambda old, at, size, new: old[:at] + b'\xff' * min(size, len(old) - at)
    + old[at + size:],
    'empty': lambda old, at, size, new: new}


def _apply(content: bytes, steps: list[tuple[str, int, int, bytes]]) -> bytes:
    for kind, at, size, new in steps:
        content = PIECES[kind](content, min(at, len(content)), size, new)
    return content


@st.composite
def damaged_value(draw: st.DrawFn, value: Any) -> Any:
    """A value of JSON, of which parts are dropped, replaced, doubled, renamed, wrapped or moved."""
    value = deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            return draw(values)
        holder, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(('drop', 'replace', 'replace', 'retype', 'double', 'rename',
                                     'wrap', 'move')))
        if kind == 'drop':
            del holder[key]
        elif kind == 'replace':
            holder[key] = deepcopy(draw(values))     # what is drawn must stay as it is
        elif kind == 'retype':
            holder[key] = draw(st.sampled_from(RETYPED))(holder[key])
        elif kind == 'double':
            copy = deepcopy(holder[key])
            if isinstance(holder, list):
                holder.insert(key, copy)
            else:
                holder[draw(st.sampled_from(NAMES))] = copy
        elif kind == 'rename' and isinstance(holder, dict):
            holder[draw(st.sampled_from(NAMES) | st.text(max_size=5))] = holder.pop(key)
        elif kind == 'wrap':
            for _ in range(draw(st.sampled_from((1, 20, 300)))):
                holder[key] = [holder[key]]
        else:
            other, other_key = draw(st.sampled_from(places))
            try:
                holder[key] = deepcopy(other[other_key])
            except (KeyError, IndexError):
                continue
    return value


RETYPED: tuple[Callable[[Any], Any], ...] = (
    str, lambda value: [value], lambda value: {'value': value}, lambda value: value is not None,
    lambda value: -value if isinstance(value, (int, float)) else value,
    lambda value: value * 10**20 if isinstance(value, (int, float)) else None,
    lambda value: float(value) if isinstance(value, int) and abs(value) < 2**60 else 0,
    lambda value: [*value] if isinstance(value, (dict, str)) else value)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested lists and objects: what holds it, and its key there."""
    keys = list(value) if isinstance(value, dict) else range(
        len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def damaged_json(content: bytes) -> st.SearchStrategy[bytes]:
    """A document of JSON, damaged as a value, as text, or as bytes."""
    value = json.loads(content)
    text = st.sampled_from((
        b'[' * DEEP, b'{"a":' * DEEP, b'', b'null', b'NaN', b'"\\ud800"', b'\xff\xfe',
        b'\xef\xbb\xbf{}',
        b'9' * 10_000, b'1e999999', content.replace(b'{', b'{"format_version": 7, "rows": 0, ', 1),
        content + content, content.decode().encode('utf-16'), content.replace(b'"', b"'"),
        content.replace(b':', b':' + b' ' * 100_000, 1)))
    return damaged_value(value).map(_dumps) | damaged_value(value).map(_dumps) | damaged_bytes(
        content) | text


def damaged_lines(content: bytes) -> st.SearchStrategy[bytes]:
    """Lines of JSON, of which one is damaged, or all as bytes."""
    lines = content.splitlines()
    return damaged_bytes(content) | st.integers(0, len(lines) - 1).flatmap(
        lambda number: damaged_json(lines[number]).map(lambda line: b'\n'.join(
            [*lines[:number], line, *lines[number + 1:], b''])))


def damaged_table(content: bytes) -> st.SearchStrategy[bytes]:
    """A table, damaged in its cells, rows and columns, in its separators, or as bytes."""
    rows = [*csv.reader(io.StringIO(content.decode()))]
    separators = st.sampled_from((',', ';', '\t', '|'))
    cells = damaged_value([[*row] for row in rows])
    written = st.builds(_csv, cells, separators, st.sampled_from(('utf-8', 'utf-16', 'cp1252')))
    text = st.sampled_from((
        b'', b'"', b'\0', b'sep=\n', b'sep=ab\n', b'#\n' * 1000, content + b'"' + content,
        b'\xff\xfe' + content, b',' * 5000, b'\n' * 100_000, content + b'a,' * 3000 + b'\n',
        content.replace(b'\n', b'\r'), content + b'x' * 200_000 + b',b,c\n'))
    return written | written | damaged_bytes(content) | text


def damaged_words(content: bytes) -> st.SearchStrategy[bytes]:
    """Words of a command line, one a line."""
    words = content.decode().split('\n')
    odd = st.sampled_from(NAMES) | st.text(max_size=8)
    joined = st.builds('{}={}'.format, st.sampled_from([word.partition('=')[0] for word in words])
                       | odd, odd | st.builds('[{},({}'.format, odd, odd))
    return st.lists(st.sampled_from(words) | joined | odd, min_size=1, max_size=6).map(
        lambda words: '\n'.join(words).encode(errors='surrogatepass'))


def _dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


def _csv(rows: Any, separator: str, encoding: str) -> bytes:
    rows = rows if isinstance(rows, list) else [rows]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, escapechar='\\')
    writer.writerows([row if isinstance(row, list) else [row] for row in rows])
    return text.getvalue().encode(encoding, 'replace')
