"""Findings from sides, labels and duplicates: leakage, two labels for one picture, balance."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lddm_aug.data.annotations import Annotation

TRAIN = 'train'
NAMED = 4                   # items of a set that a message names


@dataclass(frozen=True)
class Item:
    """A row of one of the audited tables.

    Attributes:
        row: of the table.
        table: path of the table.
        name: of the file, as in the table, and of the frame if the row has one.
        is_still: whether it is one frame.
        side: part of the data; None before a split.
    """
    row: Annotation
    table: str
    name: str
    is_still: bool
    side: str | None


@dataclass(frozen=True)
class Leak:
    """Something that is in training and in test.

    Attributes:
        kind: 'group', 'same' or 'generator'.
        what: message.
    """
    kind: str
    what: str


def find_leaks(items: Sequence[Item], same: Iterable[Sequence[int]],
               generator_groups: Collection[str] = ()) -> list[Leak]:
    """Groups and files on more than one side, and test groups that a generator was trained on.

    Args:
        items: of all tables.
        same: sets of indices of items with the same picture.
        generator_groups: groups that the generator was trained on.
    """
    leaks = []
    sides: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.side:
            sides[item.row.group].add(item.side)
    for group, found in sorted(sides.items()):
        if len(found) > 1:
            leaks.append(Leak('group', f'group {group} is in {_and(found)}'))
    for places in same:
        on = {items[place].side for place in places} - {None}
        if len(on) > 1:
            names = [f'{items[place].name} ({items[place].side})' for place in places]
            leaks.append(Leak('same', 'the same picture is in ' + _and(names, keep_order=True)))
    for group in sorted(set(generator_groups) & set(sides)):
        tested = sides[group] - {TRAIN}
        if tested:
            leaks.append(Leak('generator', f'group {group}, on which the generator was trained, '
                                           f'is in {_and(tested)}'))
    return leaks


def two_labels(items: Sequence[Item], same: Iterable[Sequence[int]]) -> list[list[int]]:
    """The sets whose items have different labels."""
    return [list(places) for places in same
            if len({items[place].row.label for place in places}) > 1]


def balance(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Numbers of rows and groups of each table, side and label."""
    rows = Counter((item.table, item.side or '', item.row.label) for item in items)
    groups: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for item in items:
        groups[item.table, item.side or '', item.row.label].add(item.row.group)
    return [dict(table=table, side=side, label=label, rows=count,
                 groups=len(groups[table, side, label]))
            for (table, side, label), count in sorted(rows.items())]


def synthetic_shares(items: Sequence[Item]) -> dict[str, float]:
    """Label → share of synthetic clips in training, if every still becomes one clip.

    If the shares differ, the origin of a clip predicts its label.  Empty without stills or videos
    in training.
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
