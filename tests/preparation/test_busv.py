"""A tree in the form of BUSV, with every erratum that ships in it."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.preparation.busv import ERRATA, list_busv
from lddm_aug.preparation.errata import read_errata

TRAIN = ('benign/x66ef02e7f1b9a0ef', 'benign/x63c9ba1377f35bf6', 'benign/x5a1c46ec6377e946',
         'benign/x1282311c38f808f', 'benign/786ebd9dada09453', 'benign/clean',
         'malignant/2390fbea047347b', 'malignant/x3b88488853e8b7d1')
VAL = ('malignant/7a39ab5d4970bf89', 'malignant/x9c1c965d274c457', 'malignant/3f88a121e5e77ebe')


def write_json(path: Path, videos, boxes=((1, 2, 3, 4),)) -> None:
    images = [{'id': number, 'file_name': f'{video}/{frame:06d}.png'}
              for number, video in enumerate(videos) for frame in range(16)]
    path.write_text(json.dumps({
        'videos': [{'id': number, 'name': name} for number, name in enumerate(videos)],
        'images': images, 'annotations': [{'image_id': 0, 'bbox': box} for box in boxes],
        'categories': []}))


@pytest.fixture
def busv(source: Path, write):
    for number, video in enumerate((*TRAIN, *VAL)):
        write(source / 'rawframes' / video, number, shape=(6, 6))
    write_json(source / 'imagenet_vid_train_15frames.json', (*TRAIN, 'benign/lost'),
               boxes=[(1, 2, -3, 4), (1, 2, 3, -4), (1, 2, 3, 4)])
    write_json(source / 'imagenet_vid_val.json', VAL)
    return source


def test_every_erratum_is_handled_and_reported(busv, run, table):
    errata = read_errata(ERRATA)
    report = run(list_busv(busv, errata))
    rows, left_out = table('videos.csv'), table('left_out.csv')
    labels = {source: row['label'] for source, row in rows.items()}
    assert labels == {
        'benign/clean': 'benign', 'benign/x63c9ba1377f35bf6': 'malignant',
        'benign/x5a1c46ec6377e946': 'malignant', 'malignant/2390fbea047347b': 'malignant',
        'malignant/7a39ab5d4970bf89': 'malignant', 'malignant/x3b88488853e8b7d1': 'malignant',
        'malignant/x9c1c965d274c457': 'malignant', 'malignant/3f88a121e5e77ebe': 'malignant'}
    for video in ('benign/x66ef02e7f1b9a0ef', 'benign/x1282311c38f808f',
                  'benign/786ebd9dada09453'):
        assert left_out[video]['kind'] == 'excluded'
    of_one = {source for source, row in rows.items() if row['group'] == 'busv-patient-1'}
    assert of_one == {'benign/x63c9ba1377f35bf6', 'benign/x5a1c46ec6377e946',
                      'malignant/2390fbea047347b', 'malignant/7a39ab5d4970bf89'}
    for erratum in errata:
        assert f'erratum: {erratum}' in str(report)
        assert erratum.why and erratum.source


def test_the_official_split_and_the_faults_of_the_json_are_reported(busv, run, table):
    (busv / 'rawframes/benign/clean/000015.png').unlink()
    report = run(list_busv(busv, (), fps=30), min_frames=15)
    rows = table('videos.csv')
    assert {source for source, row in rows.items() if row['split'] == 'test'} == set(VAL)
    assert {source for source, row in rows.items() if row['split'] == 'train'} == set(TRAIN)
    assert rows['benign/clean']['fps'] == '30'
    assert table('left_out.csv')['benign/lost']['kind'] == 'absent'
    assert '9 train, 3 test' in str(report)
    assert '1 frames are missing; 2 boxes' in str(report)


def test_a_patient_on_both_sides_of_the_official_split_is_reported(busv, run):
    assert 'group busv-patient-1 is in test, train' in str(
        run(list_busv(busv, read_errata(ERRATA))))


def test_without_errata_or_json_the_folders_speak(busv, run, table):
    for file in busv.glob('*.json'):
        file.unlink()
    report = run(list_busv(busv, ()))
    assert {source: row['label'] for source, row in table('videos.csv').items()} == {
        video: video.split('/')[0] for video in (*TRAIN, *VAL)}
    assert 'no official split' in str(report)


def test_an_erratum_of_a_missing_item_is_not_needed(source, run, write):
    write(source / 'rawframes/benign/x1282311c38f808f')
    report = run(list_busv(source, read_errata(ERRATA)))
    assert [item.source for item in report.items] == ['benign/x1282311c38f808f']
    assert 'malignant/x9c1c965d274c457 is missing: duplicate' in str(report)


def test_pixels_do_not_depend_on_errata(busv, out, run, monkeypatch):
    run(list_busv(busv, ()))
    report = run(list_busv(busv, read_errata(ERRATA)))
    assert (report.made, report.changed) == (0, True)
    assert not (out / 'frames/benign_786ebd9dada09453.npy').exists()


@pytest.mark.parametrize('content', ['{', '[]', '{"images": [{}]}',
                                     '{"images": [], "annotations": [{"bbox": [1]}]}'])
def test_a_damaged_json_is_refused(busv, content: str):
    (busv / 'imagenet_vid_val.json').write_text(content)
    with pytest.raises(ValueError, match=r'imagenet_vid_val\.json .*COCO-VID'):
        list_busv(busv, ())


def test_names_in_a_json_lead_nowhere(busv, tmp_path):
    (tmp_path / 'secret').mkdir()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / 'secret/000000.png')
    write_json(busv / 'imagenet_vid_val.json', ['../../secret'])
    listing = list_busv(busv, ())
    assert '../../secret' in {each.source for each in listing.left_out}
    assert all('secret' not in item.source for item in listing.items)


def test_a_busv_in_a_deeper_folder_is_found_and_reported(busv, tmp_path):
    busv.rename(tmp_path / 'BUSV')
    (tmp_path / 'outer').mkdir()
    (tmp_path / 'BUSV').rename(tmp_path / 'outer/BUSV')
    listing = list_busv(tmp_path / 'outer', ())
    assert {item.source for item in listing.items} == {*TRAIN, *VAL}
    assert {item.split for item in listing.items} == {'train', 'test'}
    assert any('rawframes is in BUSV' in note for note in listing.notes)


def test_what_is_no_busv_is_refused(source):
    with pytest.raises(FileNotFoundError, match='no folder rawframes'):
        list_busv(source, ())
