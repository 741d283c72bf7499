"""Rows and columns of frames on any device, chosen or resized as OpenCV does it in a worker.

Each clip of a batch has its own lists of rows and columns: what its crop and its flip left, in
this order.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Places = NDArray[np.int64]                           # of a clip's rows, columns or frames
ONE = 2048                                           # weight 1 in cv2.resize of uint8: 11 bits
SIDES = ('low', 'high')


class Taps(NamedTuple):
    """From where each new pixel is mixed, (new_length,) each: two places, and their weights."""

    low: Places
    high: Places
    low_weight: NDArray[np.int32]
    high_weight: NDArray[np.int32]


def linear_taps(length: int, new_length: int, along_rows: bool) -> Taps:
    """Taps by which cv2.resize (INTER_LINEAR, uint8) makes new_length pixels of length ones.

    Pixels have their centres at halves.  Beyond the first and last one, OpenCV repeats the pixel;
    along columns it takes it with the weight 1, along rows as two halves, which round differently.
    """
    at = ((np.arange(new_length) + 0.5) * (length / new_length) - 0.5).astype(np.float32)
    low = np.floor(at).astype(np.int64)
    share = at - low.astype(np.float32)
    if not along_rows:
        share[(low < 0) | (low >= length - 1)] = 0
    weights = [np.rint(part * np.float32(ONE)).astype(np.int32) for part in (1 - share, share)]
    return Taps(low.clip(0, length - 1), (low + 1).clip(0, length - 1), *weights)


def resize_linear(frames: Tensor, rows: Sequence[Places], columns: Sequence[Places], height: int,
                  width: int) -> Tensor:
    """(B, T, C, H, W) uint8 → (B, T, C, height, width) uint8, of each clip's rows and columns.

    The same bits as cv2.resize(frame[rows][:, columns], (width, height)) on x86, whose fixed-point
    arithmetic this is: columns are mixed first, in 8 + 11 bits of which 4 are dropped, then rows.
    """
    along_columns = [linear_taps(len(each), width, along_rows=False) for each in columns]
    along_rows = [linear_taps(len(each), height, along_rows=True) for each in rows]
    pixels = frames.permute(0, 4, 1, 2, 3).contiguous().int()      # (B, W, T, C, H)
    left, right = (_weighted(pixels, columns, along_columns, side) for side in SIDES)
    pixels = left.add_(right).bitwise_right_shift_(4)              # (B, width, T, C, H)
    pixels = pixels.permute(0, 4, 2, 3, 1).contiguous()            # (B, H, T, C, width)
    upper, lower = (_weighted(pixels, rows, along_rows, side).bitwise_right_shift_(16)
                    for side in SIDES)
    pixels = upper.add_(lower).add_(2).bitwise_right_shift_(2)     # (B, height, T, C, width)
    return pixels.permute(0, 2, 3, 1, 4).to(torch.uint8)


def take_pixels(frames: Tensor, rows: Sequence[Places], columns: Sequence[Places]) -> Tensor:
    """(B, T, C, H, W) → (B, T, C, H', W'): H' rows and W' columns of each clip."""
    taken = take_along_first(frames.permute(0, 4, 1, 2, 3), columns)     # (B, W', T, C, H)
    taken = take_along_first(taken.permute(0, 4, 2, 3, 1), rows)         # (B, H', T, C, W')
    return taken.permute(0, 2, 3, 1, 4)


def take_along_first(batch: Tensor, places: Sequence[Places]) -> Tensor:
    """(B, N, …), B lists of M places → (B, M, …): each clip's own places along its first axis."""
    count, length = batch.shape[:2]
    if all(np.array_equal(each, np.arange(length)) for each in places):
        return batch
    flat = np.concatenate([number * length + each for number, each in enumerate(places)])
    index = torch.from_numpy(flat).to(batch.device)
    taken = batch.flatten(0, 1).index_select(0, index)
    return taken.unflatten(0, (count, -1))


def _weighted(batch: Tensor, places: Sequence[Places], taps: Sequence[Taps], side: str) -> Tensor:
    """(B, N, …) int32 → (B, M, …): pixels of one side, times their weights."""
    taken = take_along_first(batch, [each[getattr(tap, side)]
                                     for each, tap in zip(places, taps, strict=True)])
    weights = np.stack([getattr(tap, f'{side}_weight') for tap in taps])       # (B, M)
    return taken * torch.from_numpy(weights).to(batch.device)[:, :, None, None, None]
