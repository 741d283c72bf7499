from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch.testing import assert_close

from lddm_aug.networks.grain import Grain, balance, change, detail


def moving_average(white: torch.Tensor) -> torch.Tensor:
    """(B, 1, T, H, W) noise in which neighbours in a row have the correlation 0.5."""
    return (white + white.roll(1, dims=4)) / 2 ** 0.5


def correlation(noise: torch.Tensor, shift: int, axis: int) -> float:
    return float((noise * noise.roll(shift, dims=axis)).mean() / noise.square().mean())


def update_statistics(grain: Grain, real: torch.Tensor, made: torch.Tensor) -> None:
    """Update from a decoder that blurs nothing and expects the same error everywhere."""
    grain.update_statistics(real, made, made, torch.ones_like(real))


def noise(grain: Grain, scale: torch.Tensor, seeds: Sequence[int]) -> torch.Tensor:
    nothing = torch.zeros_like(scale)
    return grain(nothing, nothing, scale, seeds)


def trained_on_noise() -> Grain:
    grain, clip = Grain(1, 5, 8), torch.randn(4, 1, 5, 8, 8)
    update_statistics(grain, clip, torch.zeros_like(clip))
    return grain


def test_it_draws_the_power_that_reconstructed_clips_lack():
    """They lack half of the power, and all of the correlation of neighbours."""
    torch.manual_seed(0)
    grain, scale = Grain(1, 33, 16), torch.full((16, 1, 33, 16, 16), 0.2)
    for _ in range(200):
        white = torch.randn(16, 1, 33, 16, 16)
        real = white + moving_average(torch.randn_like(white))
        grain.update_statistics(real, white, white, scale)
    drawn = noise(grain, scale, range(16))[:, :, 1:]
    assert_close(drawn.std(), torch.tensor(1.), rtol=0.05, atol=0)
    assert abs(correlation(drawn, 1, 4) - 0.5) < 0.05
    assert abs(correlation(drawn, 2, 4)) < 0.05
    assert abs(correlation(drawn, 1, 3)) < 0.05
    assert abs(correlation(drawn, 1, 2)) < 0.05


def test_noise_does_not_replace_the_motion_that_a_sharp_clip_lacks():
    """The clip is static and the real one moves: changes differ, the frames' texture doesn't."""
    grain, frame = Grain(1, 5, 8), torch.randn(4, 1, 1, 8, 8)
    moving = torch.cat([frame.roll(step, dims=4) for step in range(5)], dim=2)
    grain.gain.fill_(0)
    for _ in range(300):
        update_statistics(grain, moving, frame.expand_as(moving))
    assert grain.gain < 0.25                         # 0.96 if changes alone determined it


def test_clips_that_lack_nothing_get_nothing():
    grain, clip = Grain(1, 5, 8), torch.randn(4, 1, 5, 8, 8)
    update_statistics(grain, clip, 2 * clip)
    assert not noise(grain, torch.ones(2, 1, 5, 8, 8), [1, 2]).any()


def test_a_few_places_of_large_change_add_no_noise_to_the_others():
    """One of 64 places changes thirty times as much as the others, which lack half."""
    torch.manual_seed(0)
    grain, size = Grain(1, 17, 8), torch.ones(1, 1, 1, 8, 8)
    size[..., 0, 0] = 30
    for _ in range(300):
        some, more = torch.randn(2, 16, 1, 17, 8, 8)
        update_statistics(grain, size * (some + more), size * some)
    drawn = noise(grain, torch.ones(16, 1, 17, 8, 8), range(16))[:, :, 1:]
    # what 63 places lack is 1; the mean over places is 1.45, the root of the mean square 3.88
    assert 0.9 < drawn.std() < 1.6


def test_texture_that_real_clips_keep_is_kept_and_what_they_replace_is_drawn():
    """Six tenths of the still's texture remain in real clips; the decoder blurs all of it."""
    torch.manual_seed(0)
    grain, scale = Grain(1, 17, 16), torch.ones(16, 1, 17, 16, 16)
    for _ in range(400):
        sharp = torch.randn(16, 1, 1, 16, 16).expand_as(scale)
        real = 0.6 * sharp + 0.8 * torch.randn(16, 1, 17, 16, 16)
        grain.update_statistics(real, torch.zeros_like(sharp), sharp, scale)
    assert_close(grain.softness, torch.tensor(0.4), rtol=0, atol=0.05)
    finished = grain(torch.zeros_like(sharp), sharp, scale, range(16))[:, :, 1:]
    for measure in (change, detail):
        assert_close(measure(finished), measure(real[:, :, 1:]), rtol=0.1, atol=0)


def test_the_decoder_s_blur_remains_where_real_clips_are_as_soft():
    """The softness rises from 0, although noise could also compensate a part."""
    torch.manual_seed(0)
    grain, scale = Grain(1, 9, 16), torch.ones(8, 1, 9, 16, 16)
    grain.softness.fill_(0)
    for _ in range(300):
        soft = moving_average(moving_average(torch.randn(8, 1, 9, 16, 16)))
        sharp = soft + torch.randn(8, 1, 1, 16, 16)
        grain.update_statistics(soft, soft, sharp, scale)
    assert grain.softness > 0.8                      # the nearer, the smaller its steps
    left = grain(soft, sharp, scale, range(8)) - soft
    assert left[:, :, 1:].std() < 0.2                # of 1 when nothing is blurred


@pytest.mark.parametrize('softness, gain', [(0.2, 0.5), (0.9, 0.), (0., 1.)])
def test_the_balance_recovers_softness_and_gain(softness, gain):
    now, slope, drawn = torch.tensor([0.4, 0.4]), torch.tensor([-0.3, -5.]), torch.tensor([2., 7.])
    lacking = slope * (softness - now) + gain ** 2 * drawn
    found = balance(now[0], lacking, slope, drawn)
    assert_close(torch.stack(found), torch.tensor([softness, gain]), rtol=0, atol=1e-3)


def test_where_noise_would_be_negative_detail_alone_determines_the_softness():
    sharp, slope, drawn = torch.tensor([2., 1.5]), torch.tensor([-.5, -1.]), torch.ones(2)
    softness, gain = balance(torch.tensor(0.), torch.ones(2) - sharp, slope, drawn)
    assert_close(torch.stack([softness, gain]), torch.tensor([0.5, 0.]))


def test_where_no_softness_is_enough_the_measure_that_lacks_less_determines_the_gain():
    slope, drawn = torch.tensor([-0.1, -1.]), torch.tensor([1., 1.])
    softness, gain = balance(torch.tensor(0.), torch.tensor([0.25, 0.9]), slope, drawn)
    assert_close(torch.stack([softness, gain]), torch.tensor([0., 0.5]))


@pytest.mark.parametrize('lacking', [0., 0.25])
def test_where_nothing_is_blurred_the_softness_stays(lacking):
    softness, gain = balance(torch.tensor(0.3), torch.full((2,), lacking), torch.zeros(2),
                             torch.ones(2))
    assert_close(torch.stack([softness, gain]), torch.tensor([0.3, lacking ** 0.5]))


def test_no_part_of_the_noise_is_constant_in_time():
    drawn = noise(trained_on_noise(), torch.ones(2, 1, 5, 8, 8), [1, 2])
    assert drawn.any()
    assert_close(drawn.mean(dim=2), torch.zeros(2, 1, 8, 8), rtol=0, atol=1e-6)


def test_frame_0_has_no_noise_and_elsewhere_it_is_proportional_to_the_scale():
    scale = torch.ones(2, 1, 5, 8, 8)
    scale[..., 4:] = 10
    drawn = noise(trained_on_noise(), scale, [1, 2])
    assert not drawn[:, :, 0].any()
    ratio = drawn[:, :, 1:, :, 4:].std() / drawn[:, :, 1:, :, :4].std()
    assert 8 < ratio < 12.5


def test_noise_depends_on_the_seed_alone():
    grain, scale = trained_on_noise(), torch.ones(2, 1, 5, 8, 8)
    together = noise(grain, scale, [7, 8])
    assert torch.equal(together[1:], noise(grain, scale[:1], [8]))
    assert not torch.equal(together[0], together[1])


def test_the_noise_of_a_longer_clip_begins_as_usual_and_stays_as_large():
    grain, seeds = trained_on_noise(), list(range(200))
    usual, longer = (noise(grain, torch.ones(200, 1, frames, 8, 8), seeds) for frames in (5, 21))
    assert torch.equal(longer[:, :, :3], usual[:, :, :3])          # then it fades into the next
    spread = longer[:, :, 1:].std(dim=(0, 1, 3, 4))
    assert_close(spread, usual[:, :, 1:].std().expand(20), rtol=0.1, atol=0)


def test_statistics_are_of_clips_of_one_length():
    longer = torch.zeros(1, 1, 9, 8, 8)
    with pytest.raises(ValueError, match=r'Grain: .*\(1, 5, 8, 8\), .*grain in the config'):
        update_statistics(trained_on_noise(), longer, longer)


@pytest.mark.parametrize('shape', [(1, 5, 16, 16), (1, 3, 8, 8), (3, 5, 8, 8)])
def test_clips_of_another_shape_are_refused(shape):
    clip = torch.zeros(1, *shape)
    for call in (lambda: update_statistics(trained_on_noise(), clip, clip),
                 lambda: noise(trained_on_noise(), clip, [1])):
        with pytest.raises(ValueError, match=r'Grain: .*\(1, 5, 8, 8\), .*grain in the config'):
            call()
