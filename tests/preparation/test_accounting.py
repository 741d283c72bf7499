"""Every file below a source is used, or named in left_out.csv with its reason, and once."""
from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.files import sha256_of
from lddm_aug.preparation.busi import list_busi
from lddm_aug.preparation.busv import list_busv
from lddm_aug.preparation.csv_table import CsvColumns, list_csv
from lddm_aug.preparation.folder import list_folder
from lddm_aug.preparation.names import printable

LEFT = {                                             # name → part of its reason
    'README.txt': '.txt, which is not read', '.DS_Store': 'hidden', 'Thumbs.db': 'hidden',
    'stray.png': 'class folder',
    '__MACOSX/benign/._v0.npy': 'hidden', 'benign/._v0.npy': 'hidden', 'benign/x.zip': 'archive',
    'benign/x.tar.gz': 'archive', 'benign/@eaDir/a.png': 'hidden', 'benign/empty.npy': '0 bytes',
    'benign/none': 'no ending', 'benign/1.2.840.7': 'DICOM', 'benign/s.DCM': 'DICOM',
    'benign/brain.nii.gz': '.nii.gz', 'benign/a.npz': '.npz', 'benign/cut.png': 'cut off',
    'benign/a_mask.png': 'mask', 'benign/frames.1/notes.md': '.md', 'benign/broken.png': 'link',
    r'benign/M\xfcller.doc': '.doc', 'benign/short': 'fewer than 16'}
USED = {
    'benign/a.png', 'benign/A.png', 'benign/a.jpg', 'benign/a, "b".png', r'benign/new\nline.png',
    'benign/-dash.png', 'benign/con.png', 'benign/' + 'n' * 240 + '.png', 'benign/ü.png',
    'benign/u\u0308.png', r'benign/back\\slash.png', r'benign/M\xfcller.npy', 'benign/frames.1',
    'benign/frames.2',
    *(f'{label}/v{number}.npy' for label in ('benign', 'malignant') for number in range(4))}


def raw(name: str) -> bytes:
    """The name of a file by its printable form."""
    return name.encode().replace(rb'\xfc', b'\xfc').replace(rb'\n', b'\n').replace(rb'\\', b'\\')


@pytest.fixture
def messy(source: Path, write) -> Path:
    for number, name in enumerate(sorted(USED | set(LEFT))):
        place = Path(os.fsdecode(bytes(source) + b'/' + raw(name)))
        place.parent.mkdir(parents=True, exist_ok=True)
        if name in USED or name == 'benign/short':
            write(place.with_name('tmp' + ('' if 'frames' in name else place.suffix)), number,
                  frames=5 if name == 'benign/short' else 16)
            place.with_name('tmp' + ('' if 'frames' in name else place.suffix)).rename(place)
        elif name == 'benign/broken.png':
            place.symlink_to('nowhere')
        elif name.endswith('empty.npy'):
            place.touch()
        elif name.endswith('840.7'):
            place.write_bytes(bytes(128) + b'DICM')
        elif name.endswith(('stray.png', 'mask.png')):
            write(place)
        else:
            place.write_bytes(b'-')
    return source


def files_below(folder: Path) -> list[str]:
    return sorted(printable(os.path.relpath(Path(here) / file, folder))
                  for here, _, files in os.walk(folder) for file in files)


def assert_adds_up(source: Path, out: Path, report) -> list[dict[str, str]]:
    """left_out.csv, of which every file below the source is in, or is used."""
    with (out / 'left_out.csv').open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    used = {file for item in report.items for file in item.all_files}
    left = {row['source']: int(row['files']) for row in rows}
    assert len(left) == len(rows)
    below = files_below(source)
    assert used <= set(below)
    for file in set(below) - used:
        names = [file, *map(str, Path(file).parents)]
        assert sum(name in left for name in names) == 1, file
    assert len(used) + sum(left.values()) == len(below)
    assert (f'{len(below)} files found = {len(used)} used + {sum(left.values())} left out'
            in str(report))
    return rows


def test_of_a_messy_folder_nothing_vanishes(messy, out, run, table):
    report = run(list_folder(messy))
    rows = assert_adds_up(messy, out, report)
    reasons = {row['source']: row['reason'] for row in rows}
    assert set(reasons) == set(LEFT)
    for name, reason in LEFT.items():
        assert reason in reasons[name], name
    assert set(table('videos.csv')) | set(table('stills.csv')) == USED
    assert str(report).encode()                      # any terminal takes it
    groups = {row['group'] for row in table('videos.csv').values()}
    assert {'benign/frames.1', 'benign/frames.2'} <= groups


def test_a_second_run_over_a_messy_folder_changes_nothing(messy, run, snapshot):
    run(list_folder(messy))
    before = snapshot()
    assert not run(list_folder(messy)).changed
    assert snapshot() == before


@pytest.mark.parametrize('normals', [True, False])
def test_of_busi_nothing_vanishes(messy, out, run, write, normals: bool):
    for name in ('benign/b.png', 'benign/b_mask.png', 'benign/b_mask_1.png', 'normal/c.png',
                 'normal/c_mask.png', 'benign/lonely_mask.png', 'figures/d.png'):
        write(messy / name)
    rows = assert_adds_up(messy, out, run(list_busi(messy, normals)))
    assert ('normal/c_mask.png' in {row['source'] for row in rows}) != normals


def test_of_busv_nothing_vanishes(source, out, run, write):
    for video in ('benign/x1', 'malignant/x2'):
        write(source / 'rawframes' / video)
    for name in ('imagenet_vid_val.json', 'other.json', 'README.md', 'rawframes/notes.txt',
                 'rawframes/benign/x1/Thumbs.db'):
        (source / name).write_text('{"images": [{"file_name": "benign/x1/000000.png"}]}')
    report = run(list_busv(source, ()))
    left = sum(each.files for each in report.left_out)
    assert left == 5
    assert f'{32 + left} files found = 32 used + {left} left out' in str(report)


def test_of_a_table_s_folder_nothing_vanishes(messy, out, run, write):
    rows = [('benign/v0.npy', 'x', '1'), ('benign/v1.npy', 'y', '2'), ('benign/v1.npy', 'y', '2'),
            ('benign/v2.npy', '', '2'), ('benign/frames.1', 'y', '3'), ('lost.npy', 'x', '4'),
            ('README.txt', 'x', '5'), ('malignant/v3.npy', 'z', '6'),
            ('malignant/v3.npy', 'z', '6'), ('malignant/v2.npy', 'x', '7'),
            ('malignant/v2.npy', 'y', '7')]
    with (messy / 'table.csv').open('w', newline='') as file:
        csv.writer(file).writerows([('path', 'label', 'group'), *rows])
    report = run(list_csv(messy / 'table.csv', CsvColumns(
        group='group', labels={'x': 'a', 'y': 'b'})))
    reasons = {row['source']: (row['kind'], row['files'], row['reason'])
               for row in assert_adds_up(messy, out, report)}
    assert {item.source for item in report.items} == {'benign/v0.npy', 'benign/v1.npy',
                                                      'benign/frames.1'}
    assert reasons['lost.npy'][:2] == ('absent', '0')
    assert reasons['malignant/v3.npy'][:2] == ('excluded', '1')
    assert 'no row' in reasons['malignant/v0.npy'][2]
    assert 'twice' in reasons['malignant/v2.npy'][2]
    assert reasons['table.csv'][2] == 'is the table'


@pytest.mark.skipif(os.geteuid() == 0, reason='root may open everything')
def test_what_may_not_be_opened_stops_nothing_else(messy, out, run):
    (messy / 'benign/v1.npy').chmod(0)
    (messy / 'malignant/closed').mkdir(mode=0)
    reasons = {each.source: each.reason for each in run(list_folder(messy)).left_out}
    (messy / 'malignant/closed').chmod(0o700)
    assert 'denied' in reasons['benign/v1.npy'].lower()
    assert 'denied' in reasons['malignant/closed'].lower()


def test_a_file_that_vanishes_meanwhile_stops_nothing_else(messy, out, run, table):
    listing = list_folder(messy)
    (messy / 'malignant/v2.npy').unlink()
    run(listing)
    assert 'malignant/v2.npy' in table('left_out.csv')
    assert 'malignant/v3.npy' in table('videos.csv')


def test_masks_among_frames_make_no_video(source, run, table, write):
    write(source / 'a/v0')
    write(source / 'a/v1')
    Image.fromarray(np.zeros((12, 10), np.uint8)).save(source / 'a/v1/000003_mask.png')
    write(source / 'b/c.png')
    run(list_folder(source))
    assert set(table('videos.csv')) == {'a/v0'}
    row = table('left_out.csv')['a/v1']
    assert 'masks' in row['reason'] and row['files'] == '17'


def test_a_file_in_the_place_of_a_folder_and_the_other_way_round_is_called_so(messy):
    with pytest.raises(NotADirectoryError, match=r'README\.txt is a file'):
        list_folder(messy / 'README.txt')
    with pytest.raises(ValueError, match=r'benign .*folder'):
        list_csv(messy / 'benign', CsvColumns())


def test_frames_whose_names_are_not_utf_8_are_read_and_have_a_sha256(source, run, table, write):
    frames = write(source / 'a/v')
    for number, file in enumerate(sorted((source / 'a/v').iterdir())):
        os.rename(file, bytes(file.parent) + b'/\xfc%02d.png' % number)
    report = run(list_folder(source))
    np.testing.assert_array_equal(list(report.items[0].open().frames), frames)
    assert len(sha256_of(source / 'a/v')) == 64
