import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit, to_uint8, to_unit


def test_every_grey_level_survives_the_round_trip():
    levels = torch.arange(256, dtype=torch.uint8)
    assert_close(to_uint8(to_unit(levels)), levels)


def test_black_is_minus_one_and_white_is_one():
    assert_close(to_unit(torch.tensor([0, 255], dtype=torch.uint8)), torch.tensor([-1., 1.]))


def test_what_lies_outside_the_range_is_clipped():
    assert to_uint8(torch.tensor([-7., 7.])).tolist() == [0, 255]


@pytest.mark.parametrize('colour', [(), (3,)])
def test_frame_t_of_a_clip_keeps_its_pixels_in_their_places(colour: tuple[int, ...]):
    frames = np.random.default_rng(0).integers(0, 256, (4, 5, 7, *colour), np.uint8)
    clip = torch.stack([still_to_unit(frame) for frame in frames], dim=1)      # (C, T, H, W)
    assert clip.shape == (*(colour or (1,)), 4, 5, 7)
    np.testing.assert_array_equal(clip_to_uint8(clip), frames)
