"""Adaptive instance normalisation; Huang and Belongie 2017, eq. 8."""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def adain(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Give every channel of x a new standard deviation and mean: scale · (x − μ(x)) / σ(x) + shift.

    μ and σ are over all of T, H and W of a channel, so that differences between frames remain.

    Args:
        x: (B, C, T, H, W).
        scale: broadcastable to x, for example (B, C, T, 1, 1).
        shift: likewise.
    """
    return scale * F.instance_norm(x) + shift
