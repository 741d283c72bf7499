"""Video encoder: a 3D ResNet-18 (Hara et al. 2018) that ends in a grid of latents."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lddm_aug.functional.optical_flow import lucas_kanade
from lddm_aug.functional.warp import warp

GROUPS = 8
PIXELS = 4.0                                         # typical displacement

# input channels, output channels and (t, h, w) stride → the shortcut of a residual block
Shortcut = Callable[[int, int, tuple[int, int, int]], nn.Module]


def plain_shortcut(in_channels: int, out_channels: int, stride: tuple[int, int, int]) -> nn.Module:
    """1 × 1 × 1 convolution without a norm."""
    return nn.Conv3d(in_channels, out_channels, 1, stride, bias=False)


class BasicBlock3d(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), with a projected x where the shape changes."""

    def __init__(self, in_channels: int, out_channels: int, stride: tuple[int, int, int],
                 groups: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(groups, out_channels)
        self.conv2 = nn.Conv3d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(groups, out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != (1, 1, 1) or in_channels != out_channels:
            self.shortcut = shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.shortcut(x) + self.norm2(self.conv2(out)))


def resnet_18(channels: int, widths: Sequence[int], time_strides: Sequence[int],
              space_strides: Sequence[int], groups: int, shortcut: Shortcut = plain_shortcut
              ) -> tuple[nn.Sequential, nn.Sequential]:
    """Stem and four stages of two blocks, with group norm.

    Args:
        channels: of the input.
        widths: channels of the stem and of each stage.
        time_strides: strides of the stem and of each stage along T.
        space_strides: likewise, along H and W.
        groups: of every norm.
        shortcut: builds the shortcut of a block that changes the shape.
    """
    strides = [(t, s, s) for t, s in zip(time_strides, space_strides, strict=True)]
    stem = nn.Sequential(
        nn.Conv3d(channels, widths[0], (3, 7, 7), strides[0], padding=(1, 3, 3), bias=False),
        nn.GroupNorm(groups, widths[0]), nn.ReLU())
    stages = nn.Sequential(*[
        nn.Sequential(BasicBlock3d(before, after, stride, groups, shortcut),
                      BasicBlock3d(after, after, (1, 1, 1), groups, shortcut))
        for before, after, stride in zip(widths[:-1], widths[1:], strides[1:], strict=True)])
    return stem, stages


class VideoEncoder(nn.Module):
    """(B, C, T, H, W) clip → mean and log variance of its (B, Cz, T/r_t, H/r_s, W/r_s) latent.

    The decoder has frame 0, so the latent only needs the changes.  The input is every frame, its
    optical flow from frame 0, and the residual of frame 0 warped by the flow.  Networks need
    thousands of steps to learn to match speckle; the method of Lucas and Kanade needs no training.
    A linear skip connection adds the flow's mean at each place to the latent.

    Args:
        channels: C of the clip.
        latent_channels: Cz.
        width: channels of the first stage; the next have 2, 4 and 4 times as many.
        time_strides: of the stem and the four stages; their product is r_t.
        space_strides: likewise; their product is r_s.

    Raises:
        ValueError: when called with clips whose T is no multiple of r_t, or H or W none of r_s.
    """

    def __init__(self, channels: int, latent_channels: int, width: int = 16,
                 time_strides: Sequence[int] = (1, 1, 2, 2, 1),
                 space_strides: Sequence[int] = (2, 1, 2, 2, 1)) -> None:
        super().__init__()
        widths = [width, width, 2 * width, 4 * width, 4 * width]
        self.stem, self.stages = resnet_18(2 * channels + 2, widths, time_strides, space_strides,
                                           GROUPS)
        self.to_latent = nn.Conv3d(widths[-1], 2 * latent_channels, 1)
        self.time_compression = math.prod(time_strides)
        self.space_compression = math.prod(space_strides)
        self.from_field = nn.Conv3d(2 * self.time_compression, latent_channels, 1, bias=False)

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        self._check(clip)
        field = lucas_kanade(clip[:, :, 0], clip)                 # (B, 2, T, H, W)
        residual = clip - warp(clip[:, :, 0], field)
        field = field / PIXELS
        features = self.stages(self.stem(torch.cat([clip, residual, field], dim=1)))
        mean, log_variance = self.to_latent(features).chunk(2, dim=1)
        return mean + self._skip(field, *mean.shape[3:]), log_variance.clamp(-20, 5)

    def _check(self, clip: Tensor) -> None:
        num_frames, height, width = clip.shape[2:]
        time, space = self.time_compression, self.space_compression
        if num_frames % time or height % space or width % space:
            raise ValueError(f'VideoEncoder: takes clips of a multiple of {time} frames and of '
                             f'{space} pixels, the products of its strides, but got {num_frames} '
                             f'frames of {height} × {width} pixels; change num_frames or size')

    def _skip(self, field: Tensor, height: int, width: int) -> Tensor:
        """(B, 2, T, H, W) field → its (B, Cz, T/r_t, height, width) addition to the latent."""
        means = F.adaptive_avg_pool3d(field, (field.shape[2], height, width))
        return self.from_field(fold_time(means, self.time_compression))


def fold_time(x: Tensor, factor: int) -> Tensor:
    """(B, C, T, h, w) → (B, C · factor, T / factor, h, w): neighbouring frames become channels."""
    return x.unflatten(2, (-1, factor)).transpose(2, 3).flatten(1, 2)


def unfold_time(x: Tensor, factor: int) -> Tensor:
    """(B, C · factor, t, h, w) → (B, C, t · factor, h, w), the inverse of `fold_time`."""
    return x.unflatten(1, (-1, factor)).transpose(2, 3).flatten(2, 3)
