"""Single frames that belong together."""
from __future__ import annotations

import numpy as np
import pytest

from lddm_aug.preparation.dicom import find_file, list_dicom

KEY = bytes(range(32))


@pytest.fixture
def sweep(source, make_dicom, noise):
    """20 frames in files whose names say nothing of their order."""
    def sweep(name: str = 'a', order=None, each=None, **tags) -> np.ndarray:
        pixels = noise(20, 24, 30)
        shuffled = np.random.default_rng(1).permutation(20)
        for place, number in enumerate(shuffled):
            own = {'InstanceNumber': int(number) + 1, **(each(int(number)) if each else {})}
            make_dicom(source / f'benign/{name}{place:02d}.dcm', pixels[number],
                       **{'SeriesInstanceUID': f'1.2.{ord(name)}', 'StudyInstanceUID': '1.2.3',
                          **own, **tags})
        return pixels
    return sweep


def frames(item) -> np.ndarray:
    return np.stack(list(item.open().frames))


def test_they_are_stills_and_that_is_announced_once(source, sweep):
    sweep('a')
    sweep('b')
    listing = list_dicom(source, KEY)
    assert [item.role for item in listing.items] == ['still'] * 40
    note, = [note for note in listing.notes if '--series' in note]
    assert '40 single frames belong to 2 series' in note


@pytest.mark.parametrize('each', [
    None, lambda number: {'InstanceNumber': None, 'TemporalPositionIdentifier': number + 1},
    lambda number: {'InstanceNumber': None, 'AcquisitionTime': f'1200{number:02d}.5'},
    lambda number: {'InstanceNumber': 1, 'ContentTime': f'1200{number:02d}'}])
def test_one_video_has_them_in_their_order(source, sweep, each):
    pixels = sweep(each=each)
    listing = list_dicom(source, KEY, series=True)
    item, = listing.items
    assert item.role == 'video'
    np.testing.assert_array_equal(frames(item), pixels)
    assert ('no InstanceNumber, or the same one twice' in '\n'.join(listing.notes)) == bool(each)


def test_its_rate_and_its_name_are_those_of_its_frames(source, sweep):
    sweep(RecommendedDisplayFrameRate=12)
    item, = list_dicom(source, KEY, series=True).items
    assert item.open().fps == 12
    names = {item.source for item in list_dicom(source, KEY).items}
    assert item.source in names
    assert find_file(source, KEY, item.source).parent == source / 'benign'


def test_a_new_frame_changes_its_stamp(source, sweep, make_dicom, noise):
    sweep()
    before, = list_dicom(source, KEY, series=True).items
    make_dicom(source / 'benign/z.dcm', noise(24, 30), SeriesInstanceUID='1.2.97',
               InstanceNumber=21)
    after, = list_dicom(source, KEY, series=True).items
    assert before.stamp != after.stamp and len(frames(after)) == 21


def test_series_that_are_shorter_than_a_video_stay_stills(source, sweep):
    sweep()
    listing = list_dicom(source, KEY, series=True, min_frames=21)
    assert [item.role for item in listing.items] == ['still'] * 20
    assert 'fewer than 21 frames' in '\n'.join(listing.notes)


def test_frames_of_other_sizes_divide_a_series_and_are_reported(source, sweep, make_dicom, noise):
    sweep()
    for number in range(18):
        make_dicom(source / f'benign/big{number}.dcm', noise(40, 50), SeriesInstanceUID='1.2.97',
                   InstanceNumber=30 + number)
    listing = list_dicom(source, KEY, series=True)
    assert sorted(frames(item).shape for item in listing.items) == [(18, 40, 50), (20, 24, 30)]
    assert '1 series of single frames mix sizes' in '\n'.join(listing.notes)


def test_videos_of_a_series_stay_videos_of_their_own(source, sweep, make_dicom, noise):
    sweep()
    make_dicom(source / 'benign/video.dcm', noise(17, 24, 30), SeriesInstanceUID='1.2.97')
    assert sorted(len(frames(item)) for item in list_dicom(source, KEY, series=True).items
                  ) == [17, 20]


def test_without_a_series_number_the_study_is_the_series(source, sweep):
    sweep(SeriesInstanceUID=None)
    assert len(list_dicom(source, KEY, series=True).items) == 1


def test_frames_without_a_window_share_black_and_white(source, make_dicom):
    """Each by its own values would flicker."""
    ramp = np.linspace(0, 1000, 24 * 30).reshape(24, 30)
    for number in range(16):
        make_dicom(source / f'benign/{number}.dcm', (ramp * (number + 1)).astype(np.uint16),
                   SeriesInstanceUID='1.2', InstanceNumber=number)
    item, = list_dicom(source, KEY, series=True).items
    highest = frames(item).reshape(16, -1).max(1)
    np.testing.assert_allclose(highest, np.arange(1, 17) * 255 / 16, atol=1)
