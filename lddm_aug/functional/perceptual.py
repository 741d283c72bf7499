"""Perceptual distance between images."""
from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def perceptual_distance(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Features of N pairs of images, [(N, C_l, H_l, W_l), …] each → (N,) distances.

    Zhang et al. 2018, eq. 1, with every w_l = 1: the paper's baseline for LPIPS.

        d = Σ_l 1/(H_l W_l) Σ_hw ‖ŷ_l − ŷ'_l‖²,   ŷ of unit length over the channels.

    LPIPS trains w_l: this is not LPIPS, and its values are larger.
    """
    distances = [(F.normalize(y, dim=1, eps=1e-10) - F.normalize(z, dim=1, eps=1e-10))
                 .square().sum(dim=1).mean(dim=(1, 2)) for y, z in zip(ours, theirs, strict=True)]
    return sum(distances[1:], start=distances[0])
