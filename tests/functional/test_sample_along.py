import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from torchvision.extension import _has_ops
from torchvision.ops import deform_conv2d

import lddm_aug  # noqa: F401  lets torchvision be imported
from lddm_aug.functional.sample_along import sample_along

HEIGHT, WIDTH = 2, 3                                 # axes of (B, C, H, W)


@pytest.fixture
def case():
    """(B, C, H, W) values and offsets that lead several places away, also outside."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, 5, 7, generator=random, requires_grad=True)
    offset = (3 * torch.randn(2, 6, 5, 7, generator=random)).requires_grad_()
    return x, offset


def by_grid_sample(x, offset, axis):
    """Each channel as an image of its own, read by PyTorch's own sampler."""
    height, width = x.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    y = rows + (offset if axis == HEIGHT else 0) * torch.ones_like(offset)
    x_place = columns + (offset if axis == WIDTH else 0) * torch.ones_like(offset)
    grid = torch.stack([2 * x_place / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    sampled = F.grid_sample(x.flatten(0, 1)[:, None], grid.flatten(0, 1), align_corners=True)
    return sampled[:, 0].view_as(x)


def assert_same(ours, theirs, *leaves):
    """Values and gradients agree to 1e-5."""
    assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    weights = torch.rand(ours.shape, generator=torch.Generator().manual_seed(1))
    for ours_grad, theirs_grad in zip(torch.autograd.grad((ours * weights).sum(), leaves),
                                      torch.autograd.grad((theirs * weights).sum(), leaves),
                                      strict=True):
        assert_close(ours_grad, theirs_grad, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('axis', [HEIGHT, WIDTH])
def test_values_and_gradients_are_those_of_grid_sample(case, axis):
    x, offset = case
    assert_same(sample_along(x, offset, axis), by_grid_sample(x, offset, axis), x, offset)


@pytest.mark.skipif(not _has_ops(), reason='this torchvision has no compiled operators')
@pytest.mark.parametrize('axis', [HEIGHT, WIDTH])
def test_values_and_gradients_are_those_of_a_deformable_1x1_convolution(case, axis):
    x, offset = case
    weight = torch.randn(4, 6, 1, 1, requires_grad=True)
    bias = torch.randn(4, requires_grad=True)
    none = torch.zeros_like(offset)
    pair = (offset, none) if axis == HEIGHT else (none, offset)          # (y, x) per channel
    theirs = deform_conv2d(x, torch.stack(pair, dim=2).flatten(1, 2), weight, bias)
    ours = F.conv2d(sample_along(x, offset, axis), weight, bias)
    assert_same(ours, theirs, x, offset, weight, bias)


def test_no_offset_returns_the_values_and_one_step_the_neighbours():
    x = torch.rand(3, 8, 2)
    assert_close(sample_along(x, torch.zeros(1), 1), x)
    assert_close(sample_along(x, torch.ones(3, 8, 1), 1)[:, :-1], x[:, 1:])
    assert (sample_along(x, torch.ones(3, 8, 1), 1)[:, -1] == 0).all()


def test_half_precision_offsets_lose_no_place():
    x = torch.arange(2000.).half()                   # beyond 2048 half precision skips numbers
    offset = torch.full((2000,), 0.25).half()
    moved = sample_along(x.float(), offset, 0)
    assert_close(moved[:-1], torch.arange(1999.) + 0.25)


def test_a_nan_offset_gives_nan():
    assert sample_along(torch.rand(4), torch.tensor([0., float('nan'), 0., 0.]), 0)[1].isnan()
