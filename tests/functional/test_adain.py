import torch
from torch.testing import assert_close

from lddm_aug.functional.adain import adain


def test_every_channel_takes_on_the_given_mean_and_spread():
    x = 5 + 3 * torch.randn(2, 4, 6, 16, 16)
    scale = torch.rand(2, 4, 1, 1, 1) + 0.5
    shift = torch.randn(2, 4, 1, 1, 1)
    std, mean = torch.std_mean(adain(x, scale, shift), dim=(2, 3, 4), correction=0)
    assert_close(mean, shift.flatten(1), atol=1e-4, rtol=0)
    assert_close(std, scale.flatten(1), atol=1e-4, rtol=0)


def test_differences_between_frames_remain():
    x = torch.randn(1, 1, 2, 8, 8)
    x[:, :, 1] += 10
    frames = adain(x, torch.ones(1), torch.zeros(1)).mean(dim=(3, 4)).flatten()
    assert frames[1] - frames[0] > 1.5
