"""Convolutions of clips, computed by two-dimensional kernels.

On CPUs PyTorch's Conv2d is several times as fast as its Conv3d for flat kernels, for few output
channels and, above all, for a single clip.  Clips in `torch.channels_last_3d` are faster still:
frames of a clip, and rows of its frames, are views of it, and the result has the same layout.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpaceConv3d(nn.Conv3d):
    """A 1×n×n convolution: of every frame, and once of channels that are equal in all frames.

    Args:
        size: n, odd.
    """

    def __init__(self, in_channels: int, out_channels: int, size: int = 3) -> None:
        super().__init__(in_channels, out_channels, (1, size, size),
                         padding=(0, size // 2, size // 2))

    def forward(self, x: Tensor, held: Tensor | None = None) -> Tensor:
        """(B, C, T, H, W), and (B, C', H, W) appended to every frame → (B, C'', T, H, W)."""
        frames = x.transpose(1, 2).flatten(0, 1)                  # (B · T, C, H, W)
        weight, padding = self.weight.squeeze(2), self.padding[1:]
        moving, same = weight.split([x.shape[1], weight.shape[1] - x.shape[1]], dim=1)
        out = F.conv2d(frames, moving, self.bias, padding=padding)
        out = out.unflatten(0, (len(x), -1)).transpose(1, 2)
        return out if held is None else out + F.conv2d(held, same, padding=padding).unsqueeze(2)


class TimeConv3d(nn.Conv3d):
    """A 3×1×1 convolution along time."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, (3, 1, 1), padding=(1, 0, 0))

    def forward(self, x: Tensor) -> Tensor:
        # by way of (B, T, H, W, C), which keeps the strides that show a kernel the layout
        rows = x.permute(0, 2, 3, 4, 1).flatten(2, 3).permute(0, 3, 1, 2)     # (B, C, T, H · W)
        out = F.conv2d(rows, self.weight.squeeze(4), self.bias, padding=(1, 0))
        return out.permute(0, 2, 3, 1).unflatten(2, x.shape[3:]).permute(0, 4, 1, 2, 3)


class FactorisedConv3d(nn.Sequential):
    """A 3×3×3 convolution as 1×3×3 in space, then 3×1×1 in time (Tran et al. 2018)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(SpaceConv3d(in_channels, out_channels),
                         TimeConv3d(out_channels, out_channels))

    def forward(self, x: Tensor, held: Tensor | None = None) -> Tensor:
        """As `SpaceConv3d.forward`."""
        space, time = self
        return time(space(x, held))


class FramewiseConv3d(nn.Conv3d):
    """A 3×3×3 convolution: the sum of three two-dimensional ones, shifted along time."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.transpose(1, 2).flatten(0, 1)                  # (B · T, C, H, W)
        weight = self.weight.permute(2, 0, 1, 3, 4).flatten(0, 1)  # (3 · C', C, 3, 3)
        parts = F.conv2d(frames, weight, padding=1).unflatten(0, (len(x), -1))
        before, here, after = parts.transpose(1, 2).chunk(3, dim=1)    # (B, C', T, H, W) each
        out = here if self.bias is None else here + self.bias.view(-1, 1, 1, 1)
        zero = torch.zeros_like(here[:, :, :1])
        return (out + torch.cat([zero, before[:, :, :-1]], dim=2)
                + torch.cat([after[:, :, 1:], zero], dim=2))
