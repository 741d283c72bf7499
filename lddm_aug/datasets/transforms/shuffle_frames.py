"""Frames of a clip in random order."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class ShuffleFrames(BaseTransform):
    """Put the sampled frames of each clip of a video into random order: a control of motion.

    Required keys: frame_inds; num_clips.
    Changed keys: frame_inds.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        clips = np.asarray(results['frame_inds']).reshape(results['num_clips'], -1)
        results['frame_inds'] = np.concatenate([np.random.permutation(clip) for clip in clips])
        return results

    def __repr__(self) -> str:
        return 'ShuffleFrames()'
