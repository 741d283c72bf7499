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


def test_short_term_motion_is_what_comes_later_less_what_was_before():
    part = ShortTermDifference(2).eval()
    part.conv.weight.data.zero_()
    part.conv.weight.data[0, 0, 3, 3] = 1            # red, from the first frame to the second,
    part.conv.weight.data[1, -1, 3, 3] = 1           # and blue, from the fourth to the last
    window = torch.zeros(1, 5, 3, 32, 32)
    window[:, 1:, 0] = 0.5                           # red comes
    window[:, 4:, 2] = -0.25                         # and blue goes, which ReLU cuts off
    assert_close(part(window)[0, :, 1, 1], torch.tensor([0.5, 0.]), rtol=1e-4, atol=1e-4)
    window[:, 4:, 2] = 0.25
    assert_close(part(window)[0, :, 1, 1], torch.tensor([0.5, 0.25]), rtol=1e-4, atol=1e-4)


def test_short_term_motion_has_an_eighth_of_the_size():
    assert ShortTermDifference(8)(torch.rand(2, 5, 3, 64, 96)).shape == (2, 8, 8, 12)


def test_where_segments_are_the_same_nothing_is_attended():
    part = LongTermDifference(32, num_segments=3).eval()
    torch.nn.init.dirac_(part.align.weight, groups=2)      # compare a place with the same place
    x = torch.rand(1, 32, 4, 4).expand(3, -1, -1, -1)
    assert_close(part(x), x)


def test_attention_uses_the_differences_from_the_next_and_the_previous_segment():
    """y = x + x · ½ (a(x_t+1 − x_t) + a(x_t−1 − x_t)), of three segments the last another one."""
    torch.manual_seed(0)
    part = LongTermDifference(32, num_segments=3).eval()
    torch.nn.init.dirac_(part.align.weight, groups=2)
    same, other = torch.randn(2, 1, 32, 4, 4)
    reduced, of_other = (part.bn_squeeze(part.squeeze(each)) for each in (same, other))
    ahead, back = part.attend(of_other - reduced), part.attend(reduced - of_other)
    expected = torch.cat([same, same * (1 + ahead / 2), other * (1 + back / 2)])
    assert_close(part(torch.cat([same, same, other])), expected)


def test_clips_of_a_batch_are_independent():
    part = LongTermDifference(32, num_segments=3).eval()
    clips = torch.randn(2 * 3, 32, 4, 4)
    assert_close(part(clips)[3:], part(clips[3:]))


def test_attention_changes_a_feature_by_less_than_half():
    part = LongTermDifference(32, num_segments=3)
    x = torch.randn(6, 32, 4, 4)
    change = (part(x) - x).abs()
    assert (change <= 0.5 * x.abs() + 1e-6).all() and change.max() > 0
