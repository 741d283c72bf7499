from __future__ import annotations

import torch
from torch.testing import assert_close

from lddm_aug.networks.grain import Grain


def moving_average(white: torch.Tensor) -> torch.Tensor:
    """(B, 1, T, H, W) noise in which a pixel goes with its right neighbour: correlation 0.5."""
    return (white + white.roll(1, dims=4)) / 2 ** 0.5


def correlation(noise: torch.Tensor, shift: int, axis: int) -> float:
    return float((noise * noise.roll(shift, dims=axis)).mean() / noise.square().mean())


def shown_noise() -> Grain:
    grain, clip = Grain(1, 5, 8), torch.randn(4, 1, 5, 8, 8)
    grain.follow(clip, torch.zeros_like(clip), torch.ones(4, 1, 5, 8, 8))
    return grain


def test_it_draws_what_the_rebuilt_clips_lack():
    """They lack half of the power, and all of the correlation of neighbours."""
    torch.manual_seed(0)
    grain, scale = Grain(1, 33, 16), torch.full((16, 1, 33, 16, 16), 0.2)
    for _ in range(200):
        white = torch.randn(16, 1, 33, 16, 16)
        grain.follow(white + moving_average(torch.randn_like(white)), white, scale)
    drawn = grain(scale, range(16))[:, :, 1:]
    assert_close(drawn.std(), torch.tensor(1.), rtol=0.05, atol=0)
    assert abs(correlation(drawn, 1, 4) - 0.5) < 0.05
    assert abs(correlation(drawn, 2, 4)) < 0.05
    assert abs(correlation(drawn, 1, 3)) < 0.05
    assert abs(correlation(drawn, 1, 2)) < 0.05


def test_what_a_sharp_clip_lacks_is_motion_and_no_noise_stands_in_for_it():
    """It is held where the truth moves on: the changes differ, the frames' texture doesn't."""
    grain, frame = Grain(1, 5, 8), torch.randn(4, 1, 1, 8, 8)
    moving = torch.cat([frame.roll(step, dims=4) for step in range(5)], dim=2)
    grain.gain.fill_(0)
    for _ in range(300):
        grain.follow(moving, frame.expand_as(moving), torch.ones(4, 1, 5, 8, 8))
    assert grain.gain < 0.25                         # 0.96 where changes alone decided


def test_clips_that_lack_nothing_get_nothing():
    grain, clip = Grain(1, 5, 8), torch.randn(4, 1, 5, 8, 8)
    grain.follow(clip, 2 * clip, torch.ones(4, 1, 5, 8, 8))
    assert not grain(torch.ones(2, 1, 5, 8, 8), [1, 2]).any()


def test_a_few_places_of_large_change_bring_the_others_no_noise():
    """One of 64 places changes thirty times as much as the others, which lack half."""
    torch.manual_seed(0)
    grain, size = Grain(1, 17, 8), torch.ones(1, 1, 1, 8, 8)
    size[..., 0, 0] = 30
    for _ in range(300):
        noise, more = torch.randn(2, 16, 1, 17, 8, 8)
        grain.follow(size * (noise + more), size * noise, torch.ones(16, 1, 17, 8, 8))
    drawn = grain(torch.ones(16, 1, 17, 8, 8), range(16))[:, :, 1:]
    # what 63 places lack is 1; the mean over places is 1.45, the root of the mean square 3.88
    assert 0.9 < drawn.std() < 1.6


def test_nothing_of_it_stands_still():
    noise = shown_noise()(torch.ones(2, 1, 5, 8, 8), [1, 2])
    assert noise.any()
    assert_close(noise.mean(dim=2), torch.zeros(2, 1, 8, 8), rtol=0, atol=1e-6)


def test_frame_0_has_none_and_elsewhere_the_scale_says_how_much():
    scale = torch.ones(2, 1, 5, 8, 8)
    scale[..., 4:] = 10
    noise = shown_noise()(scale, [1, 2])
    assert not noise[:, :, 0].any()
    ratio = noise[:, :, 1:, :, 4:].std() / noise[:, :, 1:, :, :4].std()
    assert 8 < ratio < 12.5


def test_the_seed_decides_and_nothing_else():
    grain, scale = shown_noise(), torch.ones(2, 1, 5, 8, 8)
    together = grain(scale, [7, 8])
    assert torch.equal(together[1:], grain(scale[:1], [8]))
    assert not torch.equal(together[0], together[1])
