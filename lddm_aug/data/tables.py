"""Text tables as spreadsheets, statistics programs and pandas write them."""
from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from lddm_aug.limits import refuse_above

SHOWN = 40                                           # columns in a message
SEPARATORS = (',', ';', '\t', '|')
NAMES = {',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars'}
WHOLE = re.compile(r'([+-]?\d+)[.,]0*')              # 3.0, pandas' form of 3 beside blanks
FRACTION = re.compile(r'[+-]?\d*[.,]\d*[1-9]\d*')
ROUNDED = re.compile(r'[+-]?\d([.,]\d+)?E\+\d+', re.IGNORECASE)
MISSING = {'nan', 'none', 'null', '<na>', 'nat', 'n/a', 'na', '#n/a', 'nil', '-', '--', '?'}


@dataclass(frozen=True)
class Table:
    """A text table.

    Attributes:
        file: of the table.
        columns: names without blanks around them.
        rows: (line, column → value) of every row that isn't blank; a line is the row's last one.
        notes: guesses during reading, for the user.
    """
    file: Path
    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> str | None:
        """A column's name in the header's spelling; capitals matter only if it is ambiguous."""
        if name in self.columns:
            return name
        alike = [column for column in self.columns if column.casefold() == name.casefold()]
        return alike[0] if len(alike) == 1 else None

    def require(self, *names: str) -> None:
        """Raise ValueError unless each of these columns exists once."""
        missing = [name for name in names if self.column(name) is None]
        if missing:
            raise ValueError(f'{self.file}: there is no column {", ".join(map(repr, missing))}; '
                             f'the header has {_shown(self.columns)}')
        counts = Counter(self.columns)
        twice = [name for name in names if counts[self.column(name) or ''] > 1]
        if twice:
            raise ValueError(f'{self.file}: the header names {", ".join(twice)} twice')


def _shown(columns: Sequence[str]) -> str:
    more = f', … ({len(columns)} in all)' if len(columns) > SHOWN else ''
    return ', '.join(map(repr, columns[:SHOWN])) + more


def read_table(file: str | Path, needed: Sequence[str]) -> Table:
    """Read a table in UTF-8, UTF-16 or Windows' code page, with any separator.

    Values are text without blanks around them.  Lines before the header that begin with # or are
    Excel's `sep=;` are skipped.

    Args:
        file: table.
        needed: required columns, which also identify the separator.

    Raises:
        FileNotFoundError: if the file doesn't exist.
        ValueError: if it is no table, lacks a needed column, exceeds a limit of
            `lddm_aug.limits`, or a row has more values than the header; the message names the line.
    """
    file = Path(file)
    if file.is_dir():
        raise ValueError(f'{file} is a folder, not a table')
    if not file.is_file():
        raise FileNotFoundError(f'{file}: there is no such table')
    text, notes = _decode(file)
    lines: Iterator[str] = io.StringIO(text, newline='')
    first, header = next(((number, line) for number, line in enumerate(lines)
                          if line.strip(' \t\r\n,;|') and not line.startswith('#')), (0, ''))
    if not header:
        raise ValueError(f'{file}: the table is empty')
    if match := re.fullmatch(r'"?sep=([^"\s]|\t)"?[,;\t]*\s*', header, re.IGNORECASE):
        separator, first = match[1], first + 1
    else:
        separator, lines = _separator(header, needed), chain([header], lines)
    records = _records(file, lines, separator, first)
    columns = tuple(name.strip() for name in next(records, (0, []))[1])
    refuse_above('MAX_COLUMNS', len(columns), file)
    rows: list[tuple[int, dict[str, str]]] = []
    for line, values in records:
        if len(values) == 1 < len(columns) and values[0].lstrip().startswith('#'):
            continue
        if any(value.strip() for value in values[len(columns):]):
            hint = ('put a value with a comma in double quotes' if separator == ',' else
                    f'its columns are separated by {NAMES.get(separator, repr(separator))}')
            raise ValueError(f'{file} line {line}: more values than columns ({len(values)}, '
                             f'but the header has {len(columns)}); {hint}')
        if any(value.strip() for value in values):
            refuse_above('MAX_CELLS', (len(rows) + 1) * len(columns), file)
            padded = [*values, *[''] * (len(columns) - len(values))]
            rows.append((line, {name: value.strip() for name, value in
                                zip(columns, padded, strict=False)}))
    table = Table(file, columns, rows, tuple(notes))
    table.require(*needed)
    return table


def whole_number(cell: str) -> int | None:
    """'3', '3.0' or '3,0' → 3; None for anything but a whole number from 0 on."""
    match = WHOLE.fullmatch(cell)
    digits = match[1] if match else cell
    return int(digits) if re.fullmatch(r'[0-9]{1,18}', digits) else None


def number(cell: str) -> float | None:
    """Text with a decimal point or comma → number; None for anything else."""
    try:
        return float(cell.replace(',', '.') if cell.count(',') == 1 else cell)
    except ValueError:
        return None


def restore_integer_names(rows: Sequence[dict[str, str]], name: str, column: str,
                          known: Collection[str] = ()) -> list[str]:
    """Change '3.0' to '3' in a column of names that a program converted to numbers → notes.

    A column with another fraction is left unchanged.

    Args:
        rows: changed in place.
        name: of the column in the rows.
        column: its name for the notes.
        known: names that are left unchanged.
    """
    names = {row[name] for row in rows}
    if any(map(FRACTION.fullmatch, names)):
        return []
    whole = {old: match[1] for old in names - {*known} if (match := WHOLE.fullmatch(old))}
    for row in rows:
        row[name] = whole.get(row[name], row[name])
    return _whole_note(column, names, whole)


def _whole_note(column: str, names: Collection[str], whole: Mapping[str, str]) -> list[str]:
    """Notes for the user on names that were changed."""
    names = set(names)
    if rounded := sorted(filter(ROUNDED.fullmatch, names)):
        return [f'{column}: a program rounded long numbers, such as {rounded[0]}, so that several '
                'may have become one; save the table again with this column as text']
    if not whole:
        return []
    joined = sorted(old for old, new in whole.items() if new in names)
    if not joined:
        old, new = min(whole.items())
        return [f'{column}: {old} is read as {new}, and others like it']
    return [f'{column}: {whole[joined[0]]} and {joined[0]} are taken for one'
            + f', as are {len(joined) - 1} other pairs' * (len(joined) > 1)
            + '; if they are two, rename one']


def similar_names(names: Iterable[str]) -> list[list[str]]:
    """Sets of names that differ only in capitals, blanks or the form of a number, as 7 and 007."""
    spellings: dict[object, set[str]] = {}
    for name in names:
        plain = ' '.join(unicodedata.normalize('NFKC', name).casefold().split())
        is_number = re.fullmatch(r'[+-]?\d+([.,]\d+)?', plain)
        spellings.setdefault(number(plain) if is_number else plain, set()).add(name)
    return sorted(sorted(names) for names in spellings.values() if len(names) > 1)


def too_many_numbers(labels: Sequence[str]) -> str:
    """An error message for labels that look like measurements; blank for others."""
    distinct = {label for label in labels if label.casefold() not in MISSING}
    numbers = [label for label in distinct if number(label) is not None]
    if (len(numbers) == len(distinct) > 2 and any(map(FRACTION.fullmatch, numbers))
            and len(distinct) > min(10, len(labels) / 2)):
        return (f'the labels are numbers, such as {min(numbers)}, and each of {len(distinct)} in '
                f'{len(labels)} rows would be a class; name or add a column of classes, for '
                'example by a threshold')
    return ''


def _decode(file: Path) -> tuple[str, list[str]]:
    """The text of a file, and a note where its encoding is a guess."""
    refuse_above('MAX_TEXT', file.stat().st_size, file)
    content = file.read_bytes()
    if content.startswith((b'PK\x03\x04', b'\xd0\xcf\x11\xe0')):
        raise ValueError(f'{file}: is a spreadsheet or an archive, not text; save it as CSV')
    if content.startswith((b'\xff\xfe', b'\xfe\xff')):
        encodings = ['utf-16']
    elif content[:200].count(b'\0') > len(content[:200]) / 4:         # UTF-16 without its BOM
        encodings = ['utf-16-be' if content[:1] == b'\0' else 'utf-16-le']
    else:
        encodings = ['utf-8-sig', 'cp1252', 'latin-1']
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not encoding.startswith('utf-8') and re.search(r'[\0-\x08\x0e-\x1f]', text):
            break
        return text, ([] if encoding.startswith('utf') else
                      [f"{file} is not in UTF-8 and was read in Windows' code page (cp1252); if "
                       'names look wrong, save it in UTF-8'])
    raise ValueError(f'{file}: not a text table in UTF-8 or another encoding')


def _separator(header: str, needed: Sequence[str]) -> str:
    """The separator that gives a header the most needed columns, then the most columns."""
    def found(separator: str) -> tuple[int, int]:
        try:
            values = next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:                            # one value of a long header
            return 0, 0
        names = {name.strip().casefold() for name in values}
        return sum(name.casefold() in names for name in needed), len(values)

    return max(SEPARATORS, key=found)                # in a tie the first: the comma


def _records(file: Path, lines: Iterable[str], separator: str,
             offset: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    start = 0
    try:
        for values in reader:
            yield reader.line_num + offset, values
            start = reader.line_num
    except csv.Error as error:
        what = ('a double quote is opened and not closed' if 'end of data' in str(error) else
                str(error))
        raise ValueError(f'{file} line {start + 1 + offset}: {what}') from error
