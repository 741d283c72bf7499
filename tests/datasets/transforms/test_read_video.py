from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lddm_aug.data.frames import UnreadableFileError
from lddm_aug.datasets.transforms.read_video import ReadVideo


@pytest.fixture
def sweep(tmp_path: Path, grey_levels) -> dict:
    np.save(tmp_path / 'sweep.npy', grey_levels(20, 12, 24))
    return dict(filename=str(tmp_path / 'sweep.npy'), label=1)


def test_it_reads_all_frames_for_a_recognizer(sweep: dict, grey_levels):
    results = ReadVideo()(dict(sweep))
    np.testing.assert_array_equal(results['array'], np.stack([grey_levels(20, 12, 24)] * 3, -1))
    assert results['total_frames'] == 20
    assert sweep.items() < results.items()


def test_it_reads_square_grey_frames_for_a_generator(sweep: dict):
    array = ReadVideo(size=8, channels=1)(sweep)['array']
    assert array.shape == (20, 8, 8)
    assert array[15, :, 4].tolist() == [0, 0, 30, 30, 30, 30, 0, 0]


def test_what_it_keeps_is_not_changed_by_later_transforms(sweep: dict):
    read = ReadVideo(cache=True)
    first = read(dict(sweep))['array']
    first[:] = 255
    Path(sweep['filename']).unlink()                 # the second reading is from memory
    assert read(dict(sweep))['array'].max() == 38


def test_an_unreadable_video_is_named(tmp_path: Path):
    (tmp_path / 'a (1).mp4').touch()
    with pytest.raises(UnreadableFileError, match=r'a \(1\)\.mp4 is empty'):
        ReadVideo()(dict(filename=str(tmp_path / 'a (1).mp4')))


@pytest.mark.parametrize('arguments', [dict(channels=2), dict(size=0)])
def test_arguments_that_make_no_sense_are_refused(arguments: dict):
    with pytest.raises(ValueError, match=f'ReadVideo: {next(iter(arguments))} .*but got'):
        ReadVideo(**arguments)
