from __future__ import annotations

import pytest

from lddm_aug.preparation.levels import find_levels, split_of


def read(*places: str, **options) -> dict[str, tuple[str, str, int] | None]:
    """Of each folder that holds files: class, split, and how far below them it is."""
    parts = [tuple(place.split('/')) for place in places]
    levels = find_levels([(each, True) for each in parts], **options)
    return {place: levels.read(each) for place, each in zip(places, parts, strict=True)}


@pytest.mark.parametrize('wrapper', ['', 'archive/', 'Dataset_BUSI_with_GT/', 'a/b/', 'data 2/'])
@pytest.mark.parametrize('below', ['', '/video', '/patient 7/1.2.840'])
def test_classes_are_found_below_what_wraps_them(wrapper: str, below: str):
    places = [f'{wrapper}{name}{below}' for name in ('benign', 'malignant', 'normal')]
    notes: list[str] = []
    assert list(read(*places, notes=notes).values()) == [
        (name, '', below.count('/')) for name in ('benign', 'malignant', 'normal')]
    assert len(notes) == bool(wrapper)
    assert all(wrapper.strip('/') in note for note in notes)


@pytest.mark.parametrize('wrapper', ['', 'archive/', 'a/b/'])
@pytest.mark.parametrize('names', [('train', 'val', 'test'), ('Training', 'Validation', 'Testing'),
                                   ('train_set', 'valid', 'test-data'), ('TRAIN', 'dev', 'eval')])
@pytest.mark.parametrize('above', [True, False])
def test_parts_of_a_split_above_or_below_the_classes_are_no_classes(wrapper, names, above: bool):
    split = dict(zip(names, ('train', 'val', 'test'), strict=True))
    expected = {f'{wrapper}{part}/{label}/x' if above else f'{wrapper}{label}/{part}/x':
                (label, split[part], 1) for part in names for label in ('benign', 'malignant')}
    notes: list[str] = []
    assert read(*expected, notes=notes) == expected
    assert all(any(part in note for note in notes) for part in names)


def test_folds_are_a_split():
    assert read('fold1/a', 'fold_2/a')['fold_2/a'] == ('a', 'fold2', 0)


def test_a_split_of_what_has_one_class_is_found():
    assert read('train/x', 'test', one_class=True) == {'train/x': ('', 'train', 1),
                                                       'test': ('', 'test', 0)}
    assert read('BR001', 'BR003', one_class=True) == {'BR001': ('', '', 1), 'BR003': ('', '', 1)}


@pytest.mark.parametrize('places, named', [
    (['benign', 'malignant', 'test'], 'test'), (['train/a', 'test/a', 'unsorted/a'], 'unsorted'),
    (['images/a', 'masks/a'], 'masks'), (['videos/a', 'stills/a'], 'stills'),
    (['train/images/a', 'train/labels/a'], 'images'), (['patient_1/a', 'patient_2/b'], 'patient_1'),
    (['video 1', 'video 2'], 'video 1'), (['benign/001', 'benign/002'], '--label')])
def test_folders_that_could_be_no_classes_are_refused_by_name(places: list[str], named: str):
    with pytest.raises(ValueError, match=named):
        read(*places)


def test_one_class_with_its_own_pictures_is_a_class():
    assert read('benign', 'benign/v1', 'benign/v2')['benign/v1'] == ('benign', '', 1)
    assert read('benign/v1') == {'benign/v1': ('benign', '', 1)}


def test_a_video_called_test_among_others_stays_one_and_is_noticed():
    notes: list[str] = []
    assert read('benign/a', 'benign/test', 'malignant/b', notes=notes)['benign/test'] == (
        'benign', '', 1)
    assert 'test' in notes[0]


def test_classes_that_differ_in_a_number_alone_are_noticed():
    for names, noticed in ((('BR001', 'BR003'), True), (('benign', 'malignant'), False)):
        notes: list[str] = []
        read(*names, notes=notes)
        assert bool(notes) == noticed


@pytest.mark.parametrize('name', ['benign', 'trained', 'tests', 'contest', 'tr', 'TS', 'value',
                                  'validity', '1', 'test benign'])
def test_other_names_are_no_parts_of_a_split(name: str):
    assert split_of(name) == ''
