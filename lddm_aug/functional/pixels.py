"""Grey levels on disk ↔ the range that networks see."""
from __future__ import annotations

import torch
from torch import Tensor


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 grey levels 0…255 → float in [−1, 1], any shape."""
    return pixels.float() / 127.5 - 1


def to_uint8(image: Tensor) -> Tensor:
    """Float in [−1, 1] → the nearest uint8 grey level; what lies outside is clipped."""
    return ((image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
