"""A pretext task without labels: the playback rate of a clip."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from lddm_aug.datasets.transforms.sample_segment import SampleSegment
from lddm_aug.seeds import derive_seed


@TRANSFORMS.register_module()
class SamplePlaybackRate(BaseTransform):
    """Sample every frame, every second or every third, or shuffled frames; this is the label.

    A network needs motion to distinguish these, and videos need no labels; after SpeedNet (Benaim
    et al. 2020) and Shuffle and Learn (Misra et al. 2016).  Short videos have only the rates for
    which they are long enough.

    Required keys: total_frames, filename.
    Optional keys: frame_stride (1), start_index (0).
    Added keys: those of SampleSegment.
    Modified keys: label, an index into `RATES`.

    Args:
        num_frames: frames to sample.
        test_mode: the same sample of a video every time, from its middle.
    """

    RATES = ('every frame', 'every second', 'every third', 'every third, shuffled')

    def __init__(self, num_frames: int, test_mode: bool = False) -> None:
        self.num_frames = num_frames
        self.test_mode = test_mode
        self.segments = [SampleSegment(num_frames, apart * num_frames, test_mode)
                         for apart in (1, 2, 3, 3)]

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        # the seed's first part is that of earlier versions, so that test samples stay the same
        draw = np.random.default_rng(
            derive_seed('tempo', Path(results['filename']).name) if self.test_mode
            else np.random.randint(2 ** 31))
        length = results['total_frames'] * results.get('frame_stride', 1)
        fitting = [label for label, segment in enumerate(self.segments)
                   if segment.segment_length <= length]
        label = int(draw.choice(fitting or [0]))
        results = self.segments[label].transform(results)
        if label == self.RATES.index('every third, shuffled'):
            results['frame_inds'] = draw.permutation(results['frame_inds'])
        results['label'] = label
        return results

    def __repr__(self) -> str:
        return f'SamplePlaybackRate(num_frames={self.num_frames}, test_mode={self.test_mode})'
