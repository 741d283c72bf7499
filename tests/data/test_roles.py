"""Roles of groups, dealt anew."""
from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from lddm_aug.data.annotations import read_annotations
from lddm_aug.data.roles import ROLES, draw_roles, read_pool, write_roles

COUNTS = dict(train=6, stills=4, test=5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten groups with two videos, five with the true clip of a still, of two classes."""
    def write(name: str, columns: str, rows: list[str]) -> None:
        (tmp_path / name).write_text('\n'.join([columns, *rows]))

    for number in range(25):
        np.save(tmp_path / f'{number}.npy', np.full((5, 4, 4), number, np.uint8))
    write('videos.csv', 'path,label,group,split,view', [
        f'{n}.npy,{"ab"[n // 2 % 2]},g{n // 2},{"train" if n < 12 else "test"},v{n}'
        for n in range(20)])
    write('oracle.csv', 'path,label,group', [f'{n}.npy,{"ab"[n % 2]},s{n}' for n in range(20, 25)])
    return tmp_path


def test_every_group_has_one_role_and_each_role_as_many_groups_as_asked_for(folder):
    rows, now = read_pool(folder)
    assert len(rows) == 25 and now == dict(train=6, stills=5, test=4)
    for seed in range(10):
        roles = draw_roles(rows, COUNTS, seed)
        assert {role: [*roles.values()].count(role) for role in ROLES} == COUNTS
        assert roles == draw_roles(rows[::-1], COUNTS, seed)
        labels = {(roles[row.group], row.label) for row in rows}
        assert labels == {(role, label) for role in ROLES for label in 'ab'}
    assert len({tuple(draw_roles(rows, COUNTS, seed).items()) for seed in range(10)}) > 5


def test_the_classes_are_in_proportion(folder):
    rows, _ = read_pool(folder)
    shares = [np.mean([row.label == 'a' for row in rows if roles[row.group] == role])
              for seed in range(20) for roles in [draw_roles(rows, COUNTS, seed)] for role in ROLES]
    assert np.std(shares) < 0.1                      # of 5 groups by chance alone 0.22


def test_the_tables_hold_each_video_once_and_a_still_is_its_first_frame(folder, tmp_path):
    rows, _ = read_pool(folder)
    roles = draw_roles(rows, COUNTS, 0)
    write_roles(folder / 'roles', rows, roles, folder)
    tables = {name: read_annotations(folder / f'roles/{name}.csv', folder)
              for name in ('videos', 'stills', 'oracle')}
    assert sorted(row.path for name in ('videos', 'oracle') for row in tables[name]) == sorted(
        row.path for row in rows)
    assert all(row.split == roles[row.group] for row in tables['videos'])
    assert [row.path for row in tables['stills']] == [row.path for row in tables['oracle']]
    assert {row.frame for row in tables['stills']} == {0}
    with (folder / 'roles/videos.csv').open() as file:
        assert {row['view'] for row in csv.DictReader(file)} <= {f'v{n}' for n in range(20)} | {''}


@pytest.mark.parametrize('counts', [
    dict(train=10, stills=3, test=3), dict(train=6, stills=0, test=5)])
def test_counts_that_cannot_be_dealt_are_refused(folder, counts):
    with pytest.raises(ValueError, match='draw_roles: 15 groups'):
        draw_roles(read_pool(folder)[0], counts, 0)
