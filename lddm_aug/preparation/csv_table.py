"""Any table of files, its columns mapped to ours."""
from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lddm_aug.datasets.annotations import confined
from lddm_aug.preparation.groups import OwnGroup
from lddm_aug.preparation.listing import (
    ABSENT,
    BAD,
    EXCLUDED,
    ORACLE,
    VIDEO,
    Item,
    LeftOut,
    Listing,
)
from lddm_aug.preparation.source_folder import SourceFolder, role_of


@dataclass(frozen=True)
class CsvColumns:
    """What the columns of a table mean.

    Attributes:
        path: column of the path.
        path_pattern: what to make of its values, '{}' standing for one: 'videos/{}.mp4'.
        label: column of the class.
        labels: value → our name, where classes have other names; other values are left out.
        group: column of the group; None for `group_pattern`, or each file its own group.
        group_pattern: regular expression; what its first brackets match in the path is the group.
        split: column of the split; None if there is none.
        splits: value → our name of the split; rows with other values are left out.
        first_frames: split of which only first frames are stills; the videos become the oracle.
        fps: column of the frames per second.
    """
    path: str = 'path'
    path_pattern: str = '{}'
    label: str = 'label'
    labels: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    group_pattern: str | None = None
    split: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    first_frames: str | None = None
    fps: str | None = None


def list_csv(table: str | Path, columns: CsvColumns, root: str | Path | None = None,
             fps: float | None = None) -> Listing:
    """What a table names; rows whose file isn't there are left out.

    Args:
        table: comma-separated, with a header; blanks around values don't count.
        root: folder that paths are relative to and may not leave; by default the table's own.
        fps: frames per second of videos that don't say, and have none in the table.

    Raises:
        FileNotFoundError: if the table or the root doesn't exist.
        ValueError: if a column is missing or no row is of use.
    """
    table = Path(table)
    if not table.is_file():
        raise FileNotFoundError(f'{table}: there is no such table')
    source = SourceFolder(table.parent if root is None else root)
    listing = Listing(settings={'source': 'csv', 'fps': fps}, root=source.root)
    group_of = OwnGroup(columns.group_pattern)
    if columns.group is None:
        listing.notes.append(group_of.note)
    seen: set[str] = set()
    unmapped: Counter[str] = Counter()
    for line, row in _read(table, columns):
        where = f'{table.name} line {line}'
        name = row[columns.path] or where
        if value := _unmapped(row, columns):
            unmapped[value] += 1
            listing.left_out.append(LeftOut(name, EXCLUDED, 'has no mapped value'))
            continue
        try:
            item = _item(row, columns, source, group_of, fps, where)
            if item.source in seen:
                raise ValueError(f'{where}: {name} stands in the table twice')
        except FileNotFoundError:
            listing.left_out.append(LeftOut(name, ABSENT, f'{where}: there is no such file'))
        except ValueError as error:
            listing.left_out.append(LeftOut(name, BAD, source.relative(error)))
        else:
            seen.add(item.source)
            listing.items.append(item)
    if unmapped:
        listing.notes.append('rows whose value is not mapped: ' + ', '.join(
            f'{count} with {value}' for value, count in sorted(unmapped.items())))
    return listing


def _unmapped(row: Mapping[str, str], columns: CsvColumns) -> str:
    """The value because of which a row is left out; empty if it isn't."""
    for column, known in ((columns.split, columns.splits), (columns.label, columns.labels)):
        if column and known and row[column] not in known:
            return f'{column} {row[column]!r}'
    return ''


def _item(row: Mapping[str, str], columns: CsvColumns, source: SourceFolder, group_of: OwnGroup,
          fps: float | None, where: str) -> Item:
    name, label = row[columns.path], row[columns.label]
    if not name or not label or columns.group and not row[columns.group]:
        raise ValueError(f'{where}: a value is blank')
    path = confined(columns.path_pattern.replace('{}', name), source.root, where)
    role = VIDEO if path.is_dir() else role_of(path)
    if role is None:
        raise ValueError(f'{where}: {name} is neither a video nor a still')
    rate = _rate(row[columns.fps], where) if columns.fps else None
    split = row[columns.split] if columns.split else ''
    split = columns.splits.get(split, split)
    if columns.first_frames and split == columns.first_frames and role == VIDEO:
        role = ORACLE
    group = row[columns.group] if columns.group else group_of(source.name(path))
    return source.item(path, columns.labels.get(label, label), group, role, split, rate or fps)


def _read(table: Path, columns: CsvColumns) -> list[tuple[int, dict[str, str]]]:
    """(line, column → value) of every row; a line is that of a table without line breaks in it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', pd.errors.ParserWarning)
            # without index_col, rows that are longer than the header are read one column off
            read = pd.read_csv(table, dtype=str, keep_default_na=False, encoding='utf-8-sig',
                               skipinitialspace=True, index_col=False)
    except pd.errors.ParserWarning as error:
        raise ValueError(f'{table}: rows have more values than the header has columns; put values '
                         'that hold a comma in double quotes') from error
    except ValueError as error:
        raise ValueError(f'{table}: not a table in UTF-8 ({error})') from error
    read.columns = read.columns.str.strip()
    needed = {'path': columns.path, 'label': columns.label, 'group': columns.group,
              'split': columns.split, 'fps': columns.fps}
    for meaning, name in needed.items():
        if name is not None and name not in read.columns:
            raise ValueError(f'{table}: there is no column {name!r} for the {meaning}; name one of '
                             f'{", ".join(read.columns)}')
    return [(line, {name: value.strip() for name, value in row.items()})
            for line, row in enumerate(read.to_dict('records'), start=2)]


def _rate(cell: str, where: str) -> float | None:
    try:
        rate = float(cell) if cell else None
    except ValueError:
        rate = -1
    if rate is not None and not 0 < rate < float('inf'):
        raise ValueError(f'{where}: fps counts frames per second, but got {cell!r}')
    return rate
