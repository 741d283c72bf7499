"""Differences between frames as input of a recognizer."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from lddm_aug.functional.frame_differences import frame_differences


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
        frames = torch.from_numpy(np.stack(results['imgs']))        # (T, H, W, C)
        channels = self.channels_of(len(frames), frames.shape[-1], results)
        changed = frame_differences(frames.permute(0, 3, 1, 2)[None], self.gain, channels)
        results['imgs'] = list(changed[0].permute(0, 2, 3, 1).numpy())
        return results

    def channels_of(self, num_frames: int, num_channels: int, results: dict[str, Any]
                    ) -> list[int]:
        """The channels to replace in a clip.

        Raises:
            ValueError: if it lacks one of them, or has a single frame.
        """
        channels = list(range(num_channels)) if self.channels is None else self.channels
        if not {*channels} <= {*range(num_channels)}:
            raise ValueError(f'FrameDifferences: channels must lie in [0, {num_channels}), '
                             f'but got {channels}')
        if num_frames < 2:
            raise ValueError('FrameDifferences: needs at least two frames, but '
                             f'{results.get("filename", "a clip")} has {num_frames}')
        return channels

    def __repr__(self) -> str:
        return f'FrameDifferences(gain={self.gain}, channels={self.channels})'
