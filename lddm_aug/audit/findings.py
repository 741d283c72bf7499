"""What follows from who stands where and who shows the same: leakage, two labels, balance."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lddm_aug.data.annotations import Annotation

TRAIN = 'train'
NAMED = 4                   # items of a set that a sentence names


@dataclass(frozen=True)
class Item:
    """A row of one of the audited tables.

    Attributes:
        name: of the file, as it stands in the table, and the frame where one is meant.
        side: the part of the data that it belongs to; None where the data isn't divided yet.
    """
    row: Annotation
    table: str
    name: str
    is_still: bool
    side: str | None


@dataclass(frozen=True)
class Leak:
    """Something that stands in training and is tested on.

    Attributes:
        kind: 'group', 'same' or 'generator'.
        what: a sentence.
    """
    kind: str
    what: str


def find_leaks(items: Sequence[Item], same: Iterable[Sequence[int]],
               generator_groups: Collection[str] = ()) -> list[Leak]:
    """Groups and files on more than one side, and tested groups that a generator learnt from.

    Args:
        same: sets of items, by place, that show the same.
        generator_groups: groups that the generator was trained on.
    """
    leaks = []
    sides: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.side:
            sides[item.row.group].add(item.side)
    for group, found in sorted(sides.items()):
        if len(found) > 1:
            leaks.append(Leak('group', f'group {group} stands in {_and(found)}'))
    for places in same:
        on = {items[place].side for place in places} - {None}
        if len(on) > 1:
            names = [f'{items[place].name} ({items[place].side})' for place in places]
            leaks.append(Leak('same', 'the same is shown by ' + _and(names, keep_order=True)))
    for group in sorted(set(generator_groups) & set(sides)):
        tested = sides[group] - {TRAIN}
        if tested:
            leaks.append(Leak('generator', f'group {group}, from which the generator learnt, '
                                           f'stands in {_and(tested)}'))
    return leaks


def two_labels(items: Sequence[Item], same: Iterable[Sequence[int]]) -> list[list[int]]:
    """The sets whose items don't all carry the same label."""
    return [list(places) for places in same
            if len({items[place].row.label for place in places}) > 1]


def balance(items: Sequence[Item]) -> list[dict[str, Any]]:
    """How many rows and groups there are of each table, side and label."""
    rows = Counter((item.table, item.side or '', item.row.label) for item in items)
    groups: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for item in items:
        groups[item.table, item.side or '', item.row.label].add(item.row.group)
    return [dict(table=table, side=side, label=label, rows=count,
                 groups=len(groups[table, side, label]))
            for (table, side, label), count in sorted(rows.items())]


def synthetic_shares(items: Sequence[Item]) -> dict[str, float]:
    """Label → share of synthetic clips in training, if every still becomes one.

    Where the labels differ, being synthetic says something about the label.  Empty where there
    are no stills or no videos to train on.
    """
    training = [item for item in items if item.side in (None, TRAIN)]
    stills = Counter(item.row.label for item in training if item.is_still)
    videos = Counter(item.row.label for item in training if not item.is_still)
    if not stills or not videos:
        return {}
    return {label: stills[label] / (stills[label] + videos[label])
            for label in sorted({*stills, *videos})}


def _and(names: Iterable[str], keep_order: bool = False) -> str:
    listed = list(names) if keep_order else sorted(names)
    if len(listed) > NAMED:
        listed = [*listed[:NAMED], f'{len(listed) - NAMED} more']
    return ' and '.join(filter(None, [', '.join(listed[:-1]), listed[-1]]))
