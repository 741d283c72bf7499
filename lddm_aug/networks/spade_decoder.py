"""Video decoder of the paper's baseline (Dorkenwald et al. 2021), with 3D convolutions."""
from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lddm_aug.functional.adain import adain

WIDTHS = (16, 16, 16, 8, 4, 2, 1)                    # of each block's input and the last's output
TIME_SCALES = (2, 2, 2, 2, 1)                        # between the blocks; space is always doubled
SPADE_WIDTH = 128
GROUPS = 16                                          # of a norm, where they divide its channels


class SpadeBlock(nn.Module):
    """One scale, modulated pixel by pixel by the still, then in all pixels by the latent.

    A residual block of SPADE (Park et al. 2019, over group norm), a convolution, AdaIN (Huang and
    Belongie 2017) and a convolution.  The convolutions' spectral norm is 1 (Miyato et al. 2018).
    """

    def __init__(self, in_channels: int, out_channels: int, still_channels: int,
                 latent_channels: int) -> None:
        super().__init__()
        groups = math.gcd(GROUPS, in_channels)
        self.normalised = nn.GroupNorm(groups, in_channels, affine=False)
        self.from_still = nn.Sequential(
            nn.Conv2d(still_channels, SPADE_WIDTH, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(SPADE_WIDTH, 2 * in_channels, 3, padding=1))
        for part in self.from_still:                                  # SPADE begins with 1 and 0
            if isinstance(part, nn.Conv2d):
                nn.init.xavier_uniform_(part.weight, gain=0.02)
                nn.init.zeros_(part.bias)                             # type: ignore[arg-type]
        self.from_latent = nn.Linear(latent_channels, 2 * out_channels)
        with torch.no_grad():                                         # and so does AdaIN
            self.from_latent.bias[:out_channels] += 1
        self.conv1 = spectral_norm(nn.Conv3d(in_channels, out_channels, 3, padding=1))
        self.conv2 = spectral_norm(nn.Conv3d(out_channels, out_channels, 3, padding=1))
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.GroupNorm(groups, in_channels),
                spectral_norm(nn.Conv3d(in_channels, out_channels, 1, bias=False)))

    def forward(self, x: Tensor, still: Tensor, latent: Tensor) -> Tensor:
        """(B, C, T', H', W'), (B, C₀, H, W) still, (B, Cz) latent → (B, C', T', H', W')."""
        small = F.interpolate(still, size=x.shape[3:], mode='bilinear', align_corners=True)
        scale, shift = self.from_still(small).unsqueeze(2).chunk(2, dim=1)
        out = self.conv1(F.leaky_relu(self.normalised(x) * (1 + scale) + shift, 0.2))
        scale, shift = self.from_latent(latent)[..., None, None, None].chunk(2, dim=1)
        out = self.conv2(F.leaky_relu(adain(out, scale, shift), 0.2))
        return self.shortcut(x) + out


class SpadeDecoder(nn.Module):
    """(B, C, H, W) still and (B, Cz, 1, 1, 1) latent → (B, C, T, H, W) clip; frame 0 is the still.

    At 128 × 128 pixels and width 32 it has the published 40,868,003 parameters and costs
    137.4 GFLOP.

    Args:
        channels: C.
        latent_channels: Cz.
        num_frames: T, a multiple of 16.
        size: H and W, a multiple of 32 from 64 on.
        width: channels of the last block; the first has 16 times as many.

    Raises:
        ValueError: if num_frames is no multiple of 16, or size none of 32 or below 64.
    """

    def __init__(self, channels: int, latent_channels: int, num_frames: int, size: int,
                 width: int = 32) -> None:
        super().__init__()
        if num_frames % 16 or size % 32 or num_frames < 16 or size < 64:
            raise ValueError('SpadeDecoder: makes clips of a multiple of 16 frames and of 32 '
                             f'pixels, 64 or more, but got {num_frames} frames of {size} pixels')
        widths = [times * width for times in WIDTHS]
        self.start = (widths[0], num_frames // 16, size // 32, size // 32)
        self.from_latent = nn.Linear(latent_channels, torch.Size(self.start).numel())
        self.blocks = nn.ModuleList([SpadeBlock(before, after, channels, latent_channels)
                                     for before, after in pairwise(widths)])
        self.to_output = nn.Conv3d(width, channels, 3, padding=1)

    def forward(self, still: Tensor, latent: Tensor) -> Tensor:
        latent = latent.flatten(1)
        x = self.from_latent(latent).unflatten(1, self.start)
        x = self.blocks[0](x, still, latent)
        for block, time_scale in zip(self.blocks[1:], TIME_SCALES, strict=True):
            x = F.interpolate(x, scale_factor=(time_scale, 2, 2), mode='nearest')
            x = block(x, still, latent)
        painted = self.to_output(F.leaky_relu(x, 0.2)).tanh()
        return torch.cat([still.unsqueeze(2), painted[:, :, 1:]], dim=2)
