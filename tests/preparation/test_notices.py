from __future__ import annotations

from collections.abc import Sequence

import pytest

from lddm_aug.preparation.listing import VIDEO, Item
from lddm_aug.preparation.notices import notices


def items(*rows: Sequence[str]) -> list[Item]:
    """Of (label, group, split) each."""
    return [Item(f'{number}.npy', label, group, VIDEO, '', lambda: None, *split)  # type: ignore
            for number, (label, group, *split) in enumerate(rows)]


def ward(*groups: str) -> list[Item]:
    """Benign and malignant in turn."""
    return items(*(('benign' if number % 2 else 'malignant', group)
                   for number, group in enumerate(groups)))


@pytest.mark.parametrize('found, named', [
    (ward(*['ANONYMOUS'] * 6), ['all 6 items', 'ANONYMOUS']),
    (ward(*['x'] * 5, 'p1', 'p2'), ['group x', '5 of 7', 'benign, malignant']),
    (ward('p1', 'p1', 'p2', 'p2', 'NaN', 'NaN', 'p3', 'p3', 'p4', 'p4'), ['group NaN']),
    (ward('P1', 'P1', 'p1', 'p1', 'p2', 'p2', 'p3', 'p3'), ['P1 and p1']),
    (ward('3', '3', '03', '03', '4', '4', '5', '5'), ['03 and 3']),
    (ward('a', 'b', 'c', 'd', 'e'), ['only one of its group']),
    (items(*(('benign', f'p{number // 2}') for number in range(6))), ['one class, benign']),
    (items(*((str(number), f'p{number // 2}') for number in range(8))), ['8 classes']),
    (items(*((str(number // 4), f'p{number // 2}') for number in range(100))), ['25 classes']),
    (items(*((label, f'p{number}') for number in range(3) for label in
             ('benign', 'Benign', 'malignant'))), ['Benign and benign']),
    (items(*(('NaN' if number > 5 else 'ab'[number % 2], f'p{number // 2}')
             for number in range(9))), ['class NaN (3 items)']),
    (items(('a', 'p'), ('a', 'p'), ('b', 'q'), ('b', 'q'), ('b', 'r')), ['a have one group']),
    (items(('a', 'p', 'train'), ('b', 'p', 'test'), ('a', 'q', 'train'), ('b', 'r', 'test'),
           ('a', 'r', 'test'), ('b', 'q', 'train')), ['group p is in test, train'])])
def test_suspicious_groups_classes_and_splits_are_reported(found: list[Item], named: list[str]):
    assert any(all(each in note for each in named) for note in notices(found))


def test_patients_of_some_videos_each_are_not_remarked_upon():
    assert notices(ward(*(f'p{number // 2}' for number in range(20)))) == []
    assert notices(items(*((f'grade {number % 5}', f'p{number // 3}')
                           for number in range(60)))) == []
