"""Differences between frames as input of a recognizer."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class FrameDifferences(BaseTransform):
    """Replace frames by their differences from the previous frame, around middle grey.

    On data whose stills are informative and motion hardly, a network of frames uses the stills
    alone.  Frame t becomes 127.5 + gain · (frame t − frame t − 1); the first frame becomes the
    same as the second.

    Required keys: imgs, a list of T ≥ 2 arrays (H, W, C) of grey levels.
    Modified keys: imgs, float32.

    Args:
        gain: grey levels of the result for one grey level of change.
        channels: that are replaced; by default all.
    """

    def __init__(self, gain: float = 8., channels: Sequence[int] | None = None) -> None:
        if not gain > 0:
            raise ValueError(f'FrameDifferences: gain must be above 0, but got {gain!r}')
        self.gain = gain
        self.channels = None if channels is None else list(channels)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        frames = np.stack(results['imgs']).astype(np.float32)       # (T, H, W, C)
        channels = list(range(frames.shape[-1])) if self.channels is None else self.channels
        if not {*channels} <= {*range(frames.shape[-1])}:
            raise ValueError(f'FrameDifferences: channels must lie in [0, {frames.shape[-1]}), '
                             f'but got {channels}')
        if len(frames) < 2:
            raise ValueError('FrameDifferences: needs at least two frames, but '
                             f'{results.get("filename", "a clip")} has {len(frames)}')
        changes = 127.5 + self.gain * np.diff(frames[..., channels], axis=0)
        frames[..., channels] = np.concatenate([changes[:1], changes])
        results['imgs'] = list(frames)
        return results

    def __repr__(self) -> str:
        return f'FrameDifferences(gain={self.gain}, channels={self.channels})'
