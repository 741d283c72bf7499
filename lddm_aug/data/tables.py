"""Tables of text as spreadsheets, statistics programs and pandas write them."""
from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = (',', ';', '\t', '|')
NAMES = {',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars'}
WHOLE = re.compile(r'([+-]?\d+)[.,]0*')              # 3.0, as pandas makes of 3 beside a blank
FRACTION = re.compile(r'[+-]?\d*[.,]\d*[1-9]\d*')
ROUNDED = re.compile(r'[+-]?\d([.,]\d+)?E\+\d+', re.IGNORECASE)
MISSING = {'nan', 'none', 'null', '<na>', 'nat', 'n/a', 'na', '#n/a', 'nil', '-', '--', '?'}


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        file: that it was read from.
        columns: names, blanks around them left away.
        rows: (line, column → value) of every row that isn't blank; a line is the row's last one.
        notes: how it was read, where that is a guess.
    """
    file: Path
    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> str | None:
        """A column by its name, in the header's spelling; capitals count only between two."""
        if name in self.columns:
            return name
        alike = [column for column in self.columns if column.casefold() == name.casefold()]
        return alike[0] if len(alike) == 1 else None

    def require(self, *names: str) -> None:
        """Raise ValueError unless each of these columns is there once."""
        missing = [name for name in names if self.column(name) is None]
        if missing:
            raise ValueError(f'{self.file}: there is no column {", ".join(map(repr, missing))}; '
                             f'the header has {", ".join(map(repr, self.columns))}')
        twice = [name for name in names if self.columns.count(self.column(name) or '') > 1]
        if twice:
            raise ValueError(f'{self.file}: the header names {", ".join(twice)} twice')


def read_table(file: str | Path, needed: Sequence[str]) -> Table:
    """Read a table in UTF-8, UTF-16 or Windows' code page, whichever separator it has.

    Values stay text, without the blanks around them.  Lines before the header that begin with #,
    and Excel's `sep=;`, are passed over.

    Args:
        needed: columns that tell the separator.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no table, lacks a needed column, or a row has more values than the
            header; the message names the line.
    """
    file = Path(file)
    if file.is_dir():
        raise ValueError(f'{file} is a folder, and no table')
    if not file.is_file():
        raise FileNotFoundError(f'{file}: there is no such table')
    text, notes = _decode(file)
    lines = io.StringIO(text, newline='').readlines()
    first = 0
    while first < len(lines) and (not lines[first].strip(' \t\r\n,;|')
                                  or lines[first].startswith('#')):
        first += 1
    if first == len(lines):
        raise ValueError(f'{file}: the table is empty')
    if match := re.fullmatch(r'"?sep=(.)"?[,;\t]*\s*', lines[first], re.IGNORECASE):
        separator, first = match[1], first + 1
    else:
        separator = _separator(lines[first], needed)
    records = _records(file, lines[first:], separator, first)
    columns = tuple(name.strip() for name in next(records, (0, []))[1])
    rows = []
    for line, values in records:
        if len(values) == 1 < len(columns) and values[0].lstrip().startswith('#'):
            continue
        if any(value.strip() for value in values[len(columns):]):
            hint = ('put a value that holds a comma in double quotes' if separator == ',' else
                    f'its columns are divided by {NAMES.get(separator, repr(separator))}')
            raise ValueError(f'{file} line {line}: more values than columns ({len(values)}, '
                             f'but the header has {len(columns)}); {hint}')
        if any(value.strip() for value in values):
            padded = [*values, *[''] * (len(columns) - len(values))]
            rows.append((line, {name: value.strip() for name, value in
                                zip(columns, padded, strict=False)}))
    table = Table(file, columns, rows, tuple(notes))
    table.require(*needed)
    return table


def whole_number(cell: str) -> int | None:
    """3 for '3', '3.0' and '3,0'; None for what isn't a whole number from 0 on."""
    match = WHOLE.fullmatch(cell)
    digits = match[1] if match else cell
    return int(digits) if re.fullmatch(r'[0-9]+', digits) else None


def number(cell: str) -> float | None:
    """A number, with a decimal point or comma; None for anything else."""
    try:
        return float(cell.replace(',', '.') if cell.count(',') == 1 else cell)
    except ValueError:
        return None


def make_names_whole(rows: Sequence[dict[str, str]], name: str, column: str,
                     known: Collection[str] = ()) -> list[str]:
    """Change '3.0' to '3' in a column of names that a program took for numbers → notes.

    It does so with a whole column: where one of the names has another fraction, all stay.

    Args:
        rows: are changed.
        name: of the column in the rows.
        column: for the notes.
        known: names that stay.
    """
    names = {row[name] for row in rows}
    if any(map(FRACTION.fullmatch, names)):
        return []
    whole = {old: match[1] for old in names - {*known} if (match := WHOLE.fullmatch(old))}
    for row in rows:
        row[name] = whole.get(row[name], row[name])
    return _whole_note(column, names, whole)


def _whole_note(column: str, names: Collection[str], whole: Mapping[str, str]) -> list[str]:
    """What a user should know of names that were read otherwise than they are written."""
    names = set(names)
    if rounded := sorted(filter(ROUNDED.fullmatch, names)):
        return [f'{column}: a program rounded long numbers, such as {rounded[0]}, so that several '
                'may have become one; write the table anew with this column as text']
    if not whole:
        return []
    twins = sorted(old for old, new in whole.items() if new in names)
    if not twins:
        old, new = min(whole.items())
        return [f'{column}: {old} is read as {new}, and others like it']
    return [f'{column}: {whole[twins[0]]} and {twins[0]} are taken for one'
            + f', as are {len(twins) - 1} other pairs' * (len(twins) > 1)
            + '; where they are two, name them otherwise']


def alike(names: Iterable[str]) -> list[list[str]]:
    """Names that are likely one: but for capitals, blanks, or the form of a number, as 7 and 007.
    """
    spellings: dict[object, set[str]] = {}
    for name in names:
        plain = ' '.join(unicodedata.normalize('NFKC', name).casefold().split())
        is_number = re.fullmatch(r'[+-]?\d+([.,]\d+)?', plain)
        spellings.setdefault(number(plain) if is_number else plain, set()).add(name)
    return sorted(sorted(names) for names in spellings.values() if len(names) > 1)


def too_many_numbers(labels: Sequence[str]) -> str:
    """Why labels look like measurements, of which each would be a class; blank if they don't."""
    distinct = {label for label in labels if label.casefold() not in MISSING}
    numbers = [label for label in distinct if number(label) is not None]
    if (len(numbers) == len(distinct) > 2 and any(map(FRACTION.fullmatch, numbers))
            and len(distinct) > min(10, len(labels) / 2)):
        return (f'the labels are numbers, such as {min(numbers)}, and each of {len(distinct)} in '
                f'{len(labels)} rows would be a class; name or make a column of classes, for '
                'example by a threshold')
    return ''


def _decode(file: Path) -> tuple[str, list[str]]:
    """The text of a file, and a note where its encoding is a guess."""
    content = file.read_bytes()
    if content.startswith((b'PK\x03\x04', b'\xd0\xcf\x11\xe0')):
        raise ValueError(f'{file}: is a spreadsheet or an archive, no text; save the table as CSV')
    if content.startswith((b'\xff\xfe', b'\xfe\xff')):
        encodings = ['utf-16']
    elif content[:200].count(b'\0') > len(content[:200]) / 4:         # UTF-16 without its mark
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
    raise ValueError(f'{file}: not a table in UTF-8, nor any other text')


def _separator(header: str, needed: Sequence[str]) -> str:
    """What divides a header, so that the most needed columns, then the most at all, are found."""
    def found(separator: str) -> tuple[int, int]:
        names = [name.strip().casefold() for name in
                 next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])]
        return sum(name.casefold() in names for name in needed), len(names)

    return max(SEPARATORS, key=found)                # of equals the first: the comma


def _records(file: Path, lines: Sequence[str], separator: str,
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
