"""The findings of an audit, which are saved beside the tables."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lddm_aug.data.annotations import Annotation
from lddm_aug.files import sha256_of
from lddm_aug.json_files import read_json

FORMAT_VERSION = 1
FORM = {'format_version': int, 'leaks': [{'what': str}],
        'same': [{'items': [{'path': Path, 'frame': (int, None)}]}],
        'tables': [{'sha256': str, 'split_sha256': (str, None)}]}
PLACE = Path('audit', 'audit.json')                  # beside the table
SHOWN = 3

Key = tuple[Path, int | None]                        # a file, or one frame of a video


@dataclass(frozen=True)
class AuditRecord:
    """The findings of an audit that other subpackages use.

    Attributes:
        file: audit.json.
        same: sets of files or frames with the same picture.
        leaks: one message each.
        audited: sha256 of every table, and of the split that it was audited with, if any.
    """
    file: Path
    same: tuple[frozenset[Key], ...]
    leaks: tuple[str, ...]
    audited: frozenset[tuple[str, str | None]]

    @classmethod
    def read(cls, file: str | Path) -> AuditRecord:
        """Read an audit.json.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is damaged or of another version.
        """
        file = Path(file)
        if not file.is_file():
            raise FileNotFoundError(f'{file} does not exist; make it with lddm-aug audit')
        try:
            found = read_json(file, FORM, 'run lddm-aug audit again')
            if found['format_version'] != FORMAT_VERSION:
                raise ValueError(f'format {found["format_version"]!r}')
        except ValueError as error:
            raise ValueError(f'{file}: damaged, or made by another version of lddm_aug; run '
                             'lddm-aug audit again') from error
        return cls(
            file=file,
            same=tuple(frozenset(((file.parent / item['path']).resolve(), item['frame'])
                                 for item in same['items']) for same in found['same']),
            leaks=tuple(leak['what'] for leak in found['leaks']),
            audited=frozenset((table['sha256'], table['split_sha256'])
                              for table in found['tables']))

    @classmethod
    def beside(cls, dataset: Any) -> AuditRecord | None:
        """The audit beside a dataset's table; None if either is missing."""
        table = getattr(dataset, 'ann_file', None)
        file = Path(table or '').parent / PLACE
        return cls.read(file) if table and file.is_file() else None

    def same_rows(self, rows: Sequence[Annotation]) -> list[list[int]]:
        """Indices of rows with the same picture, one list per set."""
        where: dict[Key, list[int]] = {}
        for place, row in enumerate(rows):
            where.setdefault((row.path, row.frame), []).append(place)
        found = [[place for key in sorted(same, key=str) for place in where.get(key, ())]
                 for same in self.same]
        return [places for places in found if len(places) > 1]

    def on_both_sides(self, one: Collection[Key], other: Collection[Key]) -> list[tuple[Key, Key]]:
        """For each set that is on both sides, an example of each side."""
        both = []
        for same in self.same:
            here, there = same.intersection(one), same.intersection(other)
            if here and there:
                both.append((min(here, key=str), min(there, key=str)))
        return both

    def covers(self, table: str | Path, split_file: str | Path | None) -> bool:
        """Whether this table was audited with this split and neither has changed since."""
        split = None if split_file is None else sha256_of(Path(split_file))
        return (sha256_of(Path(table)), split) in self.audited


def refuse_audited_leaks(owner: str, datasets: Iterable[Any]) -> None:
    """Raise ValueError if the audit beside a dataset's table found leakage in it.

    Args:
        owner: prefix of the message.
        datasets: those without a table or an audit are ignored.
    """
    for dataset in datasets:
        record = AuditRecord.beside(dataset)
        if record and record.leaks and record.covers(dataset.ann_file,
                                                     getattr(dataset, 'split_file', None)):
            shown = '; '.join(record.leaks[:SHOWN]) + ('; …' if len(record.leaks) > SHOWN else '')
            raise ValueError(
                f'{owner}: the audit of {dataset.ann_file} found {len(record.leaks)} leaks: '
                f'{shown}. See {record.file.with_suffix(".html")}; correct them and audit again, '
                'or ignore them by allow_leakage=True')
