from __future__ import annotations

from pathlib import Path

import pytest

from lddm_aug.audit.findings import Item, balance, find_leaks, synthetic_shares, two_labels
from lddm_aug.data.annotations import Annotation


def item(name: str, group: str, side: str | None = 'train', label: str = 'benign',
         is_still: bool = False) -> Item:
    row = Annotation(Path('/data') / name, label, group, None, side, 2)
    return Item(row, 'stills.csv' if is_still else 'videos.csv', name, is_still, side)


def test_a_group_on_two_sides_leaks():
    items = [item('a', 'p'), item('b', 'p', 'test'), item('c', 'q'), item('d', 'r', 'test')]
    assert [leak.what for leak in find_leaks(items, [])] == ['group p is in test and train']


def test_pictures_that_show_the_same_leak_between_sides_only():
    items = [item('a', 'p'), item('b', 'q', 'test'), item('c', 'r')]
    assert [leak.what for leak in find_leaks(items, [[0, 1]])] == [
        'the same picture is in a (train) and b (test)']
    assert find_leaks(items, [[0, 2]]) == []


def test_what_is_not_divided_does_not_leak():
    assert find_leaks([item('a', 'p', None), item('b', 'p', None)], [[0, 1]], ['p']) == []


def test_a_generator_may_learn_from_training_groups_only():
    items = [item('a', 'p'), item('b', 'q', 'test'), item('c', 'r', 'val')]
    leaks = find_leaks(items, [], generator_groups=['p', 'q', 'r', 'elsewhere'])
    assert [leak.what for leak in leaks] == [
        'group q, on which the generator was trained, is in test',
        'group r, on which the generator was trained, is in val']


def test_a_scan_under_two_labels_is_found():
    items = [item('a', 'p'), item('b', 'q', label='malignant'), item('c', 'r')]
    assert two_labels(items, [[0, 1], [0, 2]]) == [[0, 1]]


def test_rows_and_groups_are_counted():
    items = [item('a', 'p'), item('b', 'p'), item('c', 'q', 'test', 'malignant')]
    assert balance(items) == [
        dict(table='videos.csv', side='test', label='malignant', rows=1, groups=1),
        dict(table='videos.csv', side='train', label='benign', rows=2, groups=1)]


def test_the_share_of_synthetic_clips_is_that_of_the_papers_data():
    """BUSI beside 70 % of BUSV: 445 and 210 stills, 52 and 79 videos."""
    items = [item('s', 's', is_still=True)] * 445 + [item('v', 'v')] * 52
    items += ([item('s', 's', label='malignant', is_still=True)] * 210
              + [item('v', 'v', label='malignant')] * 79)
    shares = synthetic_shares(items + [item('t', 't', 'test')] * 99)
    assert shares == pytest.approx(dict(benign=0.895, malignant=0.727), abs=1e-3)
