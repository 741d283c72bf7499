from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class FrameDifferences(BaseTransform):
    """Put what changes from frame to frame in the frames' place, around middle grey.

    Where a still says much and motion little, a network that sees frames learns the stills.  Frame
    t becomes 127.5 + gain · (frame t − frame t − 1); the first, which has none before it, becomes
    what the second does.

    Required keys: imgs, a list of T ≥ 2 arrays (H, W, C) of grey levels.
    Modified keys: imgs, float32.

    Args:
        gain: grey levels of the result for one grey level of change.
    """

    def __init__(self, gain: float = 8.) -> None:
        if not gain > 0:
            raise ValueError(f'FrameDifferences: gain must be above 0, but got {gain!r}')
        self.gain = gain

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        frames = np.stack(results['imgs']).astype(np.float32)
        if len(frames) < 2:
            raise ValueError('FrameDifferences: needs at least two frames, but '
                             f'{results.get("filename", "a clip")} has {len(frames)}')
        changes = 127.5 + self.gain * np.diff(frames, axis=0)
        results['imgs'] = [changes[0], *changes]
        return results

    def __repr__(self) -> str:
        return f'FrameDifferences(gain={self.gain})'
