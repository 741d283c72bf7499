import csv

import numpy as np
import pytest
from PIL import Image

from lddm_aug.data.annotations import read_annotations
from lddm_aug.experiments.demo.prepare import prepare


@pytest.fixture
def write(tmp_path):
    """Writes a table and the files it names; a file of length 0 is empty."""
    def write(name, rows, columns):
        for row in rows:
            path = tmp_path / row['path']
            frames = row.pop('frames', 20)
            if path.suffix == '.npy':
                np.save(path, np.zeros((frames, 8, 8), np.uint8))
            elif frames:
                Image.new('L', (8, 8)).save(path)
            else:
                path.write_bytes(b'')
        with (tmp_path / name).open('w', newline='') as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path / name
    return write


@pytest.fixture
def videos(write):
    """Twelve groups of two videos, half of them of class b; changes are merged into the rows."""
    def videos(**changes):
        rows = [{'path': f'v{n}.npy', 'label': 'ab'[n // 2 % 2], 'group': f'g{n // 2}'}
                for n in range(24)]
        for n, change in changes.items():
            rows[int(n[1:])] |= change
        columns = ['path', 'label', 'group'] + ['split'] * any('split' in row for row in rows)
        return write('videos.csv', rows, columns)
    return videos


@pytest.fixture
def stills(write):
    def stills(groups=('s0', 's1'), labels='ab', **change):
        rows = [{'path': f'{n} ({group}).png', 'label': labels[n % len(labels)], 'group': group}
                for n, group in enumerate(groups)]
        rows[0] |= change
        return write('stills.csv', rows, ['path', 'label', 'group'])
    return stills


def parts(tables):
    rows = read_annotations(tables.videos, tables.videos_root, tables.classes)
    return {part: [row for row in rows if row.split == part] for part in ('train', 'test')}


def test_a_drawn_split_keeps_groups_whole_and_classes_on_both_sides(videos, stills, tmp_path):
    tables = prepare(videos(), stills(), tmp_path / 'out')
    split = parts(tables)
    groups = {part: {row.group for row in rows} for part, rows in split.items()}
    assert not groups['train'] & groups['test']
    assert len(groups['test']) == tables.test_groups == 4          # a third of twelve
    for rows in split.values():
        labels = [row.label for row in rows]
        assert labels.count('a') == labels.count('b') > 0


def test_the_same_seed_draws_the_same_split_and_another_seed_another(videos, stills, tmp_path):
    texts = [prepare(videos(), stills(), tmp_path / 'out', seed=seed).videos.read_text()
             for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_groups_with_stills_are_drawn_into_training(videos, stills, tmp_path):
    with_stills = ('g0', 'g1', 'g2', 'g3')
    tables = prepare(videos(), stills(with_stills), tmp_path / 'out')
    assert not {row.group for row in parts(tables)['test']} & set(with_stills)


def test_a_given_split_is_kept(videos, stills, tmp_path):
    given = {f'v{n}': {'split': 'test' if n < 8 else 'train'} for n in range(24)}
    split = parts(prepare(videos(**given), stills(), tmp_path / 'out'))
    assert {row.group for row in split['test']} == {'g0', 'g1', 'g2', 'g3'}


def test_a_group_in_training_and_test_is_named(videos, stills, tmp_path):
    given = {f'v{n}': {'split': 'test' if n < 7 else 'train'} for n in range(24)}
    with pytest.raises(ValueError, match=r'must not stand in training .* and test.*: g3$'):
        prepare(videos(**given), stills(), tmp_path / 'out')


def test_a_tested_group_with_stills_is_named(videos, stills, tmp_path):
    given = {f'v{n}': {'split': 'test' if n < 8 else 'train'} for n in range(24)}
    with pytest.raises(ValueError, match=r'must not stand in training .* and test.*: g1$'):
        prepare(videos(**given), stills(('s0', 'g1')), tmp_path / 'out')


def test_a_split_of_another_name_is_refused(videos, stills, tmp_path):
    given = {f'v{n}': {'split': 'val' if n == 3 else 'train'} for n in range(24)}
    with pytest.raises(ValueError, match="line 5: split must be train or test, but got 'val'"):
        prepare(videos(**given), stills(), tmp_path / 'out')


def test_a_class_that_is_never_tested_is_named(videos, stills, tmp_path):
    given = {f'v{n}': {'split': 'test' if n in (0, 1) else 'train'} for n in range(24)}
    with pytest.raises(ValueError, match='every class must occur in test, but b does not'):
        prepare(videos(**given), stills(), tmp_path / 'out')


def test_a_class_without_stills_is_named(videos, stills, tmp_path):
    with pytest.raises(ValueError, match=r'every class needs stills .* none of b'):
        prepare(videos(), stills(labels='a'), tmp_path / 'out')


def test_a_class_without_videos_is_named(videos, stills, tmp_path):
    with pytest.raises(ValueError, match='every class must occur in train, but c does not'):
        prepare(videos(), stills(('s0', 's1', 's2'), labels='abc'), tmp_path / 'out')


def test_too_few_groups_to_split_says_what_to_do(videos, stills, tmp_path):
    everyone = tuple(f'g{n}' for n in range(11))
    with pytest.raises(ValueError, match='11 of 12 groups have stills; add groups, remove'):
        prepare(videos(), stills(everyone), tmp_path / 'out')


def test_every_unusable_row_is_listed_before_anything_is_written(videos, stills, tmp_path):
    table = videos(v2={'frames': 15})
    with pytest.raises(ValueError, match=r'(?s)^2 rows .*--skip-bad.*videos.csv line 4: .*15 '
                                         r'frames, but 16 .*stills.csv line 2: .*0 bytes'):
        prepare(table, stills(frames=0), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_unusable_rows_are_left_out_on_request_and_named(videos, stills, tmp_path):
    tables = prepare(videos(v2={'frames': 15}), stills(('s0', 's1', 's2'), frames=0),
                     tmp_path / 'out', skip_bad=True)
    assert [line.split(':')[0] for line in tables.skipped] == [
        'videos.csv line 4', 'stills.csv line 2']
    assert sum(map(len, parts(tables).values())) == 23
    assert sum(count['rows'] for count in tables.counts['stills'].values()) == 2


def test_a_frame_of_a_video_stays_a_frame(videos, write, tmp_path):
    stills = write('stills.csv', [
        {'path': 'sweep.npy', 'label': 'a', 'group': 's0', 'frame': 7},
        {'path': 'one.png', 'label': 'b', 'group': 's1', 'frame': ''}],
        ['path', 'label', 'group', 'frame'])
    tables = prepare(videos(), stills, tmp_path / 'out')
    assert [row.frame for row in read_annotations(tables.stills, tables.stills_root)] == [7, None]


def test_a_file_of_two_groups_is_named(videos, write, tmp_path):
    stills = write('stills.csv', [
        {'path': 'v5.npy', 'label': 'a', 'group': 'another', 'frame': 7}],
        ['path', 'label', 'group', 'frame'])
    with pytest.raises(ValueError, match=r'v5.npy \(groups another, g2\)'):
        prepare(videos(), stills, tmp_path / 'out')


def test_a_video_of_two_labels_is_named(videos, stills, tmp_path):
    with pytest.raises(ValueError, match=r'v4.npy \(labels a, b\)'):
        prepare(videos(v2={'path': 'v4.npy', 'group': 'g2', 'label': 'b'}), stills(),
                tmp_path / 'out')


def test_one_class_is_refused(videos, stills, tmp_path):
    table = videos(**{f'v{n}': {'label': 'a'} for n in range(24)})
    with pytest.raises(ValueError, match=r"videos\.csv: two classes or more are needed, .* 'a'"):
        prepare(table, stills(labels='a'), tmp_path / 'tables')
