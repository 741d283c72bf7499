from __future__ import annotations

import csv
import os
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.data.annotations import read_annotations
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


def test_rows_without_a_file_are_reported_and_left_out(make, run, table):
    rows = [(f'{name}.npy', 'x', name) for name in 'abcdef']
    report = run(list_csv(make(rows, missing=('b.npy', 'c.npy', 'd.npy')),
                          CsvColumns(group='group')))
    assert len(report.items) == 3
    assert table('left_out.csv')['c.npy']['kind'] == 'absent'
    assert '3 are missing:' in str(report)


def test_bad_rows_are_named(make):
    rows = [('a.npy', 'x', 'p'), ('b.npy', '', 'p'), ('e.npy', 'x', 'p'), ('../c.npy', 'x', 'p'),
            ('d.txt', 'x', 'p'), ('e.npy', 'y', 'p'), ('a\0.npy', 'x', 'p'), ('.', 'x', 'p')]
    table = make(rows, missing=('d.txt', 'a\0.npy', '.'))
    (table.parent / 'd.txt').write_text('-')
    listing = list_csv(table, CsvColumns(group='group'))
    reasons = {each.source: each.reason for each in listing.left_out}
    assert [item.source for item in listing.items] == ['a.npy']
    for line, name, reason in ((3, 'b.npy', 'label is blank'), (7, 'e.npy', 'twice, with another'),
                               (5, '../c.npy', 'outside'), (6, 'd.txt', 'neither'),
                               (8, 'a\0.npy', 'does not exist'), (9, '.', 'the folder itself')):
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
    with pytest.raises(ValueError, match=r"'diagnosis'; .*'path'"):
        list_csv(make([('a.npy', 'x', 'p')]), CsvColumns(label='diagnosis'))


def test_windows_paths_and_decimal_numbers_are_read(make):
    make([('v/a.npy', '', ''), ('v/b.npy', '', '')])
    table = make([])
    table.write_text('path;label;group;fps\r\nv\\a.npy;0.0;3.0;29,97\r\n.\\v\\b.npy;1.0;4;25\r\n')
    listing = list_csv(table, CsvColumns(group='group', fps='fps'))
    assert [(item.source, item.label, item.group) for item in listing.items] == [
        ('v/a.npy', '0', '3'), ('v/b.npy', '1', '4')]
    assert listing.items[0].open().fps == 29.97
    assert any('3.0' in note for note in listing.notes)


def test_an_absolute_path_of_windows_and_a_missing_ending_are_explained(make):
    table = make([('C:\\data\\a.npy', 'x', 'p'), ('b', 'x', 'q'), ('C.npy', 'y', 'r')],
                 missing=('C:\\data\\a.npy', 'b', 'C.npy'))
    for name in ('b.npy', 'c.npy'):
        (table.parent / name).touch()
    reasons = [each.reason for each in list_csv(table, CsvColumns(group='group')).left_out]
    for reason, hint in zip(reasons, ('Windows', 'but b.npy does', 'but c.npy does'), strict=True):
        assert hint in reason


@pytest.mark.parametrize('form', ['NFC', 'NFD'])
def test_accents_are_found_however_the_table_and_the_file_write_them(make, form: str):
    table = make([('ü.npy', 'x', 'p')])
    (table.parent / 'ü.npy').rename(table.parent / unicodedata.normalize('NFD', 'ü.npy'))
    table.write_text(f'path,label,group\n{unicodedata.normalize(form, "ü.npy")},x,p\n')
    assert len(list_csv(table, CsvColumns(group='group')).items) == 1


def test_a_file_and_a_table_in_the_same_old_code_page_meet(make):
    table = make([('tmp.npy', 'x', 'p')])
    os.rename(table.parent / 'tmp.npy', bytes(table.parent) + b'/M\xfcller.npy')
    table.write_bytes(b'path,label,group\nM\xfcller.npy,x,p\n')
    item, = list_csv(table, CsvColumns(group='group')).items
    assert item.source == r'M\xfcller.npy'
    assert len(list(item.open().frames)) == 16


def test_rows_that_repeat_others_are_counted_and_those_that_contradict_are_left_out(make, run,
                                                                                    table):
    rows = [('a.npy', 'x', 'p'), ('a.npy', 'x', 'p'), ('b.npy', 'x', 'p'), ('b.npy', 'y', 'p'),
            ('b.npy', 'x', 'p'), ('c.npy', 'y', 'q')]
    report = run(list_csv(make(rows), CsvColumns(group='group')))
    assert set(table('videos.csv')) == {'a.npy', 'c.npy'}
    assert 'twice' in table('left_out.csv')['b.npy']['reason']
    assert '1 rows repeat' in str(report)


def test_a_measurement_is_no_class(make):
    table = make([(f'{number}.npy', f'{40 + number * 1.7:.1f}', str(number))
                  for number in range(6)], ('FileName', 'EF', 'id'))
    with pytest.raises(ValueError, match=r'table\.csv: .*EF, .* 40\.0'):
        list_csv(table, CsvColumns(path='FileName', label='EF', group='id'))


def test_words_for_parts_of_a_split_become_ours(make):
    table = make([('a.npy', 'x', 'p', 'TRAIN'), ('b.npy', 'x', 'q', 'VAL'),
                  ('c.npy', 'x', 'r', 'B')], ('path', 'label', 'group', 'Split'))
    assert [item.split for item in list_csv(table, CsvColumns(split='Split')).items] == [
        'train', 'val', 'B']


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


def test_columns_that_are_kept_are_in_the_new_tables(make, run, table):
    path = make([('a.npy', 'x', 'p1', 'long', '55,5'), ('b.png', 'y', 'p2', '', '40')],
                ('path', 'label', 'group', 'view', 'ef (%)'))
    run(list_csv(path, CsvColumns(group='group', others=('view', 'ef (%)'))))
    video, still = table('videos.csv')['a.npy'], table('stills.csv')['b.png']
    assert (video['view'], video['ef (%)']) == ('long', '55,5')
    assert (still['view'], still['ef (%)']) == ('', '40')
    assert read_annotations(path.parent.parent / 'out' / 'videos.csv')[0].conditions == {
        'label': 'x', 'view': 'long', 'ef (%)': '55,5', **{
            name: video[name] for name in ('frames', 'size', 'source')}}


def test_a_column_that_is_written_anew_cannot_be_kept(make):
    path = make([('a.npy', 'x', 'p1', '3')], ('path', 'label', 'group', 'frames'))
    with pytest.raises(ValueError, match='column frames'):
        list_csv(path, CsvColumns(group='group', others=('frames',)))
