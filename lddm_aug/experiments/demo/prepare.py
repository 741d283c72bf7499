"""A user's two tables → checked tables with a split, before anything is trained."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold
from tqdm import tqdm

from lddm_aug.csv_files import write_csv
from lddm_aug.data.annotations import (
    Annotation,
    class_names,
    read_annotations,
    warn_of_similar_groups,
)
from lddm_aug.data.frames import MIN_FRAMES, UnreadableFileError, iter_frames, read_still

FOLDS = 3                 # one of them is the test set, as in the paper's 7:3


@dataclass(frozen=True)
class Tables:
    """What the demo trains and tests on.

    Attributes:
        videos: CSV of absolute paths with a column `split`, train or test.
        stills: CSV of absolute paths.
        videos_root: folder that the videos' paths may not leave.
        stills_root: the same for stills.
        classes: names in the order of their labels.
        counts: per part of the data and class, how many rows and groups.
        test_groups: how many groups the test videos come from.
        split: how the split came about, in a sentence.
        skipped: rows left out, each with its reason.
    """
    videos: Path
    stills: Path
    videos_root: Path
    stills_root: Path
    classes: tuple[str, ...]
    counts: dict[str, dict[str, dict[str, int]]]
    test_groups: int
    split: str
    skipped: tuple[str, ...]


def prepare(videos: Path, stills: Path, out: Path, data_root: Path | None = None,
            skip_bad: bool = False, seed: int = 0) -> Tables:
    """Check both tables and write them to `out`, the videos' with a split.

    Args:
        videos: CSV with path, label, group and, if the split is given, split (train or test).
        stills: CSV with path, label, group and, for a frame of a video, frame.
        data_root: folder the paths are relative to; by default each table's own.
        skip_bad: leave unusable rows out; else they are an error.
        seed: of the split, where none is given.

    Raises:
        ValueError: if a row or the split can't be used; the message lists what to correct.
    """
    video_rows = read_annotations(videos, data_root)
    still_rows = read_annotations(stills, data_root)
    video_rows, bad_videos = _usable(video_rows, videos, _video_problem)
    still_rows, bad_stills = _usable(still_rows, stills, _still_problem)
    skipped = (*bad_videos, *bad_stills)
    if skipped and not skip_bad:
        raise ValueError(f'{len(skipped)} rows cannot be used; correct or remove them, or leave '
                         'them out with --skip-bad:\n  ' + '\n  '.join(skipped))
    for table, rows in ((videos, video_rows), (stills, still_rows)):
        if not rows:
            raise ValueError(f'{table}: no usable row is left')

    refuse_contradictions([*video_rows, *still_rows])
    warn_of_similar_groups([*video_rows, *still_rows], f'{videos.name}, {stills.name}')
    classes = class_names([*video_rows, *still_rows])
    if len(classes) < 2:
        raise ValueError(f'{videos}: two classes or more are needed, but all rows are '
                         f'labelled {classes[0]!r}')
    still_groups = {row.group for row in still_rows}
    if any(row.split for row in video_rows):
        how = f'Training and test as given in {videos.name}.'
    else:
        video_rows = split_by_group(video_rows, still_groups, seed)
        how = (f'Whole groups were drawn into training and test by StratifiedGroupKFold ({FOLDS} '
               f'folds, seed {seed}); groups with stills stay in training.')
    check_split(video_rows, still_groups, classes, videos)
    lacking = set(classes) - {row.label for row in still_rows}
    if lacking:
        raise ValueError(f'{stills}: every class needs stills to synthesize from, but there are '
                         f'none of {", ".join(sorted(lacking))}')

    out.mkdir(parents=True, exist_ok=True)
    for name, last, rows in (('videos', 'split', video_rows), ('stills', 'frame', still_rows)):
        columns = ('path', 'label', 'group', last)
        write_csv(out / f'{name}.csv', columns, map(attrgetter(*columns), rows))
    train = [row for row in video_rows if row.split == 'train']
    test = [row for row in video_rows if row.split == 'test']
    return Tables(
        videos=out / 'videos.csv', stills=out / 'stills.csv',
        videos_root=(data_root or videos.parent).resolve(),
        stills_root=(data_root or stills.parent).resolve(),
        classes=classes,
        counts={name: _count(rows, classes) for name, rows in
                {'training videos': train, 'test videos': test, 'stills': still_rows}.items()},
        test_groups=len({row.group for row in test}),
        split=how, skipped=skipped)


def refuse_contradictions(rows: Sequence[Annotation]) -> None:
    """Refuse a file of two groups, which could be trained and tested on, or a row of two labels."""
    groups: dict[Path, set[str]] = defaultdict(set)
    labels: dict[tuple[Path, int | None], set[str]] = defaultdict(set)
    for row in rows:
        groups[row.path].add(row.group)
        labels[row.path, row.frame].add(row.label)
    twice = [f'{path} (groups {", ".join(sorted(names))})' for path, names in groups.items()
             if len(names) > 1]
    twice += [f'{path} (labels {", ".join(sorted(names))})' for (path, _), names in labels.items()
              if len(names) > 1]
    if twice:
        raise ValueError('a file belongs to one group and has one label, but these stand in the '
                         'tables with several: ' + '; '.join(twice))


def split_by_group(rows: Sequence[Annotation], still_groups: set[str],
                   seed: int) -> list[Annotation]:
    """Draw about a third of the groups for the test, none that has stills, classes in proportion.

    Raises:
        ValueError: if the groups don't suffice for every class on both sides.
    """
    free = [row for row in rows if row.group not in still_groups]
    labels = sorted({row.label for row in rows})
    folds = min(FOLDS, *(len({row.group for row in free if row.label == label})
                         for label in labels))
    if folds >= 2:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        for _, test in splitter.split(np.zeros(len(free)), [row.label for row in free],
                                      [row.group for row in free]):
            test_groups = {free[index].group for index in test}
            split = [replace(row, split='test' if row.group in test_groups else 'train')
                     for row in rows]
            if all({row.label for row in split if row.split == part} == set(labels)
                   for part in ('train', 'test')):
                return split
    raise ValueError(
        'the videos cannot be split into training and test by group: every class needs at least '
        f'two groups without stills, but {len(still_groups & {row.group for row in rows})} of '
        f'{len({row.group for row in rows})} groups have stills; add groups, remove the stills of '
        'some, or give the videos a column split (train or test)')


def check_split(videos: Sequence[Annotation], still_groups: set[str], classes: Sequence[str],
                source: Path) -> None:
    """Refuse a split in which a group stands on both sides or a class on only one."""
    for row in videos:
        if row.split not in ('train', 'test'):
            raise ValueError(f'{source} line {row.line}: split must be train or test, '
                             f'but got {row.split!r}')
    trained_on = still_groups | {row.group for row in videos if row.split == 'train'}
    both = sorted(trained_on & {row.group for row in videos if row.split == 'test'})
    if both:
        raise ValueError(f'{source}: a group must not stand in training (its stills included) and '
                         f'test, but these do: {", ".join(both)}')
    for part in ('train', 'test'):
        lacking = set(classes) - {row.label for row in videos if row.split == part}
        if lacking:
            raise ValueError(f'{source}: every class must occur in {part}, but '
                             f'{", ".join(sorted(lacking))} does not')


def _usable(rows: Sequence[Annotation], source: Path,
            problem_of: Callable[[Annotation], str]) -> tuple[list[Annotation], list[str]]:
    usable, problems = [], []
    for row in tqdm(rows, desc=f'read {source.name}', unit=' files'):
        problem = problem_of(row)
        if problem:
            problems.append(f'{source.name} line {row.line}: {problem}')
        else:
            usable.append(row)
    return usable, problems


def _video_problem(row: Annotation) -> str:
    try:
        frames = sum(1 for _ in iter_frames(row.path))
    except UnreadableFileError as error:
        return str(error)
    return '' if frames >= MIN_FRAMES else (
        f'{row.path} has {frames} frames, but {MIN_FRAMES} are needed')


def _still_problem(row: Annotation) -> str:
    try:
        read_still(row.path, row.frame)
    except UnreadableFileError as error:
        return str(error)
    return ''


def _count(rows: Sequence[Annotation], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    of = {name: [row for row in rows if row.label == name] for name in classes}
    return {name: {'rows': len(same), 'groups': len({row.group for row in same})}
            for name, same in of.items()}
