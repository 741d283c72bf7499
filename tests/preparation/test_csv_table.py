from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.preparation.csv_table import CsvColumns, list_csv

COVID_BLUES = Path(__file__).parents[3] / 'shared/data/covid_blues'
needs_covid_blues = pytest.mark.skipif(not COVID_BLUES.is_dir(),
                                       reason='needs ../shared/data/covid_blues')


@pytest.fixture
def make(source, write):
    """Writes a table and its files."""
    def make(rows, columns=('path', 'label', 'group'), missing=()):
        for number, row in enumerate(rows):
            if row[0] and row[0] not in missing:
                write(source / row[0], number)
        with (source / 'table.csv').open('w', newline='') as file:
            csv.writer(file).writerows([columns, *rows])
        return source / 'table.csv'
    return make


def test_columns_are_mapped_and_blanks_around_values_dropped(make):
    table = make([('a.npy', 'yes ', '7 ', '50'), ('b.png', ' no', '8', '')],
                 ('video', 'B-lines', 'patient', 'rate'))
    listing = list_csv(table, CsvColumns(path='video', label='B-lines', group='patient',
                                         labels={'yes': 'b_lines', 'no': 'none'}, fps='rate'))
    assert [(item.source, item.label, item.group, item.role) for item in listing.items] == [
        ('a.npy', 'b_lines', '7', 'video'), ('b.png', 'none', '8', 'still')]
    assert listing.items[0].open().fps == 50


def test_first_frames_become_stills_and_their_videos_the_oracle(make, out, run, table):
    rows = [('a.npy', 'x', 'p1', 'video'), ('b.npy', 'y', 'p2', 'stills'),
            ('c.npy', 'x', 'p3', 'test'), ('d.npy', 'x', 'p4', 'unused')]
    columns = CsvColumns(group='group', split='role', first_frames='stills',
                         splits={'video': 'train', 'test': 'test', 'stills': 'stills'})
    path = make(rows, ('path', 'label', 'group', 'role'))
    report = run(list_csv(path, columns))
    assert {row['source']: row['split'] for row in table('videos.csv').values()} == {
        'a.npy': 'train', 'c.npy': 'test'}
    still, oracle = table('stills.csv')['b.npy'], table('oracle.csv')['b.npy']
    truth = np.load(path.parent / 'b.npy')
    np.testing.assert_array_equal(np.array(Image.open(out / still['path'])), truth[0])
    np.testing.assert_array_equal(np.load(out / oracle['path']), truth)
    assert 'split' not in still
    assert "1 with role 'unused'" in str(report)


def test_rows_whose_file_is_not_there_are_reported_and_do_no_harm(make, run, table):
    rows = [(f'{name}.npy', 'x', name) for name in 'abcdef']
    report = run(list_csv(make(rows, missing=('b.npy', 'c.npy', 'd.npy')),
                          CsvColumns(group='group')))
    assert len(report.items) == 3
    assert table('left_out.csv')['c.npy']['kind'] == 'absent'
    assert '3 are not there:' in str(report)


def test_bad_rows_are_named(make):
    rows = [('a.npy', 'x', 'p'), ('b.npy', '', 'p'), ('e.npy', 'x', 'p'), ('../c.npy', 'x', 'p'),
            ('d.txt', 'x', 'p'), ('e.npy', 'y', 'p'), ('a\0.npy', 'x', 'p'), ('.', 'x', 'p')]
    table = make(rows, missing=('d.txt', 'a\0.npy', '.'))
    (table.parent / 'd.txt').write_text('-')
    listing = list_csv(table, CsvColumns(group='group'))
    reasons = {each.source: each.reason for each in listing.left_out}
    assert [item.source for item in listing.items] == ['a.npy']
    for line, name, reason in ((3, 'b.npy', 'label is blank'), (7, 'e.npy', 'twice, with another'),
                               (5, '../c.npy', 'lies outside'), (6, 'd.txt', 'neither'),
                               (8, 'a\0.npy', 'does not exist'), (9, '.', 'lies outside')):
        assert f'table.csv line {line}' in reasons[name]
        assert reason in reasons[name]


def test_values_without_a_column_are_refused_and_blanks_there_shift_none(make):
    with pytest.raises(ValueError, match=r'table\.csv line 3: more values than columns'):
        list_csv(make([('a.npy', 'x', 'p', ''), ('b.npy', 'y', 'q', 'old')]),
                 CsvColumns(group='group'))
    listing = list_csv(make([('a.npy', 'x', 'p', ''), ('b.npy', 'y', 'q', '')]),
                       CsvColumns(group='group'))
    assert [(item.label, item.group) for item in listing.items] == [('x', 'p'), ('y', 'q')]


def test_a_column_that_is_not_there_is_refused(make):
    with pytest.raises(ValueError, match=r"no column 'diagnosis'; the header has 'path'"):
        list_csv(make([('a.npy', 'x', 'p')]), CsvColumns(label='diagnosis'))


@needs_covid_blues
def test_covid_blues_as_published():
    listing = list_csv(COVID_BLUES / 'severity.csv', CsvColumns(
        path='video_file', path_pattern='lus_videos/{}.mp4', label='B-lines',
        labels={'yes': 'b_lines', 'no': 'none'}, group_pattern=r'(patient_\d+)_'))
    assert len(listing.items) == 290
    assert len(listing.left_out) == 72
    assert {each.kind for each in listing.left_out} == {'absent'}
    assert len({item.group for item in listing.items}) == 50
    assert {item.label for item in listing.items} == {'b_lines', 'none'}


@needs_covid_blues
def test_covid_blues_by_roles():
    listing = list_csv(COVID_BLUES / 'splits.csv', CsvColumns(
        path='video', label='b_lines', group='patient', split='role', first_frames='stills',
        splits={'video': 'train', 'test': 'test', 'stills': 'stills'}))
    assert Counter((item.role, item.split) for item in listing.items) == {
        ('video', 'train'): 107, ('video', 'test'): 77, ('oracle', 'stills'): 106}
    groups = {split: {item.group for item in listing.items if item.split == split}
              for split in ('train', 'test', 'stills')}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values())) == 50
