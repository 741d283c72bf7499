"""Is a clip as sharp and as varied at its border as real ones?  Where tissue enters, it may not be.

A decoder that moves the still has nothing to show where the picture moves away from a border.
"""
from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.functional.laplacian import laplacian

SIDES = {'top': 0, 'right': 1, 'bottom': 2, 'left': 3}           # quarter turns that bring it up
BAND = 4                                             # outermost rows or columns
MEASURES = {
    'sharpness': 'mean absolute Laplacian',
    'correlation inward': 'correlation of a pixel with the next one away from the border',
    'correlation along': 'correlation of a pixel with the next one along the border'}


def describe_borders(clips: Tensor) -> dict[str, NDArray[np.float64]]:
    """(N, C, T, H, W) uint8 clips → measure → (N, 4) values at every side, in their orders.

    The last quarter of the frames is looked at: until then, most has moved.
    """
    frames = clips[:, :, -max(1, clips.shape[2] // 4):].double()
    bands = [torch.rot90(frames, turns, (3, 4))[..., :BAND + 1, :] for turns in SIDES.values()]
    measured = [[_sharpness(band), *_correlations(band[..., :BAND, :])] for band in bands]
    return {name: torch.stack(sides, dim=1).numpy()
            for name, sides in zip(MEASURES, zip(*measured, strict=True), strict=True)}


def _sharpness(band: Tensor) -> Tensor:
    """(N, C, t, rows, W) → (N,) mean absolute Laplacian."""
    return laplacian(band).abs().mean(dim=(1, 2, 3, 4))


def _correlations(band: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, t, rows, W) → (N,) with the next row, and (N,) with the next column."""
    return (_correlation(band[..., :-1, :], band[..., 1:, :]),
            _correlation(band[..., :-1], band[..., 1:]))


def _correlation(ours: Tensor, theirs: Tensor) -> Tensor:
    """Of the pixels of each frame; the mean over the frames, 0 for a frame of one colour."""
    a, b = (x.flatten(3) - x.flatten(3).mean(dim=3, keepdim=True) for x in (ours, theirs))
    both = (a.square().sum(dim=3) * b.square().sum(dim=3)).sqrt()
    return ((a * b).sum(dim=3) / both.clamp_min(1e-9)).mean(dim=(1, 2))
