from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lddm_aug.audit.audit import audit, list_items, write_audit
from lddm_aug.audit.counts import count_findings
from lddm_aug.audit.report import summarize, write_report
from lddm_aug.data.annotations import read_annotations
from lddm_aug.data.audit_record import AuditRecord
from lddm_aug.data.splits import join_groups, write_split


@pytest.fixture
def data(tmp_path: Path, scan: Callable[..., np.ndarray]) -> Path:
    """Four videos and three stills; some show the same.

    Video c is a from its fourth frame on, still `copy` is the benign `still` cut and drawn upon but
    called malignant, and still `of_d` is a frame of the tested video d.
    """
    def sweep(seed: int) -> np.ndarray:
        wide = scan(seed, 128, 200)
        return np.stack([wide[:, shift:shift + 128] for shift in range(24)])

    folder = tmp_path / 'data'
    folder.mkdir()
    a, b, d = sweep(1), sweep(2), sweep(3)
    for name, frames in dict(a=a, b=b, c=a[3:], d=d).items():
        np.save(folder / f'{name}.npy', frames)
    still = scan(4, 128, 128)
    copy = cv2.putText(still[6:, 4:-6].copy(), 'RT', (10, 110), 0, 0.4, 255, 1)
    for name, picture in dict(still=still, copy=copy, of_d=d[10]).items():
        cv2.imwrite(str(folder / f'{name} (1).png'), picture)
    (folder / 'videos.csv').write_text(
        'path,label,group,split\na.npy,benign,p1,train\nb.npy,malignant,p2,train\n'
        'c.npy,benign,p3,test\nd.npy,malignant,p4,test\n')
    (folder / 'stills.csv').write_text(
        'path,label,group\nstill (1).png,benign,s1\ncopy (1).png,malignant,s2\n'
        'of_d (1).png,malignant,s3\n')
    return folder


def found_in(data: Path, *tables: str, **options) -> dict:
    items = list_items([data / table for table in tables], split_file=options.pop('split', None))
    return audit(items, progress=False, **options)


def test_copies_are_found_across_tables_with_their_labels_and_sides(data: Path):
    found = found_in(data, 'videos.csv', 'stills.csv')
    names = [[found['items'][member['place']]['name'] for member in same['items']]
             for same in found['same']]
    assert names == [['a.npy', 'c.npy'], ['d.npy', 'of_d (1).png'],
                     ['still (1).png', 'copy (1).png']]
    assert found['two_labels'] == [[4, 5]]
    assert [leak['what'] for leak in found['leaks']] == [
        'the same picture is in a.npy (train) and c.npy (test)',
        'the same picture is in d.npy (test) and of_d (1).png (train)']
    assert found['counts'] == dict(items=7, in_sets=6, sets=3, redundant=3, exact=0)


def test_counts_name_no_file_and_agree_with_the_findings(data: Path):
    found = found_in(data, 'videos.csv', 'stills.csv', min_frames=22)
    assert count_findings(found) == dict(
        items=7, in_sets=6, sets=3, redundant=3, exact=0, two_labels=1, leaks=2, marked=0,
        **{'unreadable': 0, 'empty': 0, 'too short': 1, 'constant': 0})


def test_nothing_leaks_where_copies_are_on_one_side(data: Path):
    split = data / 'splits' / 's.csv'
    write_split(split, ['a.npy', 'b.npy', 'c.npy', 'd.npy'], ['train', 'test', 'train', 'train'])
    found = found_in(data, 'videos.csv', 'stills.csv', split=split)
    assert found['leaks'] == []
    assert 'No leakage found' in summarize(found)[0]
    assert [leak['kind'] for leak in found_in(data, 'videos.csv', split=split,
                                              generator_groups=['p2'])['leaks']] == ['generator']


def test_a_table_without_a_split_is_reported(data: Path):
    found = found_in(data, 'stills.csv')
    assert found['leaks'] == []
    assert 'not divided into training and test yet' in summarize(found)[0]


def test_processes_change_nothing(data: Path):
    assert found_in(data, 'videos.csv', jobs=2) == found_in(data, 'videos.csv')


def test_a_copied_file_is_exact_and_a_damaged_one_a_fault(data: Path):
    (data / 'twin.npy').write_bytes((data / 'b.npy').read_bytes())
    (data / 'broken.npy').write_bytes(b'\x93NUMPY')
    with (data / 'videos.csv').open('a') as table:
        table.write('twin.npy,malignant,p5,train\nbroken.npy,benign,p6,train\n')
    found = found_in(data, 'videos.csv')
    assert [same['kind'] for same in found['same']] == ['near', 'exact']
    assert found['counts']['exact'] == 1
    assert [(fault['place'], fault['kind']) for fault in found['faults']] == [(5, 'unreadable')]


def test_black_videos_are_empty_but_no_copies_of_one_another(data: Path):
    for name in 'ab':
        np.save(data / f'{name}.npy', np.zeros((20, 32, 32), np.uint8))
    found = found_in(data, 'videos.csv')
    assert found['same'] == []
    assert [fault['kind'] for fault in found['faults']] == ['empty', 'empty']


def test_what_is_written_is_read_back_even_after_the_data_moved(data: Path):
    tables = [data / 'videos.csv', data / 'stills.csv']
    write_audit(data / 'audit' / 'audit.json', audit(list_items(tables), progress=False), tables)
    moved = data.rename(data.with_name('moved')).resolve()
    record = AuditRecord.read(moved / 'audit' / 'audit.json')
    assert record.same == tuple(
        frozenset((moved / name, None) for name in names) for names in
        (('a.npy', 'c.npy'), ('d.npy', 'of_d (1).png'), ('still (1).png', 'copy (1).png')))
    assert len(record.leaks) == 2
    assert record.covers(moved / 'videos.csv', None)
    rows = read_annotations(moved / 'videos.csv')
    assert record.same_rows(rows) == [[0, 2]]
    joined = join_groups([row.group for row in rows], record.same_rows(rows))
    assert joined[0] == joined[2] and len(set(joined)) == 3


@pytest.mark.parametrize('content', ['', '{}', '[]', '{"format_version": 99}'])
def test_a_damaged_record_is_refused(tmp_path: Path, content: str):
    (tmp_path / 'audit.json').write_text(content)
    with pytest.raises(ValueError, match=r'audit\.json: damaged'):
        AuditRecord.read(tmp_path / 'audit.json')


def test_the_page_shows_every_picture_of_every_set_and_needs_nothing_beside_it(data: Path):
    found = found_in(data, 'videos.csv', 'stills.csv')
    write_report(data / 'audit.html', found)
    page = (data / 'audit.html').read_text()
    assert page.count('<img src="data:image/webp;base64,') == 6
    assert re.search(r'benign and malignant</strong>.*?still \(1\)\.png.*?copy \(1\)\.png', page,
                     re.DOTALL)
    assert 'LEAKAGE: 2 groups or pictures' in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_names_from_a_table_stay_text_on_the_page(data: Path):
    (data / 'stills.csv').write_text('path,label,group\nstill (1).png,<b>x</b>,<script>\n'
                                     'copy (1).png,benign,s\n')
    write_report(data / 'audit.html', found_in(data, 'stills.csv'))
    page = (data / 'audit.html').read_text()
    assert '<script>' not in page and '&lt;script&gt;' in page


@pytest.mark.parametrize('text', [
    '7', '[]', '{"format_version": 1}', '[' * 10 ** 5,
    '{"format_version": 1, "leaks": [1], "same": [], "tables": []}',
    '{"format_version": 1, "leaks": [], "same": [{"items": [{"path": "a", "frame": []}]}], '
    '"tables": []}',
    '{"format_version": 1, "leaks": [], "same": [], "tables": [{"sha256": 1, "split_sha256": 1}]}'])
def test_a_record_of_another_form_is_named(tmp_path, text):
    (tmp_path / 'audit.json').write_text(text)
    with pytest.raises(ValueError, match=r'audit\.json: damaged'):
        AuditRecord.read(tmp_path / 'audit.json')


def test_a_full_temporary_folder_ends_in_a_message_that_names_it(data, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'posix_fallocate', full, raising=False)
    with pytest.raises(OSError, match=r'No space left on device .*TMPDIR') as refused:
        audit(list_items([data / 'videos.csv']), progress=False)
    assert refused.value.filename == tempfile.gettempdir()
