"""MMAction2's ColorJitter, without its hue, for clips on any device."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LUMA = (0.2989, 0.587, 0.114)                        # as MMAction2 has them; their sum isn't 1


def jitter_colour(frames: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor,
                  order: Sequence[int]) -> Tensor:
    """(B, T, 3, H, W) uint8 → the same, by factors of each clip, (B,) each.

    Contrast is around the mean grey level of a frame, saturation around that of a pixel.  Values
    are clipped and cut off, not rounded.

    Args:
        order: of the parts: 0 brightness, 1 contrast, 2 saturation.
    """
    b, c, s = (factor.to(frames.device, torch.float32).view(-1, 1, 1, 1, 1)
               for factor in (brightness, contrast, saturation))
    luma = torch.tensor(LUMA, device=frames.device).view(3, 1, 1)
    levels = frames.float()
    for part in order:
        if part == 0:
            levels = levels * b
        else:
            factor = c if part == 1 else s
            grey = (luma * levels).sum(dim=2, keepdim=True)            # (B, T, 1, H, W)
            around = grey.mean(dim=(3, 4), keepdim=True) if part == 1 else grey
            levels = factor * levels + (1 - factor) * around
    return levels.clamp(0, 255).to(torch.uint8)
