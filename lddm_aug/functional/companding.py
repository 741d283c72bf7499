"""Values with heavy tails, brought nearer to a normal distribution, and back."""
from __future__ import annotations

import torch
from torch import Tensor

LINEAR = 0.5                                         # up to about here nothing is compressed
NORMAL_STD = 1.25377                                 # of asinh(x / LINEAR) for standard normal x


def compress(x: Tensor) -> Tensor:
    """asinh(x / 0.5), scaled so that a standard normal distribution keeps its variance."""
    return torch.asinh(x / LINEAR) / NORMAL_STD


def expand(x: Tensor) -> Tensor:
    """Undo `compress`."""
    return torch.sinh(x * NORMAL_STD) * LINEAR
