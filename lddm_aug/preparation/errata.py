"""Known faults of a source, corrected and said."""
from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lddm_aug.preparation.listing import EXCLUDED, Item, LeftOut, Listing

ACTIONS = ('relabel', 'exclude', 'duplicate', 'group')


@dataclass(frozen=True)
class Erratum:
    """One fault.

    Attributes:
        action: relabel; exclude; duplicate, which leaves out what repeats another item; or group.
        item: its name in the source.
        value: of relabel the right label, of duplicate the item that stays, of group the group.
        why: what is wrong.
        source: who says so.
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
        raise FileNotFoundError(f'{path}: there is no such list of errata')
    with path.open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        columns = list(Erratum.__dataclass_fields__)
        if reader.fieldnames is None or list(reader.fieldnames) != columns:
            raise ValueError(f'{path}: the columns must be {",".join(columns)}')
        errata = []
        for row in reader:
            where = f'{path} line {reader.line_num}'
            if None in row or None in row.values():
                raise ValueError(f'{where}: {len(columns)} values are needed; put one that holds '
                                 'a comma in double quotes')
            erratum = Erratum(**{name: value.strip() for name, value in row.items()})
            if erratum.action not in ACTIONS:
                raise ValueError(f'{where}: action must be one of {", ".join(ACTIONS)}, but got '
                                 f'{erratum.action!r}')
            if not erratum.item or not erratum.value and erratum.action != 'exclude':
                raise ValueError(f'{where}: item and, unless it is excluded, value are needed')
            errata.append(erratum)
    return errata


def apply_errata(listing: Listing, errata: Sequence[Erratum]) -> Listing:
    """Correct a listing; its notes say what was done, and what wasn't there to be corrected."""
    items = {item.source: item for item in listing.items}
    left_out, notes = list(listing.left_out), list(listing.notes)
    for erratum in errata:
        item = items.get(erratum.item)
        if item is None or erratum.action == 'duplicate' and erratum.value not in items:
            missing = erratum.item if item is None else erratum.value
            notes.append(f'erratum not needed, {missing} is not there: {erratum}')
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
