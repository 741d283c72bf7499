"""Change from frame to frame, in grey levels around middle grey."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def frame_differences(frames: Tensor, gain: float, channels: Sequence[int]) -> Tensor:
    """(B, T, C, H, W) grey levels → float32, these channels as 127.5 + gain · (x_t − x_{t − 1}).

    The first frame becomes the same as the second.
    """
    levels = frames.to(torch.float32, copy=True)
    chosen = levels[:, :, list(channels)]
    changes = 127.5 + gain * chosen.diff(dim=1)
    levels[:, :, list(channels)] = torch.cat([changes[:, :1], changes], dim=1)
    return levels
