from __future__ import annotations

import torch
from scipy.ndimage import gaussian_filter
from torch.testing import assert_close

from lddm_aug.functional.optical_flow import lucas_kanade
from lddm_aug.functional.warp import hold_still, warp


def speckle(size: int = 64) -> torch.Tensor:
    """(1, 1, size, size) texture in [−1, 1], as fine as ultrasound's."""
    noise = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(0))
    smooth = torch.from_numpy(gaussian_filter(noise.numpy(), (0, 0, 1.5, 1.5)))
    return (smooth / (3 * smooth.std())).clamp(-1, 1)


def squeeze(frames: int, size: int = 64) -> torch.Tensor:
    """(1, 2, frames, size, size) field of tissue under a probe: up to 4 pixels, more with depth."""
    depth = torch.linspace(0, 4, size).view(1, 1, 1, size, 1)
    pressure = torch.linspace(0, 1, frames).view(1, 1, frames, 1, 1)
    down = (depth * pressure).expand(1, 1, frames, size, size)
    return torch.cat([-0.5 * down, down], dim=1)


def test_it_finds_the_field_that_moved_the_still():
    still, field = speckle(), squeeze(4)
    found = lucas_kanade(still, warp(still, field))
    error = (found - field)[..., 8:-8, 8:-8].norm(dim=1)
    assert error.median() < 0.1 and error.quantile(0.95) < 0.5


def test_the_still_moved_by_it_is_much_nearer_to_the_clip():
    still, clip = speckle(), warp(speckle(), squeeze(4))
    moved = warp(still, lucas_kanade(still, clip))
    assert (moved - clip).square().mean() < 0.05 * (hold_still(still, 4) - clip).square().mean()


def test_where_nothing_moves_it_finds_nothing():
    still = speckle()
    assert_close(lucas_kanade(still, hold_still(still, 3)), torch.zeros(1, 2, 3, 64, 64))


def test_a_constant_image_moves_nowhere():
    found = lucas_kanade(torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 2, 16, 16))
    assert_close(found, torch.zeros_like(found))


def test_frames_are_independent():
    still, clip = speckle(), warp(speckle(), squeeze(4))
    assert_close(lucas_kanade(still, clip)[:, :, 2:3], lucas_kanade(still, clip[:, :, 2:3]))
