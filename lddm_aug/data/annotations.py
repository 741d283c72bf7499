"""Tables of labelled files: columns path, label, group and, where needed, frame, split, fps."""
from __future__ import annotations

import logging
import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from mmengine.logging import print_log

from lddm_aug.data.tables import (
    number,
    read_table,
    restore_integer_names,
    similar_names,
    too_many_numbers,
    whole_number,
)
from lddm_aug.files import is_within
from lddm_aug.remote import copy_here, folder_of, here, is_url

REQUIRED_COLUMNS = ('path', 'label', 'group')
OPTIONAL_COLUMNS = ('frame', 'split', 'fps', 'sha256')


@dataclass(frozen=True, slots=True)
class Annotation:
    """One row.

    Attributes:
        path: absolute, links resolved; it exists.
        label: name of the class.
        group: must never be on both sides of a split; usually a patient.
        frame: index of a video's frame; None for a whole video or a still.
        split: part of the data, None if the table has no splits.
        line: of the table, for messages.
        fps: frames per second of a video; None if the table has no such column.
        sha256: of the file; None if the table has no such column.
        others: what stands in all other columns, without blank cells.
    """
    path: Path
    label: str
    group: str
    frame: int | None
    split: str | None
    line: int
    fps: float | None = None
    sha256: str | None = None
    others: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def conditions(self) -> dict[str, str]:
        """What the row says that a generator can be told: its label and its other columns."""
        return {**self.others, 'label': self.label}


def read_annotations(csv_file: str | Path, data_root: str | Path | None = None,
                     classes: Sequence[str] | None = None,
                     keep: Callable[[Annotation], bool] | None = None) -> list[Annotation]:
    """Read and check a table.

    Labels and groups that a program converted to decimal numbers (3.0 for 3) are read as 3.

    Args:
        csv_file: with a header, separated by commas, semicolons or tabs; blanks around values are
            ignored.  May be a URL, as s3://bucket/stills.csv.
        data_root: folder that contains all paths; by default the table's own.  Of a URL, the files
            of the rows are copied to this machine.
        classes: valid labels; by default all.
        keep: whether to return a row; by default all are.

    Raises:
        FileNotFoundError: if the table or a file in it doesn't exist.
        ValueError: if the table is invalid; the message names the line.
    """
    data_root = str(csv_file).rpartition('/')[0] if data_root is None and is_url(csv_file) else (
        data_root)
    csv_file = here(csv_file)
    table = read_table(csv_file, REQUIRED_COLUMNS)
    url = str(data_root) if is_url(data_root) else None
    root = folder_of(url) if url else Path(
        csv_file.parent if data_root is None else data_root).resolve()
    columns = {name: table.column(name) for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)}
    cells = [{name: row[column] for name, column in columns.items() if column is not None}
             for _, row in table.rows]
    notes = list(table.notes)
    for name, known in (('label', classes or ()), ('group', ())):
        notes += restore_integer_names(cells, name, f'{csv_file}, column {name}', known)
    if not cells:
        raise ValueError(f'{csv_file}: the table has no rows')
    ours = {*columns.values()}
    more = [column for column in dict.fromkeys(table.columns) if column and column not in ours]
    parsed = (_parse(row, {name: cell for name in more if (cell := cells_of[name])}, root, classes,
                     line, f'{csv_file} line {line}', url)
              for row, (line, cells_of) in zip(cells, table.rows, strict=True))
    rows = [row for row in parsed if keep is None or keep(row)]
    if classes is None and (why := too_many_numbers([row['label'] for row in cells])):
        raise ValueError(f'{csv_file}: {why}')
    if url:
        copy_here(url, [row.path.relative_to(root).as_posix() for row in rows])
    for note in notes:
        print_log(note, logger='current', level=logging.WARNING)
    warn_of_similar_groups(rows, csv_file)
    return rows


def classes_in(csv_file: str | Path) -> tuple[str, ...] | None:
    """The classes of a table, as a dataset has them; None if the table doesn't exist.

    Files and other columns aren't checked.
    """
    if not Path(csv_file).is_file():
        return None
    table = read_table(csv_file, ('label',))
    cells = [{'label': row[str(table.column('label'))]} for _, row in table.rows]
    restore_integer_names(cells, 'label', 'label')
    return sort_classes(cell['label'] for cell in cells)


def warn_of_similar_groups(rows: Iterable[Annotation], source: object) -> None:
    """Warn of groups that differ in capitals, blanks or zeros alone, and may be the same."""
    if similar := similar_names(row.group for row in rows):
        print_log(f'{source}: groups {" and ".join(similar[0])} count as different ones'
                  + f', as do those of {len(similar) - 1} other such sets' * (len(similar) > 1)
                  + '; if they are one patient, give them one name', logger='current',
                  level=logging.WARNING)


def class_names(annotations: Iterable[Annotation]) -> tuple[str, ...]:
    """The distinct labels, sorted by `sort_classes`."""
    return sort_classes(annotation.label for annotation in annotations)


def sort_classes(names: Iterable[str]) -> tuple[str, ...]:
    """The distinct names, sorted; as numbers where all are numbers."""
    labels = set(names)
    if all(label.isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def rows_of_split(annotations: Sequence[Annotation], split: str | None,
                  source: object) -> list[Annotation]:
    """The rows of one split, or all for None; ValueError if there are none."""
    rows = [row for row in annotations if split in (None, row.split)]
    if not rows:
        splits = sorted({row.split or '(blank)' for row in annotations})
        raise ValueError(f'{source}: no row has split {split!r}; there are {", ".join(splits)}')
    return rows


def usable_rows(annotations: Iterable[Annotation], check: Callable[[Annotation], None],
                on_bad: str, source: object) -> list[Annotation]:
    """The rows that pass a check; one message names all others.

    Args:
        annotations: rows.
        check: raises ValueError with the reason for an unusable row.
        on_bad: 'raise', or 'skip' to leave unusable rows out with a warning.
        source: of the rows, for the message.

    Raises:
        ValueError: if on_bad is 'raise' and a row is unusable, or if all are.
    """
    if on_bad not in ('raise', 'skip'):
        raise ValueError(f"{source}: on_bad must be 'raise' or 'skip', but got {on_bad!r}")
    usable, problems = [], []
    for row in annotations:
        try:
            check(row)
            usable.append(row)
        except ValueError as error:
            problems.append(f'line {row.line}: {error}')
    if problems:
        message = '\n  '.join([f'{source}: {len(problems)} rows are unusable', *problems])
        if on_bad == 'raise' or not usable:
            raise ValueError(f"{message}\nCorrect or remove them, or skip them by on_bad='skip'")
        print_log(f'{message}\nThey are left out.', logger='current', level=logging.WARNING)
    return usable


def _parse(cells: dict[str, str], others: dict[str, str], root: Path,
           classes: Sequence[str] | None, line: int, where: str, url: str | None) -> Annotation:
    for name in REQUIRED_COLUMNS:
        if not cells[name]:
            raise ValueError(f'{where}: {name} is blank')
    label = cells['label']
    if classes is not None and label not in classes:
        raise ValueError(f'{where}: label must be one of {", ".join(classes)}, but got {label!r}')
    frame = cells.get('frame') or None
    if frame is not None and whole_number(frame) is None:
        raise ValueError(f'{where}: frame counts from 0, but got {frame!r}')
    path = (resolve_within(cells['path'], root, where) if url is None else
            _path_at_url(cells['path'], root, where, url))
    return Annotation(path=path, label=label,
                      group=cells['group'], frame=None if frame is None else whole_number(frame),
                      split=cells.get('split') or None, line=line,
                      fps=parse_fps(cells.get('fps', ''), where),
                      sha256=cells.get('sha256') or None, others=others)


def _path_at_url(value: str, root: Path, where: str, url: str) -> Path:
    """Where the copy of a file at a URL will be."""
    path = PurePosixPath(value.replace('\\', '/'))
    if path.is_absolute() or '..' in path.parts or is_url(value):
        raise ValueError(f'{where}: {value} is outside {url}; set data_root to a folder that '
                         'contains all files')
    return root / path


def parse_fps(cell: str, where: str) -> float | None:
    """Frames per second; None for a blank cell."""
    if not cell:
        return None
    fps = number(cell)
    if fps is None or not 0 < fps < math.inf:
        raise ValueError(f'{where}: fps counts frames per second, but got {cell!r}')
    return fps


def resolve_within(value: str, root: Path, where: str) -> Path:
    """The path of an existing file or folder in `root`, links resolved.

    Args:
        value: may have backslashes.
        root: absolute, links resolved.
        where: prefix of the messages.

    Raises:
        FileNotFoundError: if it doesn't exist.
        ValueError: if it, or a frame in it, is outside `root`, or can't be resolved.
    """
    outside = False
    for name in spellings(value):
        try:
            path = (root / name).resolve()
            exists = path.exists()
        except (OSError, RuntimeError, ValueError) as error:  # a link to itself, a name too long
            raise ValueError(f'{where}: {value[:80]!r} cannot be resolved as a path') from error
        if not path.is_relative_to(root):
            outside = True
        elif exists:
            _refuse_links_out(path, root, where)
            return path
    if outside:
        raise ValueError(f'{where}: {value} is outside {root}; set data_root to a folder that '
                         'contains all files')
    raise FileNotFoundError(f'{where}: {value} does not exist in {root}{suggest_path(value, root)}')


def _refuse_links_out(path: Path, root: Path, where: str) -> None:
    """Raise ValueError if a folder of frames has a link out of the root."""
    if not path.is_dir():
        return
    with os.scandir(path) as entries:
        links = [entry.name for entry in entries if entry.is_symlink()]
    for name in links:
        if not is_within(path / name, root):
            raise ValueError(f'{where}: {path / name} is a link to what is outside {root}; set '
                             'data_root to a folder that contains all files')


def spellings(value: str) -> list[str]:
    """A path as written in a table, and its other possible spellings on disk.

    Windows writes backslashes, macOS decomposes accented letters, and archives of old systems
    unpack to names in their code page.
    """
    found = [value]
    if '\\' in value:
        found.append(value.replace('\\', '/'))
    if not value.isascii():
        found += [unicodedata.normalize(form, name) for name in tuple(found)
                  for form in ('NFC', 'NFD')]
        for name in tuple(found):
            for page in ('cp1252', 'cp437'):
                try:
                    found.append(os.fsdecode(name.encode(page)))
                except UnicodeEncodeError:
                    continue
    return list(dict.fromkeys(found))


def suggest_path(value: str, root: Path) -> str:
    """A hint at the correct path for one that doesn't exist; blank if there is no similar one."""
    if re.match(r'[A-Za-z]:[\\/]|\\\\', value):
        return ', since it is a path of Windows; write it relative to the folder of the files'
    path = root / value.replace('\\', '/')
    try:
        folder = path.parent
        names = _names_in(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return ''
    other = names.get(path.name.casefold()) or names.get(f'{path.name.casefold()}.')
    return f', but {other} does' if other else ''


@lru_cache(maxsize=4)
def _names_in(folder: Path, _mtime_ns: int) -> dict[str, str]:
    """Names in a folder by their case-folded name and, with a dot, by their case-folded stem."""
    names = sorted(name for name in os.listdir(folder) if not name.startswith('.'))
    return {**{f'{os.path.splitext(name)[0].casefold()}.': name for name in names},
            **{name.casefold(): name for name in names}}
