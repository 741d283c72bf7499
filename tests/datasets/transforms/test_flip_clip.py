from __future__ import annotations

import numpy as np
import pytest

from lddm_aug.datasets.transforms.flip_clip import FlipClip


@pytest.mark.parametrize('shape', [(4, 5, 7), (4, 5, 7, 3)])
def test_every_frame_is_turned_left_to_right_or_none(shape: tuple[int, ...]):
    clip = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    turned, kept = (FlipClip(probability)(dict(array=clip.copy())) for probability in (1, 0))
    for column in range(7):
        np.testing.assert_array_equal(turned['array'][:, :, column], clip[:, :, 6 - column])
    np.testing.assert_array_equal(kept['array'], clip)
    assert (turned['flipped'], kept['flipped']) == (True, False)


def test_a_probability_outside_0_and_1_is_refused():
    with pytest.raises(ValueError, match=r'FlipClip: probability .*got 1\.5'):
        FlipClip(1.5)
