from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.preparation.busv import ERRATA
from lddm_aug.preparation.errata import read_errata

ROOT = Path(__file__).parents[2]


def prepare_data(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """Run the tool as from a shell."""
    monkeypatch.setattr(sys, 'argv', ['prepare_data.py', *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools' / 'prepare_data.py'), run_name='__main__')


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A BUSI, a BUSV and a table at once."""
    source = tmp_path / 'source'
    for label in ('benign', 'malignant'):
        (source / 'busi' / label).mkdir(parents=True)
        Image.new('L', (20, 12), 90).save(source / f'busi/{label}/{label} (1).png')
        (source / 'busv/rawframes' / label / 'x1').mkdir(parents=True)
        for number in range(16):
            Image.new('L', (9, 9), number).save(
                source / f'busv/rawframes/{label}/x1/{number:06d}.png')
        np.save(source / f'{label}.npy', np.zeros((20, 8, 8), np.uint8))
    (source / 'table.csv').write_text('file,finding,patient,role\nbenign,no ,1,video\n'
                                      'malignant,yes,2,stills\n')
    return source


@pytest.mark.parametrize('arguments, tables', [
    (('busi', 'busi', '--size', '16', '--no-normals', '--crop-to-lesion', '0.2'), {'stills.csv'}),
    (('busv', 'busv', '--errata', 'none', '--fps', '30'), {'videos.csv'}),
    (('folder', 'busi', '--group-pattern', r'\((\d+)'), {'stills.csv'}),
    (('csv', 'table.csv', '--path-column', 'file', '--path-pattern', '{}.npy', '--label-column',
      'finding', '--labels', 'yes=b,no=a', '--group-column', 'patient', '--split-column', 'role',
      '--splits', 'video=train,stills=stills', '--first-frames-of', 'stills'),
     {'videos.csv', 'stills.csv', 'oracle.csv'})])
def test_each_source_becomes_tables_once(monkeypatch, capsys, tmp_path, source, arguments, tables):
    kind, name, *options = arguments
    out = tmp_path / 'out'
    prepare_data(monkeypatch, kind, source / name, '--out', out, *options)
    assert '2 read in' in capsys.readouterr().out
    assert {file.name for file in out.glob('*.csv')} == tables | {'left_out.csv'}
    prepare_data(monkeypatch, kind, source / name, '--out', out, *options)
    assert 'nothing to do' in capsys.readouterr().out


def test_the_errata_of_busv_are_on_by_default_and_printed(monkeypatch, capsys, tmp_path, source):
    prepare_data(monkeypatch, 'busv', source / 'busv', '--out', tmp_path / 'out')
    assert capsys.readouterr().out.count('erratum') == len(read_errata(ERRATA)) > 0


def test_the_key_lies_beside_the_folder_and_must_stay(monkeypatch, capsys, tmp_path):
    pydicom = pytest.importorskip('pydicom')
    (tmp_path / 'dicom/benign').mkdir(parents=True)
    example = pydicom.data.get_testdata_file('MR_small.dcm', download=False)
    (tmp_path / 'dicom/benign/a.dcm').write_bytes(Path(example).read_bytes())
    arguments = ('dicom', tmp_path / 'dicom', '--out', tmp_path / 'out')
    prepare_data(monkeypatch, *arguments)
    assert (tmp_path / 'out.key').stat().st_size == 32
    (tmp_path / 'out.key').unlink()
    with pytest.raises(SystemExit):
        prepare_data(monkeypatch, *arguments)
    assert 'the key is missing' in capsys.readouterr().err


def test_single_frames_of_a_series_become_a_video(monkeypatch, capsys, tmp_path):
    pydicom = pytest.importorskip('pydicom')
    example = pydicom.dcmread(pydicom.data.get_testdata_file('MR_small.dcm', download=False))
    for label in ('benign', 'malignant'):
        (tmp_path / 'dicom' / label).mkdir(parents=True)
        for number in range(3):
            example.SeriesInstanceUID = f'1.2.{len(label)}'
            example.InstanceNumber = number
            example.save_as(tmp_path / f'dicom/{label}/{number}.dcm')
    arguments = ('dicom', tmp_path / 'dicom', '--min-frames', 3, '--out')
    prepare_data(monkeypatch, *arguments, tmp_path / 'stills')
    said = capsys.readouterr().out
    assert '6 single frames belong to 2 series' in said and '--series' in said
    assert '6 of 6 files share one PatientID' in said and '--group-tag' in said
    prepare_data(monkeypatch, *arguments, tmp_path / 'videos', '--series', '--group-tag',
                 'SeriesInstanceUID')
    said = capsys.readouterr().out
    assert '6 single frames became 2 videos' in said and 'share one' not in said
    assert len((tmp_path / 'videos/videos.csv').read_text().splitlines()) == 3


@pytest.mark.parametrize('arguments, message', [
    (('folder', 'nowhere', '--out', 'out'), 'there is no such folder'),
    (('folder', '.', '--out', 'out'), 'contain each other'),
    (('busi', 'busi', '--out', 'out', '--size', '0'), 'size is a number from 1 on'),
    (('busv', 'busi', '--out', 'out'), 'no folder rawframes'),
    (('busv', 'busv', '--out', 'out', '--errata', 'nowhere'), 'list of errata'),
    (('csv', 'table.csv', '--out', '../out'), "there is no column 'path'")])
def test_what_is_wrong_is_said_in_one_sentence(monkeypatch, capsys, source, arguments, message):
    monkeypatch.chdir(source)
    if arguments[1] != '.':
        arguments = tuple('../out' if each == 'out' else each for each in arguments)
    with pytest.raises(SystemExit) as raised:
        prepare_data(monkeypatch, *arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err
