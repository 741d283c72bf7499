"""Optical flow from a still to the frames of its clip, without a trained network."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lddm_aug.functional.warp import warp

LEVELS = 3                                           # of the pyramid; the coarsest has H / 4
ITERATIONS = 2                                       # of each level
WINDOW, SMOOTHING = 7, 5                             # pixels, at every level
DAMPING = 1e-3                                       # of gradients of images in [−1, 1], squared


@torch.no_grad()
def lucas_kanade(still: Tensor, clip: Tensor) -> Tensor:
    """The field by which `warp` turns a still into its clip; Lucas and Kanade 1981, in a pyramid.

    At every level, from coarse to fine, the still is warped by the field so far.  In a window, the
    step δ solves Σ g gᵀ δ = Σ g r, with g the gradient and r the frame's residual.  Then the field
    is smoothed.

    Args:
        still: (B, C, H, W) in [−1, 1], H and W multiples of 4.
        clip: (B, C, T, H, W) in [−1, 1].

    Returns:
        (B, 2, T, H, W) field (u, v) in pixels, as `warp` takes it.
    """
    batch, _, frames, height, width = clip.shape
    coarsest = 2 ** (LEVELS - 1)
    field = clip.new_zeros(batch, 2, frames, height // coarsest, width // coarsest)
    for level in range(LEVELS - 1, -1, -1):
        side = 2 ** level
        small, target = F.avg_pool2d(still, side), F.avg_pool3d(clip, (1, side, side))
        if field.shape[3:] != target.shape[3:]:
            field = 2 * F.interpolate(field, scale_factor=(1, 2, 2), mode='trilinear')
        for _ in range(ITERATIONS):
            step = _step(warp(small, field), target)
            field = _split_frames(_window_mean(_merge_frames(field) + step, SMOOTHING), frames)
    return field


def _step(warped: Tensor, target: Tensor) -> Tensor:
    """(B, C, T, h, w) warped still, and target → (B · T, 2, h, w) step in pixels."""
    ours, theirs = _merge_frames(warped), _merge_frames(target)
    x, y = _gradient((ours + theirs) / 2)
    residual = theirs - ours
    xx, xy, yy, xr, yr = (_window_mean(product.mean(dim=1, keepdim=True), WINDOW) for product
                          in (x * x, x * y, y * y, x * residual, y * residual))
    xx, yy = xx + DAMPING, yy + DAMPING
    determinant = xx * yy - xy * xy
    step = torch.cat([yy * xr - xy * yr, xx * yr - xy * xr], dim=1) / determinant
    return step.clamp(-1, 1)                         # a gradient is valid within about a pixel


def _gradient(image: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, h, w) → its derivatives to the right and downward, per pixel."""
    padded = F.pad(image, (1, 1, 1, 1), mode='replicate')
    return ((padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2,
            (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2)


def _window_mean(image: Tensor, window: int) -> Tensor:
    """(N, C, h, w) → the mean over a square around every pixel."""
    image = F.pad(image, (window // 2,) * 4, mode='replicate')
    for axis in (2, 3):                              # many times faster than avg_pool2d on a CPU
        first, *others = image.unfold(axis, window, 1).unbind(-1)
        image = sum(others, first) / window
    return image


def _merge_frames(clip: Tensor) -> Tensor:
    return clip.transpose(1, 2).flatten(0, 1)        # (B · T, C, h, w)


def _split_frames(images: Tensor, frames: int) -> Tensor:
    return images.unflatten(0, (-1, frames)).transpose(1, 2)      # (B, C, T, h, w)
