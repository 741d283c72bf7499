import numpy as np
import pytest
from mmaction.datasets.transforms import FormatShape
from mmaction.registry import TRANSFORMS

import lddm_aug  # noqa: F401  registers the transforms
from lddm_aug.datasets.transforms.take_windows import TakeWindows


def frames(total: int) -> dict:
    """Frames whose pixels are their numbers."""
    return {'imgs': [np.full((4, 6, 3), number, np.uint8) for number in range(total)]}


def test_eight_windows_of_five_are_spread_evenly_over_sixteen_frames():
    results = TRANSFORMS.build({'type': 'TakeWindows'})(frames(16))
    numbers = np.array([frame[0, 0, 0] for frame in results['imgs']]).reshape(8, 5)
    assert (np.diff(numbers) == 1).all()                             # in a row
    starts = numbers[:, 0]
    assert (np.diff(starts) >= 1).all() and starts[0] == 15 - numbers[-1, -1] == 0
    assert (results['num_clips'], results['clip_len']) == (8, 5)


def test_windows_that_do_not_overlap_are_centred():
    assert TakeWindows(2, 5).indices(20)[:, 0].tolist() == [4, 12]


def test_frames_reach_the_network_window_by_window():
    results = TakeWindows(2, 3)(frames(6))
    imgs = FormatShape('NCHW')(results)['imgs']
    assert imgs.shape == (6, 3, 4, 6)                                # (frames, C, H, W)
    assert imgs[:, 0, 0, 0].tolist() == [1, 2, 3, 3, 4, 5]


def test_more_windows_than_places_share_them():
    assert TakeWindows(8, 5).indices(5).tolist() == [[0, 1, 2, 3, 4]] * 8


def test_a_window_longer_than_the_video_is_refused():
    with pytest.raises(ValueError, match=r'window_length=5 .*4 frames'):
        TakeWindows()(frames(4))


@pytest.mark.parametrize('wrong', [{'num_windows': 0}, {'window_length': 0}])
def test_no_windows_are_refused(wrong):
    with pytest.raises(ValueError, match=r'TakeWindows: num_windows and window_length .*got'):
        TakeWindows(**wrong)
