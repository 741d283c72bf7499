from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lddm_aug.data.frames import UnreadableFileError
from lddm_aug.datasets.transforms.load_still import LoadStill


@pytest.mark.parametrize('colour', [(), (3,)])
@pytest.mark.parametrize('channels', [1, 3])
def test_a_still_of_any_size_and_mode_fits_the_generator(tmp_path: Path, colour, channels: int):
    cv2.imwrite(str(tmp_path / 'a (1).png'), np.full((20, 40, *colour), 90, np.uint8))
    still = LoadStill(16, channels)(dict(filename=str(tmp_path / 'a (1).png')))['still']
    expected = np.zeros((16, 16) + (3,) * (channels == 3), np.uint8)
    expected[4:12] = 90
    np.testing.assert_array_equal(still, expected)


def test_one_frame_of_a_video_is_a_still(tmp_path: Path, grey_levels):
    np.save(tmp_path / 'sweep.npy', grey_levels(20))
    results = LoadStill(16)(dict(filename=str(tmp_path / 'sweep.npy'), frame=13))
    np.testing.assert_array_equal(results['still'], grey_levels(20)[13])


def test_a_still_with_12_bits_in_16_is_refused(tmp_path: Path):
    cv2.imwrite(str(tmp_path / 'deep.png'), np.full((8, 8), 4095, np.uint16))
    with pytest.raises(UnreadableFileError, match=r'deep\.png has 16 bits'):
        LoadStill(16)(dict(filename=str(tmp_path / 'deep.png')))


@pytest.mark.parametrize('size, channels', [(0, 1), (16, 4)])
def test_arguments_that_make_no_sense_are_refused(size: int, channels: int):
    with pytest.raises(ValueError, match=r'LoadStill: (size|channels) .*but got'):
        LoadStill(size, channels)
