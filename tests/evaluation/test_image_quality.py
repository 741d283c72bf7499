from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from lddm_aug.evaluation.image_quality import (
    LPIPSDistance,
    VGGDistance,
    clip_distance,
    clip_psnr,
    clip_ssim,
    later_frames,
)
from lddm_aug.files import sha256_of


def noise(*shape: int) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_psnr_is_skimages_over_the_frames_that_were_not_given():
    ours, theirs = noise(2, 3, 1, 4, 16, 16)
    expected = [peak_signal_noise_ratio(b[:, 1:].numpy(), a[:, 1:].numpy(), data_range=255)
                for a, b in zip(ours, theirs, strict=True)]
    assert clip_psnr(ours, theirs) == pytest.approx(np.array(expected), abs=1e-4)


def test_ssim_is_its_definition_on_flat_frames_and_1_on_equal_ones():
    flat = torch.tensor([50, 200], dtype=torch.uint8).view(2, 1, 1, 1, 1).expand(2, 1, 3, 16, 16)
    brightness = 0.01 * 255                          # Wang et al. 2004, eq. 13: no variance left
    expected = (2 * 50 * 200 + brightness ** 2) / (50 ** 2 + 200 ** 2 + brightness ** 2)
    assert clip_ssim(flat[:1], flat[1:]) == pytest.approx([expected])
    clip = noise(1, 3, 3, 16, 16)
    other = clip.clone()
    other[:, :, 0] = 0                               # the frame that was given
    assert clip_ssim(clip, other) == pytest.approx([1])


def test_ssim_is_its_definition_in_gaussian_windows_of_11_pixels():
    """Wang et al. 2004, eq. 13 to 16, without the border where no whole window fits."""
    ours, theirs = noise(2, 1, 1, 2, 32, 32)
    x, y = (clip[0, 0, 1].double().numpy() for clip in (ours, theirs))
    y = np.round(0.6 * x + 0.4 * y)                  # alike in part
    theirs[0, 0, 1] = torch.from_numpy(y)
    weights = np.exp(-np.arange(-5, 6) ** 2 / (2 * 1.5 ** 2))
    window = np.outer(weights, weights) / weights.sum() ** 2

    def local(values):
        return (np.lib.stride_tricks.sliding_window_view(values, (11, 11)) * window).sum((2, 3))

    mean_x, mean_y = local(x), local(y)
    covariance = local(x * y) - mean_x * mean_y
    variances = local(x * x) - mean_x ** 2 + local(y * y) - mean_y ** 2
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = ((2 * mean_x * mean_y + first) * (2 * covariance + second)
            / ((mean_x ** 2 + mean_y ** 2 + first) * (variances + second)))
    assert clip_ssim(ours, theirs) == pytest.approx([ssim.mean()], abs=1e-6)


def test_lpips_is_that_of_its_package_with_the_given_weights(make_lpips):
    package, path = make_lpips('alex')
    distance = LPIPSDistance(path)
    ours, theirs = torch.rand(2, 2, 1, 64, 64) * 2 - 1
    expected = package(ours.expand(-1, 3, -1, -1), theirs.expand(-1, 3, -1, -1)).flatten()
    torch.testing.assert_close(distance(ours, theirs), expected.detach())
    assert distance.provenance == dict(network='LPIPS (alex, v0.1)', sha256=sha256_of(path))


def test_a_clips_distance_is_the_mean_over_its_frames():
    class Brightness:
        name = sha256 = ''

        def __call__(self, ours: Tensor, theirs: Tensor) -> Tensor:
            return (ours - theirs).abs().mean(dim=(1, 2, 3)) * 127.5

    theirs = torch.zeros(1, 1, 5, 8, 8, dtype=torch.uint8)
    ours = torch.arange(5, dtype=torch.uint8).view(1, 1, 5, 1, 1).expand_as(theirs)
    assert clip_distance(Brightness(), ours, theirs) == pytest.approx([2.5])     # of 1, 2, 3, 4
    assert clip_distance(Brightness(), ours, theirs, frames=1) == pytest.approx([4])
    assert later_frames(16, 4) == [1, 6, 10, 15] and later_frames(4, 9) == [1, 2, 3]


def test_the_distance_without_linear_weights_says_so_and_grows_with_blur(vgg_path):
    distance = VGGDistance(vgg_path)
    assert distance.name == 'LPIPS-like (small_vgg, no linear weights)'
    sharp = torch.rand(1, 1, 32, 32) * 2 - 1
    blurs = [torch.nn.functional.avg_pool2d(sharp, k, 1, k // 2) for k in (1, 3, 5)]
    same, little, much = (float(distance(sharp, blurred)) for blurred in blurs)
    assert same == 0 and 0 < little < much


def test_what_lpips_cannot_take_is_refused(tmp_path):
    for state in ({'weight': torch.zeros(3)}, {'features.0.weight': torch.zeros(64, 3, 3, 3)}):
        torch.save(state, tmp_path / 'other.pth')
        with pytest.raises(ValueError, match=r"other.pth must be.* torchvision's vgg16 or alexnet"):
            LPIPSDistance(tmp_path / 'other.pth')
    torch.save({f'features.{n}.weight': torch.zeros(64, 3, 11, 11) for n in range(5)},
               tmp_path / 'other.pth')
    with pytest.raises(ValueError, match="torchvision's alex, but a weight is lacking or has"):
        LPIPSDistance(tmp_path / 'other.pth')
