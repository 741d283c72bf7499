"""A playback rate is drawn, applied and made the label."""
import numpy as np
import pytest

from lddm_aug.datasets.transforms import SamplePlaybackRate


def sample(total, test_mode=False, name='sweep.npy', stride=1):
    return SamplePlaybackRate(8, test_mode).transform(
        dict(filename=f'somewhere/{name}', total_frames=total, label=0, frame_stride=stride))


def test_the_label_is_the_distance_of_the_frames():
    np.random.seed(0)
    labels = set()
    for _ in range(60):
        results = sample(40)
        steps = {*np.diff(results['frame_inds']).tolist()}
        labels.add(results['label'])
        if results['label'] < 3:
            assert steps == {results['label'] + 1}
        else:
            assert steps != {3} and {*np.diff(sorted(results['frame_inds']))} == {3}
    assert labels == {0, 1, 2, 3}


@pytest.mark.parametrize('total, known', [(8, {0}), (16, {0, 1}), (23, {0, 1}), (24, {0, 1, 2, 3})])
def test_a_rate_that_needs_a_longer_video_is_not_drawn(total, known):
    np.random.seed(0)
    assert {sample(total)['label'] for _ in range(40)} == known


def test_a_video_of_twice_the_frame_rate_needs_twice_as_many_frames():
    np.random.seed(0)
    assert {sample(30, stride=0.5)['label'] for _ in range(40)} == {0}
    assert {sample(47, stride=0.5)['label'] for _ in range(40)} == {0, 1}


def test_a_test_video_always_has_the_same_sample_in_every_folder():
    for name in ('a.npy', 'b.npy', 'c.npy'):
        first, other = sample(40, True, name), sample(40, True, name)
        other_place = SamplePlaybackRate(8, True).transform(
            dict(filename=f'elsewhere/{name}', total_frames=40, label=1))
        for again in (other, other_place):
            assert again['label'] == first['label']
            np.testing.assert_array_equal(again['frame_inds'], first['frame_inds'])
