"""Discriminators between real and reconstructed frames and motion, and their losses."""
from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm


class FrameDiscriminator(nn.Module):
    """(N, C, H, W) frames → (N, 1, H/8, W/8) scores of patches; PatchGAN of Isola et al. 2017."""

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)),
                       nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def forward(self, frames: Tensor, features: list[Tensor] | None = None) -> Tensor:
        return _scores(self.layers, frames, features)


class MotionDiscriminator(nn.Module):
    """(B, C, T, H, W) clips → (B, 1, T/4, H/8, W/8) scores of patches in space and time.

    Its input has every frame and, as extra channels, the difference from the frame before.
    """

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        widths = [2 * channels, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for before, after, stride in zip(widths[:-1], widths[1:], (1, 2, 2), strict=True):
            layers += [spectral_norm(nn.Conv3d(before, after, (3, 4, 4), (stride, 2, 2), 1)),
                       nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv3d(widths[-1], 1, 3, padding=1)))

    def forward(self, clip: Tensor, features: list[Tensor] | None = None) -> Tensor:
        change = F.pad(clip.diff(dim=2), (0, 0, 0, 0, 1, 0))
        return _scores(self.layers, torch.cat([clip, change], dim=1), features)


def _scores(layers: nn.Sequential, x: Tensor, features: list[Tensor] | None) -> Tensor:
    """Output of the last layer; outputs of the leaky ReLUs are appended to `features`."""
    for layer in layers:
        x = layer(x)
        if features is not None and isinstance(layer, nn.LeakyReLU):
            features.append(x)
    return x


def hinge_losses(discriminator: nn.Module, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of the discriminator, and loss of the generator of `made`.

    Lim and Ye 2017: E max(0, 1 − D(real)) + E max(0, 1 + D(made)), and −E D(made).  The gradient of
    the first reaches the discriminator alone, that of the second `made` alone.  One backward pass
    and one optimizer therefore train both.
    """
    loss_discriminator = F.relu(1 - discriminator(real)).mean() + F.relu(
        1 + discriminator(made.detach())).mean()
    loss_generator = -functional_call(discriminator, _frozen(discriminator), (made,)).mean()
    return loss_discriminator, loss_generator


def feature_matching(discriminator: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    """L1 distance between the discriminator's features of `made` and of `real`, mean over layers.

    Wang et al. 2018, eq. 4.  The gradient reaches `made` alone.
    """
    ours: list[Tensor] = []
    theirs: list[Tensor] = []
    functional_call(discriminator, _frozen(discriminator), (made, ours))
    with torch.no_grad():
        discriminator(real, theirs)
    return torch.stack([F.l1_loss(x, y) for x, y in zip(ours, theirs, strict=True)]).mean()


def gradient_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """E ‖∇ D(x)‖² over real x; Mescheder et al. 2018, eq. 9, with D the mean over patches.

    The gradient reaches the discriminator alone.
    """
    real = real.detach().requires_grad_()
    slope, = torch.autograd.grad(discriminator(real).mean(), real, create_graph=True)
    return slope.square().flatten(1).sum(dim=1).mean()


def _frozen(discriminator: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach() for name, weight in discriminator.named_parameters()}
