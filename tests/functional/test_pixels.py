import torch
from torch.testing import assert_close

from lddm_aug.functional.pixels import to_uint8, to_unit


def test_every_grey_level_survives_the_round_trip():
    levels = torch.arange(256, dtype=torch.uint8)
    assert_close(to_uint8(to_unit(levels)), levels)


def test_black_is_minus_one_and_white_is_one():
    assert_close(to_unit(torch.tensor([0, 255], dtype=torch.uint8)), torch.tensor([-1., 1.]))


def test_what_lies_outside_the_range_is_clipped():
    assert to_uint8(torch.tensor([-7., 7.])).tolist() == [0, 255]
