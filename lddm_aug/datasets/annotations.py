"""Tables of labelled files: columns path, label, group and, where needed, frame, split, fps."""
from __future__ import annotations

import csv
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.logging import print_log

REQUIRED_COLUMNS = ('path', 'label', 'group')


@dataclass(frozen=True)
class Annotation:
    """One row.

    Attributes:
        path: absolute, links followed; it exists.
        label: name of the class.
        group: what must never be on both sides of a split, usually a patient.
        frame: which frame of a video is meant; None for a whole video or a still.
        split: name of the part of the data that the row belongs to, if the table has any.
        line: of the table, for messages.
        fps: frames per second of a video, if the table tells.
        sha256: of the file, if the table tells.
    """
    path: Path
    label: str
    group: str
    frame: int | None
    split: str | None
    line: int
    fps: float | None = None
    sha256: str | None = None


def read_annotations(csv_file: str | Path, data_root: str | Path | None = None,
                     classes: Sequence[str] | None = None) -> list[Annotation]:
    """Read and check a table.

    Args:
        csv_file: comma-separated, with a header; blanks around values don't count.
        data_root: folder that paths are relative to and may not leave; by default the table's own.
        classes: the labels that may occur; by default any.

    Raises:
        FileNotFoundError: if the table or a file in it doesn't exist.
        ValueError: if the table can't be used; the message names the line.
    """
    csv_file = Path(csv_file)
    if not csv_file.is_file():
        raise FileNotFoundError(f'{csv_file}: there is no such table')
    root = Path(csv_file.parent if data_root is None else data_root).resolve()
    rows = [_parse(cells, root, classes, line, f'{csv_file} line {line}')
            for line, cells in _read_cells(csv_file)]
    if not rows:
        raise ValueError(f'{csv_file}: the table has no rows')
    return rows


def class_names(annotations: Iterable[Annotation]) -> tuple[str, ...]:
    """The labels that occur, in order."""
    return sort_classes(annotation.label for annotation in annotations)


def sort_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Without repetitions, in order; 10 comes after 9 where all are numbers."""
    labels = set(names)
    if all(label.isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def rows_of_split(annotations: Sequence[Annotation], split: str | None,
                  source: object) -> list[Annotation]:
    """The rows of one split, or all where none is asked for."""
    rows = [row for row in annotations if split in (None, row.split)]
    if not rows:
        splits = sorted({row.split or '(blank)' for row in annotations})
        raise ValueError(f'{source}: no row has split {split!r}; there are {", ".join(splits)}')
    return rows


def usable_rows(annotations: Iterable[Annotation], check: Callable[[Annotation], None],
                on_bad: str, source: object) -> list[Annotation]:
    """The rows that pass a check; those that don't are all named in one message.

    Args:
        check: raises ValueError, saying why, for a row that can't be used.
        on_bad: 'raise', or 'skip' to go on without them.
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
        message = '\n  '.join([f'{source}: {len(problems)} rows cannot be used', *problems])
        if on_bad == 'raise' or not usable:
            raise ValueError(f"{message}\nMend or remove them, or leave them out by on_bad='skip'")
        print_log(f'{message}\nThey are left out.', logger='current', level=logging.WARNING)
    return usable


def _read_cells(csv_file: Path) -> list[tuple[int, dict[str, str]]]:
    """(line, column → value) of every row that isn't blank."""
    with csv_file.open(newline='', encoding='utf-8-sig') as file:   # Excel puts a mark in front
        reader = csv.reader(file)
        try:
            columns = [name.strip() for name in next(reader, [])]
            missing = [name for name in REQUIRED_COLUMNS if name not in columns]
            if missing:
                raise ValueError(f'{csv_file}: columns path, label and group are needed, but the '
                                 f'header {",".join(columns)!r} lacks {", ".join(missing)}')
            twice = sorted({name for name in columns if name and columns.count(name) > 1})
            if twice:
                raise ValueError(f'{csv_file}: the header names {", ".join(twice)} twice')
            found = []
            for values in reader:
                if len(values) > len(columns):
                    raise ValueError(f'{csv_file} line {reader.line_num}: more values than '
                                     'columns; put a value that holds a comma in double quotes')
                if any(value.strip() for value in values):
                    padded = values + [''] * (len(columns) - len(values))
                    cells = {name: value.strip() for name, value in zip(columns, padded,
                                                                        strict=True)}
                    found.append((reader.line_num, cells))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f'{csv_file}: not a table in UTF-8 ({error})') from error
    return found


def _parse(cells: dict[str, str], root: Path, classes: Sequence[str] | None, line: int,
           where: str) -> Annotation:
    for name in REQUIRED_COLUMNS:
        if not cells[name]:
            raise ValueError(f'{where}: {name} is blank')
    label = cells['label']
    if classes is not None and label not in classes:
        raise ValueError(f'{where}: label must be one of {", ".join(classes)}, but got {label!r}')
    frame = cells.get('frame') or None
    if frame is not None and not frame.isdecimal():
        raise ValueError(f'{where}: frame counts from 0, but got {frame!r}')
    return Annotation(path=confined(cells['path'], root, where), label=label,
                      group=cells['group'], frame=None if frame is None else int(frame),
                      split=cells.get('split') or None, line=line,
                      fps=_fps(cells.get('fps', ''), where),
                      sha256=cells.get('sha256') or None)


def _fps(cell: str, where: str) -> float | None:
    if not cell:
        return None
    try:
        fps = float(cell)
    except ValueError:
        fps = math.nan
    if not 0 < fps < math.inf:
        raise ValueError(f'{where}: fps counts frames per second, but got {cell!r}')
    return fps


def confined(value: str, root: Path, where: str) -> Path:
    """The path, links followed, of a file or folder that exists in `root`.

    Args:
        root: absolute, links followed.
        where: begins the messages.

    Raises:
        FileNotFoundError: if it doesn't exist.
        ValueError: if it lies outside `root`, or can't be followed.
    """
    try:
        path = (root / value).resolve()
        exists = path.exists()
    except (OSError, RuntimeError, ValueError) as error:     # a link to itself, a name too long
        raise ValueError(f'{where}: {value[:80]!r} is no path that can be followed') from error
    if not path.is_relative_to(root):
        raise ValueError(f'{where}: {value} lies outside {root}; set data_root to a folder that '
                         'holds all files')
    if not exists:
        raise FileNotFoundError(f'{where}: {value} does not exist in {root}')
    return path
