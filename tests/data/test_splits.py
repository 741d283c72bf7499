from __future__ import annotations

import json
import os
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lddm_aug.data.annotations import read_annotations
from lddm_aug.data.audit_record import FORMAT_VERSION
from lddm_aug.data.splits import (
    UnsplitTable,
    apply_split,
    draw_folds,
    draw_ratio,
    join_groups,
    parse_ratio,
    read_split,
    write_split,
)
from lddm_aug.datasets.video_clips import VideoClipDataset

Table = list[tuple[str, str]]                        # (label, group) of each row


@st.composite
def tables(draw: st.DrawFn, mixed: bool = True) -> Table:
    """Patients of one to six videos; of one class each, or of any."""
    rows: Table = []
    for patient in range(draw(st.integers(2, 30))):
        own = draw(st.sampled_from('abc'))
        for _ in range(draw(st.integers(1, 6))):
            rows.append((draw(st.sampled_from('abc')) if mixed else own, f'p{patient}'))
    return draw(st.permutations(rows))


def columns(table: Table) -> tuple[list[str], list[str]]:
    return [label for label, _ in table], [group for _, group in table]


def groups_of_classes(table: Table) -> dict[str, set[str]]:
    return {label: {group for other, group in table if other == label} for label, _ in table}


def sides(split: list[str], column: list[str]) -> dict[str, set[str]]:
    return {part: {value for value, side in zip(column, split, strict=True) if side == part}
            for part in ('train', 'test')}


def can_be_divided(table: Table) -> bool:
    """Whether any division of the groups leaves every class on both sides; of few, tried all."""
    classes, groups = {label for label, _ in table}, sorted({group for _, group in table})
    if len(groups) > 8:                              # then there is one, if each class has two
        return True
    return any({label for label, group in table if group in tested} == classes
               == {label for label, group in table if group not in tested}
               for count in range(1, len(groups)) for tested in combinations(groups, count))


shares = st.sampled_from(['7:3', '5:5', '3:7']).map(parse_ratio)


@settings(max_examples=40, deadline=None)
@example(table=[('a', 'p0'), ('b', 'p0'), ('a', 'p1'), ('c', 'p1'), ('b', 'p2'), ('c', 'p2')],
         share=0.3, seed=0)
@given(table=tables(), share=shares, seed=st.integers(0, 99))
def test_every_patient_is_on_one_side_and_every_class_on_both(table, share, seed):
    assume(all(len(groups) > 1 for groups in groups_of_classes(table).values()))
    labels, groups = columns(table)
    if not can_be_divided(table):
        with pytest.raises(ValueError, match=r'splits: .*(train|test)'):
            draw_ratio(labels, groups, share, seed)
        return
    split = draw_ratio(labels, groups, share, seed)
    patients = sides(split, groups)
    assert not patients['train'] & patients['test']
    assert sides(split, labels) == {'train': set(labels), 'test': set(labels)}
    largest = max(Counter(groups).values())
    assert abs(split.count('test') - share * len(table)) <= largest * len(set(labels))
    assert split == draw_ratio(labels, groups, share, seed)


@settings(max_examples=40, deadline=None)
@given(table=tables(mixed=False), share=shares, seed=st.integers(0, 99))
def test_with_one_class_a_patient_each_class_is_off_by_its_largest_patient_at_most(table, share,
                                                                                  seed):
    of_class = groups_of_classes(table)
    assume(all(len(groups) > 1 for groups in of_class.values()))
    labels, groups = columns(table)
    split = draw_ratio(labels, groups, share, seed)
    videos = Counter(groups)
    for label in of_class:
        rows = [side for side, other in zip(split, labels, strict=True) if other == label]
        largest = max(videos[group] for group in of_class[label])
        assert abs(rows.count('test') - share * len(rows)) <= largest


@settings(max_examples=40, deadline=None)
@given(table=tables(), share=shares, pinned=st.sets(st.integers(0, 29)))
def test_groups_that_must_train_do_so(table, share, pinned):
    labels, groups = columns(table)
    training = {f'p{patient}' for patient in pinned}
    assume(all(len(of) > 1 and of - training for of in groups_of_classes(table).values()))
    try:
        split = draw_ratio(labels, groups, share, 0, training)
    except ValueError as error:
        if 'found no way' not in str(error):         # a free group can hold a class alone
            raise
        return
    assert not sides(split, groups)['test'] & training


@settings(max_examples=12, deadline=None)
@given(table=tables(mixed=False), folds=st.integers(2, 4), seed=st.integers(0, 9))
def test_every_row_is_tested_in_one_fold_and_no_patient_in_two(table, folds, seed):
    assume(all(len(groups) >= folds for groups in groups_of_classes(table).values()))
    labels, groups = columns(table)
    drawn = draw_folds(labels, groups, folds, seed)
    assert (np.array(drawn) == 'test').sum(axis=0).tolist() == [1] * len(table)
    for split in drawn:
        patients = sides(split, groups)
        assert not patients['train'] & patients['test']
        assert sides(split, labels)['test'] == set(labels)


def test_188_single_videos_are_split_as_the_paper_counts_them():
    """BUSV: 113 malignant and 75 benign; 7:3 tests on 56, 5:5 on about 94, 3:7 on about 131."""
    labels = ['malignant'] * 113 + ['benign'] * 75
    groups = [f'v{number}' for number in range(188)]
    for ratio, tested in ('7:3', 56), ('5:5', 94), ('3:7', 131):
        split = draw_ratio(labels, groups, parse_ratio(ratio), seed=0)
        assert abs(split.count('test') - tested) <= 1
        assert abs(split[:113].count('test') - 113 * parse_ratio(ratio)) < 1


def test_another_seed_draws_another_split():
    labels, groups = ['a', 'b'] * 20, [f'p{number // 2}' for number in range(40)]
    assert len({tuple(draw_ratio(labels, groups, 0.3, seed)) for seed in range(5)}) == 5
    assert draw_folds(labels, groups, 3, 0) != draw_folds(labels, groups, 3, 1)


@pytest.mark.parametrize('labels, groups, training, message', [
    ('aab', 'pqr', '', 'class b has 1 groups, .*need 2'),
    ('aabb', 'pqrs', 'rs', 'class b has 2 groups, 2 .*training')])
def test_a_class_that_cannot_stand_on_both_sides_is_named(labels, groups, training, message):
    with pytest.raises(ValueError, match=message):
        draw_ratio(list(labels), list(groups), 0.3, 0, set(training))


def test_folds_that_cannot_hold_every_class_are_refused():
    with pytest.raises(ValueError, match=r'class b has 2 groups, .*3 folds'):
        draw_folds(list('aaabb'), list('pqrst'), 3, 0)
    with pytest.raises(ValueError, match='2 folds, but got 1'):
        draw_folds(list('aabb'), list('pqrs'), 1, 0)


@pytest.mark.parametrize('text', ['7', '7:0', '0:3', 'seven:three', '7:3:1', '-7:3'])
def test_a_ratio_is_two_whole_numbers(text):
    with pytest.raises(ValueError, match=f'got {text!r}'):
        parse_ratio(text)


def test_rows_that_show_the_same_take_all_rows_of_their_groups_along():
    joined = join_groups(['p', 'q', 'r', 's', 'q'], [[0, 1], [4, 2]])
    assert joined[0] == joined[1] == joined[2] == joined[4] != joined[3]


@pytest.fixture
def split_file(tmp_path: Path, videos: str) -> Path:
    file = tmp_path / 'splits' / '5_5_seed0.csv'
    write_split(file, ['a (1).mp4', 'b.npy', 'c.npy', 'd'], ['train', 'test', 'test', 'train'])
    return file


def test_a_data_set_takes_its_rows_from_a_split_file(videos: str, split_file: Path):
    chosen = {split: VideoClipDataset(videos, split=split, split_file=str(split_file))
              for split in ('train', 'test')}
    assert chosen['train'].groups == {'p1', 'p4'}    # the table itself says train: p1, p2, p3
    assert chosen['test'].groups == {'p2', 'p3'}
    with pytest.raises(ValueError, match=r'split_file .*got None'):
        VideoClipDataset(videos, split_file=str(split_file))
    with pytest.raises(ValueError, match=r"5_5_seed0\.csv: .*'val'"):
        VideoClipDataset(videos, split='val', split_file=str(split_file))


def test_a_split_of_other_files_is_refused(videos: str, split_file: Path):
    text = split_file.read_text()
    split_file.write_text(text.replace('d,train\n', ''))
    with pytest.raises(ValueError, match=r'5_5_seed0\.csv .*1 rows .*line 5'):
        VideoClipDataset(videos, split='train', split_file=str(split_file))
    split_file.write_text(text + 'videos.csv,train\n')
    with pytest.raises(ValueError, match=r'5_5_seed0\.csv .*not in .*videos\.csv'):
        VideoClipDataset(videos, split='train', split_file=str(split_file))


@pytest.mark.parametrize('text, message', [
    ('path;part\n', "no column 'split'"),
    ('path,split\nd\n', 'line 2: .*a path and a split'),
    ('path,split\nd,train\nd,test\n', 'line 3: d .*both sides'),
    ('path,split\n../x,train\n', r'line 2: \.\./x .*outside'),
    ('path,split\nlost,train\n', 'line 2: lost does not exist')])
def test_a_damaged_split_is_refused(videos: str, tmp_path: Path, text: str, message: str):
    file = tmp_path / 's.csv'
    file.write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_split(file, tmp_path.resolve())


def test_a_missing_split_is_asked_for(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r's\.csv .*lddm-aug split'):
        read_split(tmp_path / 's.csv', tmp_path)


def test_frames_of_one_video_are_one_row_of_a_split(tmp_path: Path, stills: str):
    rows = read_annotations(stills)
    names = [row.path.name for row in rows] + ['sweep.npy']
    write_split(tmp_path / 's.csv', names, ['train'] * 6)
    split = read_split(tmp_path / 's.csv', tmp_path.resolve())
    assert len(split) == 5
    assert {row.split for row in apply_split(rows, split, 's.csv', stills)} == {'train'}


def test_a_split_names_files_whose_names_are_not_utf_8(tmp_path: Path):
    root = tmp_path.resolve()
    name = os.fsdecode(b'M\xfcller.npy')
    (root / name).touch()
    write_split(root / 's.csv', [name], ['train'])
    assert read_split(root / 's.csv', root) == {root / name: 'train'}


def test_a_video_that_shows_what_a_still_shows_stays_in_training(tmp_path: Path):
    """A still of another table is training data, and so is what an audit found to show the same."""
    rows = ['path,label,group']
    for number in range(8):
        np.save(tmp_path / f'v{number}.npy', np.zeros((16, 2, 2), np.uint8))
        rows.append(f'v{number}.npy,{"ab"[number % 2]},p{number}')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    stills = tmp_path / 'others' / 'stills.csv'
    stills.parent.mkdir()
    np.save(stills.parent / 'still.npy', np.zeros((2, 2), np.uint8))
    stills.write_text('path,label,group\nstill.npy,a,q')
    same = [dict(items=[dict(path=path, frame=None) for path in ('others/still.npy', 'v2.npy')])]
    record = tmp_path / 'audit.json'
    record.write_text(json.dumps(dict(
        format_version=FORMAT_VERSION, tables=[], same=same, leaks=[])))

    videos = UnsplitTable.read(tmp_path / 'videos.csv', stills, record)
    assert len(videos.training_groups) == 1
    for seed in range(8):
        split = dict(zip(videos.paths, videos.in_ratio('3:7', seed), strict=True))
        assert split['v2.npy'] == 'train' and 'test' in split.values()
