import torch
from mmaction.models.backbones.resnet_tsm import TemporalShift
from torch.testing import assert_close

import lddm_aug  # noqa: F401  lets MMAction2 be imported
from lddm_aug.networks.temporal_difference import (
    LearnableShift,
    LongTermDifference,
    ShortTermDifference,
)


def test_the_shift_starts_as_that_of_mmaction2s_tsm():
    x = torch.randn(2 * 4, 16, 3, 5)
    assert_close(LearnableShift(16, num_segments=4)(x), TemporalShift.shift(x, 4, shift_div=8))


def test_the_shift_learns():
    shift = LearnableShift(8, num_segments=3)
    shift(torch.rand(6, 8, 2, 2)).sum().backward()
    assert (shift.weight.grad != 0).all()


def test_where_nothing_moves_there_is_no_short_term_motion():
    window = torch.rand(2, 1, 3, 64, 64).expand(-1, 5, -1, -1, -1)
    assert (ShortTermDifference(8).eval()(window) == 0).all()


def test_short_term_motion_has_an_eighth_of_the_size():
    assert ShortTermDifference(8)(torch.rand(2, 5, 3, 64, 96)).shape == (2, 8, 8, 12)


def test_where_segments_are_the_same_nothing_is_attended():
    part = LongTermDifference(32, num_segments=3).eval()
    torch.nn.init.dirac_(part.align.weight, groups=2)      # compare a place with the same place
    x = torch.rand(1, 32, 4, 4).expand(3, -1, -1, -1)
    assert_close(part(x), x)


def test_clips_of_a_batch_do_not_see_each_other():
    part = LongTermDifference(32, num_segments=3).eval()
    clips = torch.randn(2 * 3, 32, 4, 4)
    assert_close(part(clips)[3:], part(clips[3:]))


def test_attention_changes_a_feature_by_less_than_half():
    part = LongTermDifference(32, num_segments=3)
    x = torch.randn(6, 32, 4, 4)
    change = (part(x) - x).abs()
    assert (change <= 0.5 * x.abs() + 1e-6).all() and change.max() > 0
