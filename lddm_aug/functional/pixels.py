"""Conversion between grey levels on disk and the range and axes of networks' inputs."""
from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 grey levels 0…255 → float in [−1, 1], any shape."""
    return pixels.float() / 127.5 - 1


def to_uint8(image: Tensor) -> Tensor:
    """Float in [−1, 1] → the nearest uint8 grey level; values outside are clipped."""
    return ((image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def still_to_unit(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W) or (H, W, 3) uint8 still → (C, H, W) float in [−1, 1]."""
    still = torch.tensor(pixels)
    return to_unit(still.unsqueeze(0) if still.ndim == 2 else still.permute(2, 0, 1))


def clip_to_uint8(clip: Tensor) -> NDArray[np.uint8]:
    """(C, T, H, W) clip in [−1, 1] → (T, H, W) uint8, or (T, H, W, 3) for three channels."""
    frames = to_uint8(clip).permute(1, 2, 3, 0).contiguous().cpu().numpy()    # (T, H, W, C)
    return frames[..., 0] if frames.shape[-1] == 1 else frames
