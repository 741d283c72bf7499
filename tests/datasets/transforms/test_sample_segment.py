from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lddm_aug.datasets.transforms.sample_segment import SampleSegment


def sample(total: int, num_frames: int = 16, **results) -> dict:
    test_mode = results.pop('test_mode', False)
    return SampleSegment(num_frames, test_mode=test_mode)(dict(total_frames=total, **results))


def test_sixteen_frames_come_from_a_segment_of_48():
    np.random.seed(0)
    starts = set()
    for _ in range(100):
        results = sample(60)
        indices = results['frame_inds']
        assert (np.diff(indices) == 3).all()
        starts.add(int(indices[0]))
    assert starts == set(range(15))                  # 60 - 1 - 15 · 3 = 14 is the last
    assert (results['clip_len'], results['num_clips'], results['frame_interval']) == (16, 1, 3)


def test_a_real_segment_and_a_clip_of_stride_3_have_the_same_source_times():
    real = sample(48, test_mode=True)['frame_inds']
    clip = sample(16, frame_stride=3, test_mode=True)['frame_inds']
    assert clip.tolist() == list(range(16))
    np.testing.assert_array_equal(real - real[0], 3 * clip)


def test_the_steps_are_equal_where_the_middle_is_between_two_frames():
    assert set(np.diff(sample(101, test_mode=True)['frame_inds'])) == {3}


def test_eight_frames_of_a_clip_of_stride_3_are_every_second_one():
    real = sample(48, 8, test_mode=True)['frame_inds']
    clip = sample(16, 8, frame_stride=3, test_mode=True)['frame_inds']
    np.testing.assert_array_equal(np.diff(real), 3 * np.diff(clip))
    assert set(np.diff(clip)) == {2}


@given(total=st.integers(16, 200), stride=st.integers(1, 4), seed=st.integers(0, 9),
       test_mode=st.booleans())
def test_frames_lie_in_order_in_the_video_and_evenly_apart(total, stride, seed, test_mode):
    np.random.seed(seed)
    indices = sample(total, frame_stride=stride, test_mode=test_mode)['frame_inds']
    assert 0 <= indices[0] < indices[-1] < total
    assert np.ptp(np.diff(indices)) <= 1             # rounding
    step = min(3 / stride, (total - 1) / 15)         # the definition
    assert abs(indices[-1] - indices[0] - 15 * step) <= 1
    if test_mode:
        assert abs(indices[0] - (total - 1 - indices[-1])) <= 1


def test_a_short_video_is_taken_whole():
    assert sample(31)['frame_inds'].tolist() == list(range(0, 31, 2))
    assert sample(16)['frame_inds'].tolist() == list(range(16))


def test_frames_may_count_from_one():
    assert sample(16, start_index=1)['frame_inds'].tolist() == list(range(1, 17))


def test_a_video_with_too_few_frames_is_named():
    with pytest.raises(ValueError, match=r'num_frames=16 .*a \(1\)\.mp4, which has 15'):
        sample(15, filename='a (1).mp4')


@pytest.mark.parametrize('num_frames, segment_length', [(1, 48), (16, 15)])
def test_arguments_that_make_no_sense_are_refused(num_frames: int, segment_length: int):
    with pytest.raises(ValueError, match=f'segment_length={segment_length}, .*{num_frames}'):
        SampleSegment(num_frames, segment_length)
