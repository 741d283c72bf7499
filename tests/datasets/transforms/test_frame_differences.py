from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lddm_aug.datasets.transforms import FrameDifferences


def transformed(frames: np.ndarray, **options: Any) -> np.ndarray:
    return np.stack(FrameDifferences(**options)(dict(imgs=list(frames)))['imgs'])


def test_what_changes_adds_up_to_the_clip_again():
    clip = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), np.uint8)
    changes = (transformed(clip, gain=4) - 127.5) / 4
    assert changes.shape == clip.shape
    np.testing.assert_array_equal(clip[0] + np.cumsum(changes[1:], axis=0), clip[1:])
    np.testing.assert_array_equal(changes[0], changes[1])


def test_nothing_of_a_still_is_left():
    still = np.random.default_rng(0).integers(0, 256, (1, 6, 7, 3), np.uint8)
    assert np.all(transformed(np.repeat(still, 4, axis=0)) == 127.5)


def test_darker_does_not_wrap_around():
    clip = np.stack([np.full((2, 2, 1), grey, np.uint8) for grey in (200, 190)])
    assert np.all(transformed(clip, gain=1) == 117.5)


def test_channels_that_are_not_named_keep_their_frames():
    clip = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), np.uint8)
    differences = transformed(clip, channels=(1, 2))
    np.testing.assert_array_equal(differences[..., 0], clip[..., 0])
    np.testing.assert_array_equal(differences[..., 1:], transformed(clip)[..., 1:])


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match=r'gain .*got 0'):
        FrameDifferences(gain=0)
    with pytest.raises(ValueError, match=r'two frames, but a\.mp4 has 1'):
        FrameDifferences()(dict(imgs=[np.zeros((2, 2, 1), np.uint8)], filename='a.mp4'))
    with pytest.raises(ValueError, match=r'channels .*\[0, 3\), but got \[3\]'):
        transformed(np.zeros((2, 2, 2, 3), np.uint8), channels=[3])
