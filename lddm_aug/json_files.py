"""JSON that others may have written: its form is checked before anything is done with it."""
from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lddm_aug.limits import limit_of, refuse_above

# A type, None, a tuple of forms one of which fits, [form of each item], {str: form of each value},
# or {key: form}, where a key that may be missing ends with `?` and others are let through.
# Path is text that names a file; other text can be encoded.  Whole numbers have 64 bits.
Form = Any
SHOWN = 300                                          # letters of what is wrong


def read_json(path: Path, form: Form, advice: str, source: str = '') -> Any:
    """The content of a file of JSON.

    Args:
        form: that it must have.
        advice: ends the message.
        source: begins the message, by default the path.

    Raises:
        ValueError: if it is no JSON, has another form or exceeds MAX_TEXT of `lddm_aug.limits`;
            the message names the file.
    """
    source = source or str(path)
    refuse_above('MAX_TEXT', path.stat().st_size, source)
    return parse_json(path.read_bytes(), form, source, advice)


def read_json_lines(path: Path, form: Form, advice: str, skip: bool = False) -> Iterator[Any]:
    """The values of a file with a line of JSON each, of which one is in memory; see `read_json`.

    Args:
        skip: lines that are no JSON of this form, as a killed run leaves one.

    Raises:
        ValueError: during the iteration, also for a line above MAX_TEXT; the message names the file
            and the line.
    """
    most = limit_of('MAX_TEXT')
    with path.open('rb') as file:
        for number, line in enumerate(iter(lambda: file.readline(most + 1), b''), start=1):
            where = f'{path}, line {number}'
            refuse_above('MAX_TEXT', len(line), where)
            try:
                yield parse_json(line, form, where, advice)
            except ValueError:
                if not skip:
                    raise


def parse_json(text: str | bytes, form: Form, source: str, advice: str) -> Any:
    """The value of a text of JSON; see `read_json`."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f'{source} is not JSON ({error}); {advice}') from error
    except RecursionError as error:
        raise ValueError(f'{source} is nested too deeply; {advice}') from error
    return require_form(value, form, source, advice)


def require_form(value: Any, form: Form, source: str, advice: str) -> Any:
    """The value itself; see `read_json`.

    Raises:
        ValueError: if the value has another form.
    """
    fault = _fault(value, form, '')
    if fault:
        raise ValueError(f'{source} {textwrap.shorten(fault, SHOWN)}; {advice}')
    return value


def _fault(value: Any, form: Form, place: str) -> str:
    """What is wrong with a value, '' for nothing."""
    if isinstance(form, tuple):
        faults = [_fault(value, each, place) for each in form]
        return '' if '' in faults else faults[0]
    if isinstance(form, list):
        faults = ([_fault(each, form[0], f'{place}[{i}]') for i, each in enumerate(value)]
                  if isinstance(value, (list, tuple)) else [_other(value, 'a list', place)])
    elif isinstance(form, Mapping):
        if not isinstance(value, dict):
            return _other(value, 'an object', place)
        if str in form:
            odd = [key for key in value if not _can_encode(key)]
            if odd:
                return f'has a key that is no text ({odd[0]!r})'
            form = dict.fromkeys(value, form[str])
        missing = [key for key in form if not key.endswith('?') and key not in value]
        if missing:
            return f'lacks {", ".join(f"{place}.{key}".lstrip(".") for key in missing)}'
        names = {key.removesuffix('?') if key not in value else key: key for key in form}
        faults = [_fault(value[name], form[key], f'{place}.{name}')
                  for name, key in names.items() if name in value]
    elif form is Path:
        fits = isinstance(value, str) and '\0' not in value and _can_encode(
            value, 'surrogateescape')
        return '' if fits else _other(value, 'the path of a file', place)
    elif form is str and isinstance(value, str):
        return '' if _can_encode(value) else f'holds what is no text{_at(place)} ({value!r})'
    elif form is None:
        return '' if value is None else _other(value, 'null', place)
    else:
        is_number = form is float and isinstance(value, int)
        is_bool = isinstance(value, bool) and form in (int, float)
        fits = (is_number or isinstance(value, form)) and not is_bool
        if fits and isinstance(value, int) and not -1 << 63 <= value < 1 << 63:
            return f'must hold numbers of 64 bits{_at(place)}, but has a larger one'
        return '' if fits else _other(value, f'a value of type {form.__name__}', place)
    return next(filter(None, faults), '')


def _other(value: Any, expected: str, place: str) -> str:
    return f'must hold {expected}{_at(place)}, but has one of type {type(value).__name__}'


def _can_encode(text: str, errors: str = 'strict') -> bool:
    """Whether a text has no surrogates, which JSON can hold and UTF-8 can't."""
    try:
        return bool(text.isascii() or text.encode(errors=errors))
    except UnicodeEncodeError:
        return False


def _at(place: str) -> str:
    return f' at {place.lstrip(".")}' if place else ''
