"""Warping a still by a displacement field."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(still: Tensor, field: Tensor, outside: str = 'border') -> Tensor:
    """Warp a still into a clip: sample each frame's pixels from the still, bicubically.

    Bilinear sampling would blur the speckle at displacements of a fraction of a pixel.

    clip[:, :, t, y, x] = still[:, :, y + v, x + u], with (u, v) = field[:, :, t, y, x].

    Args:
        still: (B, C, H, W).
        field: (B, 2, T, H, W), (u, v) in pixels; u to the right, v downward.
        outside: what lies outside the still: its nearest `border` pixel, or its `reflection` at
            the outer edges.

    Returns:
        (B, C, T, H, W) clip.
    """
    batch, channels, height, width = still.shape
    num_frames = field.shape[2]
    rows = torch.arange(height, device=field.device, dtype=field.dtype)
    columns = torch.arange(width, device=field.device, dtype=field.dtype)
    x = columns + field[:, 0]                                     # (B, T, H, W)
    y = rows[:, None] + field[:, 1]
    # for grid_sample, −1 and 1 are the outer edges of the corner pixels
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    grid = grid.reshape(batch, num_frames * height, width, 2)     # all frames at once
    sampled = F.grid_sample(still, grid, mode='bicubic', padding_mode=outside,
                            align_corners=False)
    return sampled.reshape(batch, channels, num_frames, height, width)


def hold_still(still: Tensor, num_frames: int) -> Tensor:
    """(B, C, H, W) still → (B, C, T, H, W) clip in which nothing moves."""
    return still.unsqueeze(2).expand(-1, -1, num_frames, -1, -1)
