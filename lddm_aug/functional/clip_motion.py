"""How much, and whereto, the picture of a clip moves."""
from __future__ import annotations

import torch
from torch import Tensor

from lddm_aug.conditions import MOTION, SLIDE
from lddm_aug.functional.optical_flow import lucas_kanade
from lddm_aug.functional.pixels import to_unit

LEAST_CHANGE = 1e-3                                  # in grey levels, of clips that stand still


def measure(name: str, clips: Tensor) -> Tensor:
    """(B, C, T, H, W) uint8 clips → (B,) values of a measured condition, as a denoiser sees them.

    Args:
        name: `motion`, the log of `change_size`, or `slide`, `lateral_shift`.
    """
    return {MOTION: lambda: change_size(clips).clamp_min(LEAST_CHANGE).log(),
            SLIDE: lambda: lateral_shift(clips)}[name]()


def change_size(clips: Tensor) -> Tensor:
    """(B, C, T, H, W) uint8 → (B,) rms change from frame to frame, in grey levels."""
    return clips.float().diff(dim=2).square().mean(dim=(1, 2, 3, 4)).sqrt()


def lateral_shift(clips: Tensor) -> Tensor:
    """(B, C, T, H, W) uint8 → (B,) how far the picture moves to the right, in % of its width.

    The sum, from the first frame to the last, of the mean optical flow from frame to frame.
    """
    before, after = (to_unit(frames).transpose(1, 2).flatten(0, 1)             # (B·(T−1), C, H, W)
                     for frames in (clips[:, :, :-1], clips[:, :, 1:]))
    flow = lucas_kanade(before, after.unsqueeze(2))[:, 0]                      # (B·(T−1), 1, H, W)
    shift = flow.mean(dim=(1, 2, 3)).unflatten(0, (len(clips), -1)).sum(dim=1)
    return torch.as_tensor(-100 * shift / clips.shape[4])
