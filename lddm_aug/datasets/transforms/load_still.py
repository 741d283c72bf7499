"""Reading of stills."""
from __future__ import annotations

from typing import Any

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from lddm_aug.data.frames import read_square_still


@TRANSFORMS.register_module()
class LoadStill(BaseTransform):
    """Read a still, or one frame of a video, and fit it into a square with black padding.

    Required keys: filename; frame, if the still is a frame of a video.
    Added keys: still (H, W) uint8, or (H, W, 3) in colour.

    Args:
        size: height and width in pixels.
        channels: 1 for ultrasound, 3 for colour.
    """

    def __init__(self, size: int, channels: int = 1) -> None:
        if channels not in (1, 3):
            raise ValueError(f'LoadStill: channels must be 1 or 3, but got {channels!r}')
        if size < 1:
            raise ValueError(f'LoadStill: size counts pixels from 1 on, but got {size!r}')
        self.size = size
        self.channels = channels

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        results['still'] = read_square_still(results['filename'], results.get('frame'), self.size,
                                             self.channels)
        return results

    def __repr__(self) -> str:
        return f'LoadStill(size={self.size}, channels={self.channels})'
