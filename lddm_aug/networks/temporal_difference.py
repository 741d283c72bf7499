"""The motion modules of TDN (Wang et al. 2021).

Frames of all clips lie in the batch: N clips of T segments are (N·T, C, H, W), clip by clip.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WINDOW = 5                                           # frames of a segment
SHIFT_SHARE = 8                                      # one channel in 8 shifts back, one ahead


class ShortTermDifference(nn.Module):
    """Features of motion within a segment: of the four differences of neighbouring frames.

    (B, 5, 3, H, W) windows → (B, width, H/8, W/8).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3 * (WINDOW - 1), width, 7, stride=2, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, windows: Tensor) -> Tensor:
        differences = (windows[:, 1:] - windows[:, :-1]).flatten(1, 2)     # (B, 12, H, W)
        motion = F.relu(self.bn(self.conv(F.avg_pool2d(differences, 2))))  # (B, width, H/4, W/4)
        return F.max_pool2d(motion, 3, stride=2, padding=1)


class LongTermDifference(nn.Module):
    """Attention by motion between segments, which reweights a feature map.

    y = x + x · ½ (a(x_t → x_t+1) + a(x_t → x_t−1)), where the attention a is in (−½, ½), computed
    from the difference between a segment and its neighbour at three scales.

    (N·T, C, H, W) → the same; H and W at least 2.
    """

    def __init__(self, channels: int, num_segments: int, reduction: int = 16) -> None:
        super().__init__()
        reduced = channels // reduction
        self.num_segments = num_segments
        self.squeeze = nn.Conv2d(channels, reduced, 1, bias=False)
        self.bn_squeeze = nn.BatchNorm2d(reduced)
        self.align = nn.Conv2d(reduced, reduced, 3, padding=1, groups=reduced, bias=False)
        self.coarse = nn.Conv2d(reduced, reduced, 3, padding=1, bias=False)
        self.bn_coarse = nn.BatchNorm2d(reduced)
        self.fine = nn.Conv2d(reduced, reduced, 3, padding=1, bias=False)
        self.bn_fine = nn.BatchNorm2d(reduced)
        self.expand = nn.Conv2d(reduced, channels, 1, bias=False)
        self.bn_expand = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.bn_squeeze(self.squeeze(x))
        here = reduced.unflatten(0, (-1, self.num_segments))               # (N, T, C/16, H, W)
        neighbour = self.align(reduced).unflatten(0, (-1, self.num_segments))
        # zero for the last segment, which has no next one, and for the first, which has none before
        ahead = F.pad(neighbour[:, 1:] - here[:, :-1], (0, 0, 0, 0, 0, 0, 0, 1))
        back = F.pad(neighbour[:, :-1] - here[:, 1:], (0, 0, 0, 0, 0, 0, 1, 0))
        attention = 0.5 * (self.attend(ahead.flatten(0, 1)) + self.attend(back.flatten(0, 1)))
        return x + x * attention

    def attend(self, difference: Tensor) -> Tensor:
        """(N·T, C/16, H, W) difference → (N·T, C, H, W) in (−½, ½)."""
        coarse = self.bn_coarse(self.coarse(F.avg_pool2d(difference, 2)))
        coarse = F.interpolate(coarse, difference.shape[2:])
        fine = self.bn_fine(self.fine(difference))
        return self.bn_expand(self.expand((difference + coarse + fine) / 3)).sigmoid() - 0.5


class LearnableShift(nn.Conv2d):
    """A depthwise convolution along the segments that starts as TSM's shift (Lin et al. 2019).

    (N·T, C, H, W) → the same; C a multiple of 8.
    """

    def __init__(self, channels: int, num_segments: int) -> None:
        super().__init__(channels, channels, (3, 1), padding=(1, 0), groups=channels, bias=False)
        self.num_segments = num_segments
        self.reset_to_shift()

    @torch.no_grad()
    def reset_to_shift(self) -> None:
        """Set the weights to TSM's shift."""
        share = self.out_channels // SHIFT_SHARE
        self.weight.zero_()                                                # (C, 1, 3, 1)
        self.weight[:share, :, 2] = 1                                      # from the next segment
        self.weight[share:2 * share, :, 0] = 1                             # from the one before
        self.weight[2 * share:, :, 1] = 1

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        clips = x.unflatten(0, (-1, self.num_segments)).flatten(3)         # (N, T, C, H·W)
        mixed = super().forward(clips.transpose(1, 2).contiguous())        # (N, C, T, H·W)
        return mixed.transpose(1, 2).reshape(-1, self.out_channels, height, width)
