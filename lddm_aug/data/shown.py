"""Stored pixels → pixels as viewers display them."""
from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

MAX_SKEW = 0.02                                      # of a side, from a quarter turn


def blend_on_black(array: Pixels) -> Pixels:
    """Blend transparent pixels with black, the background of ultrasound.

    Args:
        array: (H, W, 2), grey and opacity, or (H, W, 4), red, green, blue and opacity.

    Returns:
        (H, W) or (H, W, 3).
    """
    colour, opacity = array[..., :-1].astype(np.uint16), array[..., -1:]
    shown = ((colour * opacity + 127) // 255).astype(np.uint8)
    return shown[..., 0] if shown.shape[-1] == 1 else shown


def with_square_pixels(frame: Pixels, pixel_shape: Fraction | None) -> Pixels:
    """(H, W[, 3]) resampled to square pixels by enlarging one side.

    Args:
        frame: (H, W[, 3]).
        pixel_shape: width : height of a pixel; None or 0 if unknown.
    """
    height, width = frame.shape[:2]
    if not pixel_shape or pixel_shape < 0:
        return frame
    size = ((round(width * pixel_shape), height) if pixel_shape > 1 else
            (width, round(height / pixel_shape)))
    if size == (width, height):
        return frame
    return cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)   # type: ignore[return-value]


def apply_display_matrix(frame: Pixels, matrix: NDArray[np.int32]) -> Pixels:
    """(H, W[, 3]) rotated and mirrored by a display matrix.

    Args:
        frame: (H, W[, 3]).
        matrix: (3, 3) of MP4 and QuickTime: (x, y) is displayed at (ax + cy, bx + dy), where its
            first rows are a, b and c, d.

    Raises:
        ValueError: if it doesn't rotate by quarter turns.
    """
    if not matrix[:2, :2].any():                     # some files have zeros; players ignore them
        return frame
    sides = matrix[:2, :2] / np.hypot(*matrix[:2, :2].T)[:, None]    # it may also scale
    signs = np.round(sides).astype(int)
    if not np.allclose(sides, signs, atol=MAX_SKEW) or abs(np.linalg.det(signs)) != 1:
        raise ValueError('has a display matrix that does not rotate by quarter turns')
    (a, b), (c, d) = signs.tolist()
    if a == 0:                                       # rows become columns
        frame, a, d = frame.swapaxes(0, 1), c, b
    return np.ascontiguousarray(frame[::d, ::a])
