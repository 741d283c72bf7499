"""Roles drawn anew: which groups give videos, which stills, and which the test.

    roles/seed0/videos.csv   path, label, group, split (train or test) and the tables' other columns
    roles/seed0/stills.csv   the first frame of every video of the stills' groups
    roles/seed0/oracle.csv   these videos, the true clips behind the stills

One deal of patients decides what a study finds, so a study takes many.
"""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lddm_aug.csv_files import write_csv
from lddm_aug.data.annotations import Annotation, read_annotations
from lddm_aug.seeds import derive_seed

TRAIN, STILLS, TEST = ROLES = ('train', 'stills', 'test')
DRAWS = 200                                          # the most even of them is taken


def read_pool(folder: Path, data_root: Path | None = None
              ) -> tuple[list[Annotation], dict[str, int]]:
    """All videos of a prepared folder, and how many groups have each role now.

    These are the videos for training and test, and the true clips behind the stills.

    Args:
        folder: with videos.csv and, where true clips are known, oracle.csv.
        data_root: folder that paths are relative to; by default the folder.
    """
    videos = read_annotations(folder / 'videos.csv', data_root)
    oracle = folder / 'oracle.csv'
    behind = read_annotations(oracle, data_root) if oracle.is_file() else []
    counts = {role: len({row.group for row in videos if row.split == role})
              for role in (TRAIN, TEST)}
    pool = {row.path: row for row in [*videos, *behind] if row in behind or row.split in counts}
    return [*pool.values()], {TRAIN: counts[TRAIN], STILLS: len({row.group for row in behind}),
                              TEST: counts[TEST]}


def draw_roles(rows: Sequence[Annotation], counts: Mapping[str, int], seed: int) -> dict[str, str]:
    """Deal groups to roles, each class in proportion → group: role.

    Of many deals the one is taken whose roles have the most even shares of the classes' rows.

    Args:
        rows: of the groups; no order matters.
        counts: role → number of groups.
        seed: of the deal.

    Raises:
        ValueError: if there are too few groups, or a role lacks a class in every deal.
    """
    groups = sorted({row.group for row in rows})
    short = [role for role in ROLES if counts.get(role, 0) < 1]
    if short or sum(counts.values()) > len(groups):
        raise ValueError(f'draw_roles: {len(groups)} groups are dealt to train, stills and test, '
                         f'at least one each, but got {dict(counts)}; ask for fewer')
    classes = sorted({row.label for row in rows})
    of_group: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        of_group[row.group][row.label] += 1
    table = np.array([[of_group[group][name] for name in classes] for group in groups])
    places = np.repeat(np.arange(len(ROLES) + 1), [*(counts[role] for role in ROLES), len(groups)])
    random, best, least = np.random.default_rng(derive_seed('roles', seed)), None, np.inf
    for _ in range(DRAWS):
        dealt = random.permutation(places[:len(groups)])
        sums = np.array([table[dealt == place].sum(axis=0) for place in range(len(ROLES))])
        shares = sums / sums.sum(axis=1, keepdims=True)
        unevenness = np.inf if (sums == 0).any() else np.abs(shares - shares.mean(axis=0)).sum()
        if unevenness < least:
            best, least = dealt, unevenness
    if best is None:
        raise ValueError(f'draw_roles: found no way to give each role every class of '
                         f'{", ".join(classes)}; add groups, or ask for more in each role')
    return {group: ROLES[place] for group, place in zip(groups, best, strict=True)
            if place < len(ROLES)}


def write_roles(out: Path, rows: Sequence[Annotation], roles: Mapping[str, str],
                data_root: Path) -> None:
    """Write the three tables of a deal into a folder.

    Args:
        roles: group → role; groups without one are left out.
        data_root: folder that paths are relative to.
    """
    dealt = [(row, roles[row.group]) for row in rows if row.group in roles]
    videos = [_cells(row, data_root, split=role) for row, role in dealt if role != STILLS]
    behind = [row for row, role in dealt if role == STILLS]
    _write(out / 'videos.csv', videos)
    _write(out / 'oracle.csv', [_cells(row, data_root) for row in behind])
    _write(out / 'stills.csv', [_cells(row, data_root, frame='0') for row in behind])


def _cells(row: Annotation, data_root: Path, **more: str) -> dict[str, str]:
    fps = {} if row.fps is None else {'fps': f'{row.fps:.6g}'}
    return {**row.others, 'path': row.path.relative_to(data_root.resolve()).as_posix(),
            'label': row.label, 'group': row.group, **fps, **more}


def _write(file: Path, rows: Sequence[Mapping[str, str]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    write_csv(file, columns, ([row.get(name, '') for name in columns] for row in rows))
