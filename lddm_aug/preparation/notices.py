"""Warnings about the groups, classes and splits of any source."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from lddm_aug.data.tables import MISSING, number, similar_names
from lddm_aug.preparation.listing import Item
from lddm_aug.preparation.names import NAMED, as_value, first_of, without_ending

PLACEHOLDERS = MISSING | {'unknown', 'anonymous', 'anonymized', 'anonymised', 'anon',
                          'deidentified', 'noname', 'unnamed', 'undefined', 'xxx'}
MANY_NUMBERS = 20                                    # classes that are whole numbers


def notices(items: Sequence[Item]) -> list[str]:
    """Warnings that a user should read before a split is made."""
    return [*_about_groups(items), *_about_classes(items), *_straddling(items)]


def _about_groups(items: Sequence[Item]) -> list[str]:
    count = Counter(item.group for item in items)
    classes: dict[str, set[str]] = defaultdict(set)
    for item in items:
        classes[item.group].add(item.label)
    found = []
    largest, size = count.most_common(1)[0]
    if len(count) == 1 < len(items):
        found.append(f'all {size} items are of one group, {largest}: they cannot be split by '
                     'patient; is it a placeholder, or does the pattern match too much?')
    elif len(classes[largest]) > 1 and size > max(2, len(items) / 2):
        found.append(f'group {largest} has {size} of {len(items)} items, of '
                     f'{first_of(sorted(classes[largest]))}: is it a placeholder and no patient?')
    own = {item.group for item in items if item.group == as_value(without_ending(item.source))}
    if len(count) == len(items) > 1 and not own:
        found.append('every item is the only one of its group: is the group a patient?')
    if shared := sorted(group for group in own if count[group] > 1):
        found.append(f'{len(shared)} groups, such as {shared[0]}, have items whose names differ '
                     'only in the ending or in the encoding of accents')
    found += [f'group {group} ({count[group]} items) reads like a missing value; its items count '
              'as one patient' for group in sorted(count)
              if group.casefold() in PLACEHOLDERS and count[group] > 1 and not found]
    return found + _similar('groups', count, 'count as different patients; if they are one')


def _about_classes(items: Sequence[Item]) -> list[str]:
    count = Counter(item.label for item in items)
    groups: dict[str, set[str]] = defaultdict(set)
    for item in items:
        groups[item.label].add(item.group)
    found = []
    if len(count) == 1 < len(items):
        found.append(f'all {len(items)} items are of one class, {next(iter(count))}: a recognizer '
                     'needs two')
    elif len(items) > 3 and len(count) > len(items) / 2:
        found.append(f'{len(items)} items are of {len(count)} classes, such as '
                     f'{first_of(sorted(count))}: is the label a class?')
    elif len(count) > MANY_NUMBERS and all(number(label) is not None for label in count):
        found.append(f'the {len(count)} classes are all numbers: if they are measurements, make '
                     'classes of them by a threshold')
    elif len(groups) > 1 and len({item.group for item in items}) > 1:
        single = [label for label in count if len(groups[label]) == 1]
        found += [f'{first_of(sorted(single))} have one group each, which cannot be in training '
                  'and in test'] * bool(single)
    found += [f'class {label} ({count[label]} items) reads like a missing value'
              for label in sorted(count) if label.casefold() in MISSING]
    return found + _similar('classes', count, 'count as different ones; if they are one')


def _similar(what: str, names: Iterable[str], consequence: str) -> list[str]:
    similar = similar_names(names)
    more = [f'... and {len(similar) - NAMED} more {what} with several spellings'
            ] * (len(similar) > NAMED)
    return [f'{what} {" and ".join(spellings)} {consequence}, give them one name'
            for spellings in similar[:NAMED]] + more


def _straddling(items: Sequence[Item]) -> list[str]:
    splits: dict[str, set[str]] = defaultdict(set)
    for item in items:
        splits[item.group].add(item.split)
    return [f'group {group} is in {", ".join(sorted(found))}: the split of the source gives '
            'results that are too good' for group, found in sorted(splits.items())
            if len(found - {''}) > 1]
