"""Detail of frames."""
from __future__ import annotations

from torch import Tensor


def laplacian(frames: Tensor) -> Tensor:
    """(B, C, T, H, W) → (B, C, T, H − 2, W − 2) sum of the second differences along H and W."""
    return frames[..., 1:-1, :].diff(n=2, dim=4) + frames[..., 1:-1].diff(n=2, dim=3)
