from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from lddm_aug.networks.discriminators import (
    FrameDiscriminator,
    MotionDiscriminator,
    feature_matching,
    gradient_penalty,
    hinge_losses,
)


class Linear(torch.nn.Module):
    """D(x) = w · x, whose losses can be worked out by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(2.))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.w * x


def test_hinge_losses_are_those_of_lim_and_ye():
    real, made = torch.tensor([0.25, 3.]), torch.tensor([-1., 0.5])
    loss_discriminator, loss_generator = hinge_losses(Linear(), real, made)
    assert_close(loss_discriminator, torch.tensor((0.5 + 0.) / 2 + (0. + 2.) / 2))
    assert_close(loss_generator, torch.tensor(-(-2. + 1.) / 2))


def test_each_side_learns_from_its_own_loss_alone():
    discriminator, made = Linear(), torch.tensor([0.1, 0.2], requires_grad=True)
    loss_discriminator, loss_generator = hinge_losses(discriminator, torch.tensor([0.3, 0.4]), made)
    assert torch.autograd.grad(loss_discriminator, made, allow_unused=True,
                               retain_graph=True) == (None,)
    assert torch.autograd.grad(loss_generator, discriminator.w, allow_unused=True,
                               retain_graph=True) == (None,)
    # d/dw of (1 − 0.3w) + (1 − 0.4w), halved, and of (1 + 0.1w) + (1 + 0.2w), halved
    assert_close(torch.autograd.grad(loss_discriminator, discriminator.w)[0],
                 torch.tensor(-0.35 + 0.15))
    assert_close(torch.autograd.grad(loss_generator, made)[0], torch.tensor([-1., -1.]))


def test_the_gradient_penalty_is_the_squared_slope_of_the_mean_score():
    discriminator = Linear()
    penalty = gradient_penalty(discriminator, torch.randn(3, 4))     # mean of 12: slope w / 12
    assert_close(penalty, torch.tensor(4 * (2 / 12) ** 2))
    assert_close(torch.autograd.grad(penalty, discriminator.w)[0], torch.tensor(8 * 2 / 144))


def test_features_match_where_clips_do_and_pull_the_made_clip_alone():
    torch.manual_seed(0)
    discriminator = MotionDiscriminator(1, 8).eval()
    real, made = torch.randn(2, 2, 1, 4, 16, 16).unbind()
    made.requires_grad_()
    distance = feature_matching(discriminator, real, made)
    ours: list[torch.Tensor] = []
    theirs: list[torch.Tensor] = []
    discriminator(made, ours), discriminator(real, theirs)
    assert len(ours) == 3
    assert_close(distance, sum((x - y).abs().mean() for x, y in zip(ours, theirs, strict=True)) / 3)
    distance.backward()
    assert made.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in discriminator.parameters())
    assert feature_matching(discriminator, real, real) == 0


def test_motion_is_seen_beside_every_frame():
    """Its first layer sees each frame, and its difference from the one before."""
    discriminator, seen = MotionDiscriminator(2, 8), []
    discriminator.layers[0].register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    clip = torch.randn(1, 2, 4, 16, 16)
    discriminator(clip)
    before = torch.cat([clip[:, :, :1], clip[:, :, :-1]], dim=2)
    assert_close(seen[0], torch.cat([clip, clip - before], dim=1))


@pytest.mark.parametrize('kind, real', [
    (FrameDiscriminator, torch.ones(8, 1, 32, 32) * torch.linspace(-1, 1, 32)),
    (MotionDiscriminator, torch.linspace(-1, 1, 8).view(1, 1, 8, 1, 1).expand(8, 1, 8, 32, 32))])
def test_it_learns_to_tell_noise_from_a_ramp(kind, real):
    torch.manual_seed(0)
    discriminator, made = kind(1, 8), 0.5 * torch.randn(real.shape)
    optimizer = torch.optim.Adam(discriminator.parameters(), 0.01)
    for _ in range(30):
        optimizer.zero_grad()
        hinge_losses(discriminator, real, made)[0].backward()
        optimizer.step()
    assert discriminator(real).mean() > discriminator(made).mean() + 0.5
