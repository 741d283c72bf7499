"""Splits into training and test, drawn once and saved in a file of their own.

    splits/7_3_seed0.csv          path, split (train or test): 70 % of the videos train
    splits/fold_1_of_5_seed0.csv  the same; fold 1 of 5 is the test
"""
from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

from lddm_aug.csv_files import write_csv
from lddm_aug.data.annotations import Annotation, read_annotations, resolve_within
from lddm_aug.data.audit_record import AuditRecord
from lddm_aug.data.tables import read_table

COLUMNS = ['path', 'split']
FOLD_DRAWS = 20           # scikit-learn's folds are greedy: the most even draw is taken


@dataclass(frozen=True)
class UnsplitTable:
    """The rows of a table before it is split.

    Attributes:
        rows: of the table.
        paths: of the rows, relative to the data's root, so that splits stay valid when a dataset
            is moved.
        groups: of the rows; files with the same picture by an audit are of one group.
        training_groups: groups of stills, which are training data.
    """
    rows: Sequence[Annotation]
    paths: Sequence[str]
    groups: Sequence[str]
    training_groups: frozenset[str]

    @classmethod
    def read(cls, table: Path, stills: Path | None = None, audit: Path | None = None,
             data_root: Path | None = None) -> UnsplitTable:
        """Read a table and determine its groups.

        Args:
            table: to be split.
            stills: table of stills that are training data.
            audit: audit.json.
            data_root: folder that paths are relative to; by default each table's own.
        """
        rows = read_annotations(table, data_root)
        every = [*rows, *(read_annotations(stills, data_root) if stills else ())]
        groups = join_groups([row.group for row in every],
                             AuditRecord.read(audit).same_rows(every) if audit else ())
        root = (data_root or table.parent).resolve()
        return cls(rows, [row.path.relative_to(root).as_posix() for row in rows],
                   groups[:len(rows)], frozenset(groups[:len(rows)]) & {*groups[len(rows):]})

    @property
    def labels(self) -> list[str]:
        """Labels of the rows."""
        return [row.label for row in self.rows]

    def in_ratio(self, ratio: str, seed: int) -> list[str]:
        """Draw a ratio such as 7:3, as by `draw_ratio`."""
        return draw_ratio(self.labels, self.groups, parse_ratio(ratio), seed, self.training_groups)

    def in_folds(self, folds: int, seed: int) -> list[list[str]]:
        """Draw k folds, as by `draw_folds`."""
        return draw_folds(self.labels, self.groups, folds, seed, self.training_groups)


def ratio_name(ratio: str, seed: int) -> str:
    """7:3 and 0 → 7_3_seed0, the stem of a split's file."""
    return f'{ratio.replace(":", "_")}_seed{seed}'


def fold_name(fold: int, folds: int, seed: int) -> str:
    """Fold 1 of 5 and 0 → fold_1_of_5_seed0."""
    return f'fold_{fold}_of_{folds}_seed{seed}'


def parse_ratio(text: str) -> float:
    """'7:3' → 0.3, the share of the test."""
    match = re.fullmatch(r'(\d+):(\d+)', text)
    train, test = map(int, match.groups()) if match else (0, 0)
    if not train or not test:
        raise ValueError(f'splits: a ratio is train:test, as in 7:3, but got {text!r}')
    return test / (train + test)


def draw_ratio(labels: Sequence[str], groups: Sequence[str], test_share: float, seed: int,
               training_groups: Collection[str] = ()) -> list[str]:
    """Draw whole groups into 'train' and 'test'.

    scikit-learn's GroupShuffleSplit draws.  Then groups change sides while that moves the classes'
    numbers of test rows nearer to `test_share`, and every class to both sides.

    Args:
        labels: of each row.
        groups: of each row.
        test_share: of the rows, in (0, 1).
        seed: of the draw.
        training_groups: must stay in training.

    Returns:
        Per row, 'train' or 'test'.

    Raises:
        ValueError: if a class can't be on both sides.
    """
    free = sorted(set(groups) - set(training_groups))
    _refuse_rare_classes(labels, groups, set(training_groups))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        counts[group][label] += 1
    in_test = np.zeros(len(free), bool)
    if len(free) > 1:
        tested = min(max(round(test_share * len(free)), 1), len(free) - 1)
        shuffle = GroupShuffleSplit(1, test_size=tested, random_state=seed)
        in_test[next(shuffle.split(free, groups=free))[1]] = True
    in_test = _even_out(in_test, [counts[group] for group in free], Counter(labels), test_share)
    test = {group for group, tested in zip(free, in_test, strict=True) if tested}
    split = ['test' if group in test else 'train' for group in groups]
    for part in ('train', 'test'):
        missing = set(labels) - {label for label, side in zip(labels, split, strict=True)
                                 if side == part}
        if missing:
            raise ValueError(f'splits: found no way to have {", ".join(sorted(missing))} in {part} '
                             'and every group on one side; add groups of this class')
    return split


def draw_folds(labels: Sequence[str], groups: Sequence[str], folds: int, seed: int,
               training_groups: Collection[str] = ()) -> list[list[str]]:
    """Draw k folds by scikit-learn's StratifiedGroupKFold.

    Args:
        labels: of each row.
        groups: of each row.
        folds: k; each fold is the test once.
        seed: of the draw.
        training_groups: must stay in training.

    Returns:
        Per fold and row, 'train' or 'test'.

    Raises:
        ValueError: if a class can't be in every fold.
    """
    if folds < 2:
        raise ValueError(f'splits: there must be at least 2 folds, but got {folds!r}')
    _refuse_rare_classes(labels, groups, set(training_groups), folds)
    free = [row for row, group in enumerate(groups) if group not in training_groups]
    free_labels = [labels[row] for row in free]
    free_groups = [groups[row] for row in free]
    drawn = [[free_of_fold for _, free_of_fold in
              StratifiedGroupKFold(folds, shuffle=True, random_state=state).split(
                  free, free_labels, free_groups)]
             for state in np.random.default_rng(seed).integers(2**31, size=FOLD_DRAWS)]
    tests = min(drawn, key=lambda tests: _unevenness(tests, free_labels))
    if any({free_labels[row] for row in test} != set(labels) for test in tests):
        raise ValueError(f'splits: found no {folds} folds that each have every class and keep '
                         'every group in one fold; take fewer folds')
    split = np.full((folds, len(labels)), 'train', object)
    for fold, test in enumerate(tests):
        split[fold, np.asarray(free)[test]] = 'test'
    return split.tolist()


def join_groups(groups: Sequence[str], together: Iterable[Sequence[int]]) -> list[str]:
    """Join the groups of rows that belong together → group of each row.

    Args:
        groups: of each row.
        together: sets of row indices.
    """
    joined = {group: group for group in groups}

    def root(group: str) -> str:
        while joined[group] != group:
            group = joined[group]
        return group

    for rows in together:
        first, *rest = sorted({root(groups[row]) for row in rows})
        joined.update((other, first) for other in rest)
    return [root(group) for group in groups]


def write_split(file: Path, paths: Sequence[str], split: Sequence[str]) -> None:
    """Write a table of paths, as in the dataset's own table, and their parts."""
    # frames of one video are one file, and thus one row
    write_csv(file, COLUMNS, dict.fromkeys(zip(paths, split, strict=True)))


def read_split(file: str | Path, root: Path) -> dict[Path, str]:
    """Read a table of `write_split` → part of each path.

    Args:
        file: table.
        root: absolute folder that the paths are relative to.

    Raises:
        FileNotFoundError: if it, or a file in it, doesn't exist.
        ValueError: if it is no such table.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f'{file} does not exist; draw it with lddm-aug split')
    table = read_table(file, COLUMNS)
    path_column, split_column = (table.column(name) or name for name in COLUMNS)
    split: dict[Path, str] = {}
    for line, row in table.rows:
        where = f'{file} line {line}'
        value, part = row[path_column], row[split_column]
        if not value or not part:
            raise ValueError(f'{where}: needs a path and a split')
        path = resolve_within(value, root, where)
        if split.setdefault(path, part) != part:
            raise ValueError(f'{where}: {value} is on both sides')
    return split


def apply_split(rows: Sequence[Annotation], split: Mapping[Path, str], file: str | Path,
                source: object) -> list[Annotation]:
    """The rows with the parts of a split instead of the table's own.

    Args:
        rows: of the table.
        split: part of each path.
        file: of the split, for messages.
        source: table, for messages.

    Raises:
        ValueError: if split and table don't have the same files.
    """
    missing = [row for row in rows if row.path not in split]
    if missing:
        raise ValueError(f'{file} lacks {len(missing)} rows of {source}, first line '
                         f'{missing[0].line}; draw the split again with lddm-aug split')
    if len(split) > len({row.path for row in rows}):
        raise ValueError(f'{file} has files that are not in {source}; draw the split again with '
                         'lddm-aug split')
    return [replace(row, split=split[row.path]) for row in rows]


def _refuse_rare_classes(labels: Sequence[str], groups: Sequence[str], training: set[str],
                         folds: int = 0) -> None:
    """Raise ValueError for a class with too few groups: one per test, and two in all."""
    for label in sorted(set(labels)):
        of_class = {group for group, other in zip(groups, labels, strict=True) if other == label}
        free = of_class - training
        if len(free) < (folds or 1) or len(of_class) < 2:
            needed = f'{folds} folds need {folds}' if folds else 'training and test need 2'
            kept = (f', {len(of_class) - len(free)} of which must stay in training'
                    if of_class & training else '')
            raise ValueError(f'splits: class {label} has {len(of_class)} groups{kept}, but '
                             f'{needed}; add some, or leave the class out')


def _even_out(in_test: np.ndarray, counts: Sequence[Mapping[str, int]], total: Mapping[str, int],
              test_share: float) -> np.ndarray:
    """Move single groups, then swap pairs, while that lowers the cost."""
    classes = sorted(total)
    rows = np.array([[count.get(label, 0) for label in classes] for count in counts])  # (G, K)
    whole = np.array([total[label] for label in classes])
    target = test_share * whole

    def cost(tested: np.ndarray) -> np.ndarray:
        """(..., K) test rows of the classes → distance from the target."""
        off = np.abs(tested - target).sum(-1) + np.abs((tested - target).sum(-1))
        empty = (tested == 0).sum(-1) + (tested == whole).sum(-1)
        return off + 4 * whole.sum() * empty

    in_test = in_test.copy()
    while True:
        tested = rows[in_test].sum(0)                                # (K,)
        change = np.where(in_test, -1, 1)[:, None] * rows            # (G, K) if a group flips
        single = cost(tested + change)                               # (G,)
        best = int(single.argmin())
        if single[best] < cost(tested) - 1e-9:
            in_test[best] ^= True
            continue
        inside, outside = np.flatnonzero(in_test), np.flatnonzero(~in_test)
        if not len(inside) or not len(outside):
            return in_test
        swaps = np.stack([cost(tested + change[group] + change[outside]) for group in inside])
        a, b = np.unravel_index(int(swaps.argmin()), swaps.shape)
        if swaps[a, b] >= cost(tested) - 1e-9:
            return in_test
        in_test[[inside[a], outside[b]]] ^= True


def _unevenness(tests: Sequence[np.ndarray], labels: Sequence[str]) -> float:
    """Distance of the folds from equal shares of every class."""
    total = Counter(labels)
    off = 0.
    for test in tests:
        count = Counter(labels[row] for row in test)
        off += sum(abs(count[label] - total[label] / len(tests))
                   + (total[label] if not count[label] else 0) for label in total)
    return off
