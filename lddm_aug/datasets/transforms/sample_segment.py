from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray


@TRANSFORMS.register_module()
class SampleSegment(BaseTransform):
    """Take frames uniformly from a segment of a video; the paper takes 16 from 48.

    A segment is measured in frames at one reference rate.  A generated clip whose frames lie three
    of them apart (frame_stride 3) is as long as a segment of 48, and gives the same tempo; so does
    a real video of twice the reference rate (frame_stride 0.5).  A video shorter than a segment is
    taken whole.

    Required keys: total_frames; filename, for messages.
    Optional keys: frame_stride (1); start_index (0).
    Added keys: frame_inds; clip_len; num_clips; frame_interval, in frames of what is sampled.

    Args:
        num_frames: frames to take.
        segment_length: the segment's, in frames at the reference rate.
        test_mode: take the segment in the middle instead of drawing one.
    """

    def __init__(self, num_frames: int, segment_length: int = 48,
                 test_mode: bool = False) -> None:
        if not 2 <= num_frames <= segment_length:
            raise ValueError('SampleSegment: num_frames must lie between 2 and segment_length='
                             f'{segment_length}, but got {num_frames!r}')
        self.num_frames = num_frames
        self.segment_length = segment_length
        self.test_mode = test_mode

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        total = results['total_frames']
        if total < self.num_frames:
            raise ValueError(f'SampleSegment: num_frames={self.num_frames} cannot be taken from '
                             f'{results.get("filename", "a video")}, which has {total}')
        step = self.step(total, results.get('frame_stride', 1))
        latest_start = total - 1 - (self.num_frames - 1) * step
        start = latest_start / 2 if self.test_mode else np.random.uniform(0, latest_start)
        results['frame_inds'] = results.get('start_index', 0) + self.indices(start, step)
        results.update(clip_len=self.num_frames, num_clips=1, frame_interval=step)
        return results

    def step(self, total_frames: int, frame_stride: float) -> float:
        """From one frame to the next, so that the segment fits into what there is."""
        wanted = self.segment_length / self.num_frames / frame_stride
        return min(wanted, (total_frames - 1) / (self.num_frames - 1))

    def indices(self, start: float, step: float) -> NDArray[np.int64]:
        # Half up: rounding half to even would turn steps of 3 into 4, 2, 4, 2 ...
        return np.floor(start + step * np.arange(self.num_frames) + 0.5).astype(np.int64)

    def __repr__(self) -> str:
        return (f'SampleSegment(num_frames={self.num_frames}, '
                f'segment_length={self.segment_length}, test_mode={self.test_mode})')
