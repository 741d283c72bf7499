"""TDN's segments: windows of consecutive frames."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class TakeWindows(BaseTransform):
    """Windows of consecutive frames, evenly spaced over the sampled frames.

    These are TDN's segments: 8 windows of 5 frames.  They are taken from the 16 frames that other
    networks use, so they overlap, and real and synthetic clips have the same playback rate.  It
    must be after the transforms of single frames, so that no frame is transformed twice.

    Required keys: imgs, a list of T frames (H, W, C).
    Modified keys: imgs, num_windows · window_length of these frames, window by window.
    Added keys: clip_len; num_clips.

    Args:
        num_windows: number of windows.
        window_length: frames per window.
    """

    def __init__(self, num_windows: int = 8, window_length: int = 5) -> None:
        if num_windows < 1 or window_length < 1:
            raise ValueError('TakeWindows: num_windows and window_length must be at least 1, '
                             f'but got {num_windows!r} and {window_length!r}')
        self.num_windows = num_windows
        self.window_length = window_length

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        frames = results['imgs']
        results['imgs'] = [frames[index] for index in self.indices(len(frames)).ravel()]
        results.update(clip_len=self.window_length, num_clips=self.num_windows)
        return results

    def indices(self, total: int) -> np.ndarray:
        """(num_windows, window_length) indices into `total` frames."""
        starts = total - self.window_length + 1
        if starts < 1:
            raise ValueError(f'TakeWindows: window_length={self.window_length} exceeds the {total} '
                             'frames; sample more')
        middles = (np.arange(self.num_windows) + 0.5) * starts / self.num_windows
        return np.floor(middles).astype(int)[:, None] + np.arange(self.window_length)

    def __repr__(self) -> str:
        return (f'TakeWindows(num_windows={self.num_windows}, '
                f'window_length={self.window_length})')
