"""Any table of files, with a mapping of its columns."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lddm_aug.data.annotations import parse_fps
from lddm_aug.data.tables import read_table, restore_integer_names, too_many_numbers
from lddm_aug.preparation.endings import NOT_USED, is_hidden, role_of
from lddm_aug.preparation.groups import OwnGroup
from lddm_aug.preparation.levels import split_of
from lddm_aug.preparation.listing import (
    ABSENT,
    BAD,
    EXCLUDED,
    ORACLE,
    STILL,
    UNUSED,
    VIDEO,
    Item,
    LeftOut,
    Listing,
)
from lddm_aug.preparation.names import reason_of
from lddm_aug.preparation.prepared_folder import COLUMNS
from lddm_aug.preparation.source_folder import SourceFolder

OTHER = 'other '                                     # before the name of a column that is kept


@dataclass(frozen=True)
class CsvColumns:
    """Mapping of the columns of a table.

    Attributes:
        path: column of the path.
        path_pattern: pattern of paths, in which a value replaces '{}': 'videos/{}.mp4'.
        label: column of the class.
        labels: value → name of the class; rows with other values are left out.  Empty to use the
            values.
        group: column of the group; None for `group_pattern`, or one group per file.
        group_pattern: regular expression whose first group matches the group in the path.
        split: column of the split; None if there is none.
        splits: value → name of the split; rows with other values are left out.
        first_frames: split of which only first frames are used, as stills; their videos become the
            oracle.
        fps: column of the frames per second.
        others: columns that the new tables have, too: conditions for generators.
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
    others: tuple[str, ...] = ()


def list_csv(table: str | Path, columns: CsvColumns, root: str | Path | None = None,
             fps: float | None = None) -> Listing:
    """The files of a table; rows without a file, and files without a row, are left out.

    Args:
        table: with a header, separated by commas, semicolons or tabs; blanks around values are
            ignored.
        columns: mapping of its columns.
        root: folder that contains all paths; by default the table's own.
        fps: frames per second of videos without a rate in the file or in the table.

    Raises:
        FileNotFoundError: if the table or the root doesn't exist.
        ValueError: if it is no table, lacks a column, or its labels are measurements.
    """
    table = Path(table)
    taken = sorted({*columns.others} & {*COLUMNS})
    if taken:
        raise ValueError(f'{table}: the column {taken[0]} is written anew, so that it cannot be '
                         'kept; rename it in the table')
    notes: list[str] = []
    rows = _read(table, columns, notes)
    if not columns.labels and (why := too_many_numbers([row['label'] for _, row in rows])):
        raise ValueError(f'{table}: in the column {columns.label}, {why}')
    source = SourceFolder(table.parent if root is None else root)
    listing = Listing(settings={'source': 'csv', 'fps': fps}, notes=notes)
    _walk(source, table, listing)
    group_of = OwnGroup(columns.group_pattern)
    if columns.group is None:
        notes.append(group_of.note)
    items: dict[str, Item] = {}
    excluded: dict[str, LeftOut] = {}
    unmapped: Counter[str] = Counter()
    again = 0
    for line, row in rows:
        where = f'{table.name} line {line}'
        name = row['path'] or where
        value = _unmapped(row, columns)
        if value:
            unmapped[value] += 1
        try:
            path = _locate(row, columns, source, where)
            name = source.name(path)
            if value:
                excluded.setdefault(name, LeftOut(name, EXCLUDED, f'{where}: has no mapped value'))
                continue
            item = _item(path, row, columns, source, group_of, fps, where)
            if (item.label, item.group, item.split) == _annotation(items.get(name)):
                again += 1
                continue
            if name in items or (name in excluded and excluded[name].kind == BAD):
                items.pop(name, None)
                raise ValueError(f'{where}: {row["path"]} is in the table twice, with another '
                                 'label, group or split')
            items[name] = item
        except FileNotFoundError as error:
            reason = f'{where}: has no mapped value' if value else str(error)
            listing.left_out.append(LeftOut(name, EXCLUDED if value else ABSENT, reason))
        except (ValueError, OSError) as error:
            excluded[name] = LeftOut(name, BAD, reason_of(error, source.root))
    listing.items = list(items.values())
    listing.left_out += [each for name, each in excluded.items() if name not in items]
    notes += _row_notes(unmapped, again)
    return source.complete(listing)


def _row_notes(unmapped: Mapping[str, int], again: int) -> list[str]:
    """Notes on rows: how many of each value aren't mapped, and how many are duplicates."""
    notes = []
    if unmapped:
        notes.append('rows whose value is not mapped: ' + ', '.join(
            f'{count} with {value}' for value, count in sorted(unmapped.items())))
    if again:
        notes.append(f'{again} rows repeat other rows')
    return notes


def _read(table: Path, columns: CsvColumns,
          notes: list[str]) -> list[tuple[int, dict[str, str]]]:
    """(line, meaning → value) of every row, with integer names restored."""
    meanings = {meaning: name for meaning, name in (
        ('path', columns.path), ('label', columns.label), ('group', columns.group),
        ('split', columns.split), ('fps', columns.fps)) if name is not None}
    meanings |= {f'{OTHER}{name}': name for name in columns.others}
    read = read_table(table, list(meanings.values()))
    notes += read.notes
    columns_of = {meaning: read.column(name) or name for meaning, name in meanings.items()}
    rows = [(line, {meaning: row[name] for meaning, name in columns_of.items()})
            for line, row in read.rows]
    for meaning, known in (('label', columns.labels), ('group', {})):
        if meaning in meanings:
            notes += restore_integer_names([row for _, row in rows], meaning,
                                           f'column {meanings[meaning]}', known)
    return rows


def _walk(source: SourceFolder, table: Path, listing: Listing) -> None:
    """Find every file of the source, also those in no row."""
    strays: list[LeftOut] = []
    for _ in source.walk(strays):
        pass
    for name, reason in source.found.items():
        if reason == NOT_USED:
            source.found[name] = 'is in no row of the table'
    if table.resolve().is_relative_to(source.root):
        source.found[source.name(table.resolve())] = 'is the table'
    listing.left_out += [each._replace(kind=UNUSED) for each in strays]


def _unmapped(row: Mapping[str, str], columns: CsvColumns) -> str:
    """The value that isn't mapped, for which a row is left out; blank for other rows."""
    for meaning, column, known in (('split', columns.split, columns.splits),
                                   ('label', columns.label, columns.labels)):
        if column and known and row[meaning] not in known:
            return f'{column} {row[meaning]!r}'
    return ''


def _locate(row: Mapping[str, str], columns: CsvColumns, source: SourceFolder,
            where: str) -> Path:
    if not row['path']:
        raise ValueError(f'{where}: the path is blank')
    return source.locate(columns.path_pattern.replace('{}', row['path']), where)


def _item(path: Path, row: Mapping[str, str], columns: CsvColumns, source: SourceFolder,
          group_of: OwnGroup, fps: float | None, where: str) -> Item:
    for meaning in ('label', 'group'):
        if not row.get(meaning, '-'):
            raise ValueError(f'{where}: the {meaning} is blank')
    role = VIDEO if path.is_dir() else role_of(path)
    if role is None:
        raise ValueError(f'{where}: {row["path"]} is neither a video nor a still')
    frames = [file for file in path.iterdir() if role_of(file) == STILL
              and not is_hidden(file.name)] if path.is_dir() else []
    rate = parse_fps(row.get('fps', ''), where)
    split = row.get('split', '')
    split = columns.splits.get(split) or split_of(split) or split
    if columns.first_frames and split == columns.first_frames and role == VIDEO:
        role = ORACLE
    group = row['group'] if columns.group else group_of(path.relative_to(source.root).as_posix())
    item = source.item(path, columns.labels.get(row['label'], row['label']), group, role, split,
                       rate or fps, frames)
    return replace(item, others={name: row[f'{OTHER}{name}'] for name in columns.others})


def _annotation(item: Item | None) -> tuple[str, str, str] | None:
    return None if item is None else (item.label, item.group, item.split)
