"""Known faults of a source, corrected and reported."""
from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lddm_aug.limits import refuse_above
from lddm_aug.preparation.listing import EXCLUDED, Item, LeftOut, Listing

ACTIONS = ('relabel', 'exclude', 'duplicate', 'group')


@dataclass(frozen=True)
class Erratum:
    """One fault.

    Attributes:
        action: relabel; exclude; duplicate, which leaves out a copy of another item; or group.
        item: its name in the source.
        value: for relabel the correct label, for duplicate the item that is kept, for group the
            group.
        why: description of the fault.
        source: of the correction.
    """
    action: str
    item: str
    value: str
    why: str
    source: str

    def __str__(self) -> str:
        what = f'{self.action} {self.item}' + f' = {self.value}' * bool(self.value)
        return f'{what}: {self.why} ({self.source})'


def read_errata(path: str | Path) -> list[Erratum]:
    """Read a table with the columns action, item, value, why, source.

    Raises:
        FileNotFoundError: if it doesn't exist.
        ValueError: if a line isn't of this form.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: this list of errata does not exist')
    refuse_above('MAX_TEXT', path.stat().st_size, path)
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: save it in UTF-8 (byte {error.start} is none)') from error
    with _named(path):
        reader = csv.DictReader(io.StringIO(text, newline=''))
        columns = list(Erratum.__dataclass_fields__)
        if reader.fieldnames is None or list(reader.fieldnames) != columns:
            raise ValueError(f'{path}: the columns must be {",".join(columns)}')
        errata = []
        for row in reader:
            where = f'{path} line {reader.line_num}'
            if None in row or None in row.values():
                raise ValueError(f'{where}: {len(columns)} values are needed; put a value with a '
                                 'comma in double quotes')
            erratum = Erratum(**{name: value.strip() for name, value in row.items()})
            if erratum.action not in ACTIONS:
                raise ValueError(f'{where}: action must be one of {", ".join(ACTIONS)}, but got '
                                 f'{erratum.action!r}')
            if not erratum.item or (not erratum.value and erratum.action != 'exclude'):
                raise ValueError(f'{where}: item and, unless it is excluded, value are needed')
            errata.append(erratum)
    return errata


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors of the csv module name the file."""
    try:
        yield
    except csv.Error as error:
        raise ValueError(f'{path}: {error}') from error


def apply_errata(listing: Listing, errata: Sequence[Erratum]) -> Listing:
    """The corrected listing, with notes on applied corrections and on missing items."""
    items = {item.source: item for item in listing.items}
    left_out, notes = list(listing.left_out), list(listing.notes)
    for erratum in errata:
        item = items.get(erratum.item)
        if item is None or (erratum.action == 'duplicate' and erratum.value not in items):
            missing = erratum.item if item is None else erratum.value
            notes.append(f'erratum not needed, {missing} is missing: {erratum}')
            continue
        notes.append(f'erratum: {erratum}')
        if erratum.action in ('exclude', 'duplicate'):
            del items[erratum.item]
            left_out.append(LeftOut(erratum.item, EXCLUDED, f'erratum: {erratum.why}'))
        else:
            items[erratum.item] = _corrected(item, erratum)
    return replace(listing, items=list(items.values()), left_out=left_out, notes=notes)


def _corrected(item: Item, erratum: Erratum) -> Item:
    if erratum.action == 'relabel':
        return replace(item, label=erratum.value)
    return replace(item, group=erratum.value)
