from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.preparation.busi import around_lesion, list_busi

DATA = Path(__file__).parents[3] / 'shared/data'


def save_mask(path: Path, rows: slice, columns: slice, shape=(40, 60)) -> None:
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


@pytest.fixture
def busi(source: Path, write):
    """A benign still with two masks, a malignant one with one, a normal one without a lesion."""
    for name in ('benign/benign (1).png', 'malignant/malignant (1).png', 'normal/normal (1).png'):
        write(source / name, shape=(40, 60))
    save_mask(source / 'benign/benign (1)_mask.png', slice(5, 10), slice(10, 20))
    save_mask(source / 'benign/benign (1)_mask_1.png', slice(20, 30), slice(40, 50))
    save_mask(source / 'malignant/malignant (1)_mask.png', slice(15, 25), slice(25, 35))
    save_mask(source / 'normal/normal (1)_mask.png', slice(0, 0), slice(0, 0))
    return source


def test_masks_are_joined_by_name_and_several_merged(busi, out, run, table):
    report = run(list_busi(busi))
    row = table('stills.csv')['benign/benign (1).png']
    merged = np.array(Image.open(out / row['mask']))
    expected = np.zeros((40, 60), np.uint8)
    expected[5:10, 10:20] = expected[20:30, 40:50] = 255
    np.testing.assert_array_equal(merged, expected)
    assert len(report.items) == 3
    assert '3 of 3 stills have one, 1 of them have several' in str(report)


def test_normals_are_optional(busi):
    listing = list_busi(busi, normals=False)
    assert {item.label for item in listing.items} == {'benign', 'malignant'}
    assert listing.left_out[0].reason == 'shows no lesion'


def test_a_crop_centres_the_lesion_in_still_and_mask(busi, out, run, table):
    run(list_busi(busi, lesion_margin=0.5), size=20)
    whole = np.array(Image.open(busi / 'malignant/malignant (1).png'))
    row = table('stills.csv')['malignant/malignant (1).png']
    np.testing.assert_array_equal(np.array(Image.open(out / row['path'])), whole[10:30, 20:40])
    assert np.argwhere(np.array(Image.open(out / row['mask']))).mean(0).tolist() == [9.5, 9.5]
    normal = table('stills.csv')['normal/normal (1).png']
    assert np.array(Image.open(out / normal['path'])).shape == (20, 20)      # whole, letterboxed


def test_a_crop_stays_inside_the_picture():
    mask = np.zeros((40, 60), bool)
    mask[0:4, 50:60] = True
    assert around_lesion(mask, 0.5) == (slice(0, 12), slice(45, 60))


def test_a_mask_alone_or_of_another_shape_is_named(busi, run, table):
    save_mask(busi / 'benign/benign (2)_mask.png', slice(0, 5), slice(0, 5))
    save_mask(busi / 'malignant/malignant (1)_mask.png', slice(0, 5), slice(0, 5), shape=(9, 9))
    run(list_busi(busi), max_bad_share=0.5)
    left_out = table('left_out.csv')
    assert 'without its still' in left_out['benign/benign (2)_mask.png']['reason']
    assert 'shape (9, 9)' in left_out['malignant/malignant (1).png']['reason']


def test_a_new_mask_makes_its_still_anew(busi, run):
    run(list_busi(busi))
    save_mask(busi / 'malignant/malignant (1)_mask_1.png', slice(0, 5), slice(0, 5))
    assert run(list_busi(busi)).made == 1


@pytest.mark.parametrize('wrapper', ['Dataset_BUSI_with_GT', 'archive/Dataset_BUSI_with_GT'])
def test_a_busi_in_a_deeper_folder_is_found_and_reported(busi, tmp_path, wrapper: str):
    (tmp_path / 'outer' / wrapper).parent.mkdir(parents=True)
    busi.rename(tmp_path / 'outer' / wrapper)
    listing = list_busi(tmp_path / 'outer', normals=False)
    assert [item.label for item in listing.items] == ['benign', 'malignant']
    assert any(wrapper in note for note in listing.notes)


def test_a_busi_that_somebody_split_keeps_the_split(busi, tmp_path):
    for part in ('train', 'test'):
        shutil.copytree(busi, tmp_path / 'outer' / part)
    listing = list_busi(tmp_path / 'outer')
    assert sorted((item.split, item.label) for item in listing.items) == [
        (part, label) for part in ('test', 'train') for label in ('benign', 'malignant', 'normal')]


def test_other_folders_are_no_classes_of_busi(busi, run, table, write):
    write(busi / 'figures/fig.png')
    run(list_busi(busi))
    assert 'benign, malignant, normal' in table('left_out.csv')['figures/fig.png']['reason']


def test_what_is_no_busi_is_refused(source, write):
    write(source / 'cats/a.png')
    with pytest.raises(FileNotFoundError, match=r'no pictures .*benign, malignant'):
        list_busi(source)


@pytest.mark.skipif(not (DATA / 'busi_256').is_dir(), reason='needs ../shared/data/busi_256')
def test_all_780_stills_are_found():
    listing = list_busi(DATA / 'busi_256')
    labels = [item.label for item in listing.items]
    assert {name: labels.count(name) for name in sorted(set(labels))} == {
        'benign': 437, 'malignant': 210, 'normal': 133}
    assert not listing.left_out


@pytest.mark.skipif(not (DATA / 'busi_masks_sample').is_dir(),
                    reason='needs ../shared/data/busi_masks_sample')
def test_two_masks_of_benign_25_are_merged():
    root = DATA / 'busi_masks_sample'
    listing = list_busi(root)
    item, = (item for item in listing.items if item.source == 'benign/benign (25).png')
    first, second = (np.array(Image.open(root / f'benign/benign (25)_mask{end}.png'), bool)
                     for end in ('', '_1'))
    assert second.any() and (first != second).any()
    np.testing.assert_array_equal(item.open().mask == 255, first | second)
    assert len(listing.items) == 22
    assert not listing.left_out
