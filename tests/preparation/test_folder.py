from __future__ import annotations

from pathlib import Path

import pytest

from lddm_aug.preparation.folder import list_folder

BREAST_USV = Path(__file__).parents[3] / 'shared/data/breast_usv'


def found(listing):
    return {item.source: (item.role, item.label, item.group) for item in listing.items}


def test_classes_are_folders_and_frames_lie_one_folder_deeper(source, write):
    write(source / 'benign/a.png')
    write(source / 'benign/b.npy')
    write(source / 'benign/video 1')
    write(source / 'malignant/patient 7/video 2')
    write(source / 'malignant/patient 7/c.npy')
    assert found(list_folder(source)) == {
        'benign/a.png': ('still', 'benign', 'benign/a'),
        'benign/b.npy': ('video', 'benign', 'benign/b'),
        'benign/video 1': ('video', 'benign', 'benign/video 1'),
        'malignant/patient 7/c.npy': ('video', 'malignant', 'malignant/patient 7/c'),
        'malignant/patient 7/video 2': ('video', 'malignant', 'malignant/patient 7/video 2')}


def test_a_pattern_finds_the_group_and_what_it_does_not_match_is_named(source, write):
    write(source / 'a/p3_L1.png')
    write(source / 'a/p3_R1.png')
    write(source / 'a/other.png')
    listing = list_folder(source, group_pattern=r'(p\d+)_')
    assert {item.group for item in listing.items} == {'p3'}
    assert 'finds no group' in listing.left_out[0].reason


@pytest.mark.parametrize('pattern, message', [('p(', 'no regular expression'),
                                                  (r'p\d', 'no brackets')])
def test_a_pattern_that_is_none_is_refused(source, pattern: str, message: str):
    with pytest.raises(ValueError, match=message):
        list_folder(source, group_pattern=pattern)


def test_a_source_without_patients_is_reported(source, write):
    write(source / 'a/b.png')
    assert 'every video and still is its own group' in list_folder(source).notes[0]


def test_files_in_no_class_folder_are_reported(source, write):
    write(source / 'stray.png')
    assert list_folder(source).left_out[0].reason == 'is in no class folder'
    assert found(list_folder(source, label='x')) == {'stray.png': ('still', 'x', 'stray')}


@pytest.mark.skipif(not BREAST_USV.is_dir(), reason='needs ../shared/data/breast_usv')
def test_breast_usv_is_two_videos():
    listing = list_folder(BREAST_USV, label='unlabelled')
    assert found(listing) == {name: ('video', 'unlabelled', name) for name in ('BR001', 'BR003')}
    assert [sum(1 for _ in item.open().frames) for item in listing.items] == [56, 35]
