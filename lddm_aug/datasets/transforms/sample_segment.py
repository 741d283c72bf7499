"""Sampling of frames from a segment of a video."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

SEGMENT = 48                                         # frames, as in the paper


@TRANSFORMS.register_module()
class SampleSegment(BaseTransform):
    """Sample frames uniformly from a segment of a video; in the paper, 16 frames from 48.

    The length of a segment is in frames at a reference rate.  A generated clip of 16 frames with
    frame_stride 3 has the length of 48, and thus the same playback rate.  The same holds for a
    real video of twice the reference rate (frame_stride 0.5).  A video shorter than the segment is
    sampled from start to end.

    Required keys: total_frames; filename, for messages.
    Optional keys: frame_stride (1); start_index (0).
    Added keys: frame_inds; clip_len; num_clips; frame_interval, in frames of the video.

    Args:
        num_frames: frames to sample.
        segment_length: in frames at the reference rate.
        test_mode: the segment is in the middle instead of at a random position.
    """

    def __init__(self, num_frames: int, segment_length: int = SEGMENT,
                 test_mode: bool = False) -> None:
        if not 2 <= num_frames <= segment_length:
            raise ValueError('SampleSegment: num_frames must be between 2 and segment_length='
                             f'{segment_length}, but got {num_frames!r}')
        self.num_frames = num_frames
        self.segment_length = segment_length
        self.test_mode = test_mode

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        total = results['total_frames']
        if total < self.num_frames:
            raise ValueError(f'SampleSegment: num_frames={self.num_frames} cannot be sampled from '
                             f'{results.get("filename", "a video")}, which has {total}')
        step = self.step(total, results.get('frame_stride', 1))
        latest_start = total - 1 - (self.num_frames - 1) * step
        start = latest_start / 2 if self.test_mode else np.random.uniform(0, latest_start)
        results['frame_inds'] = results.get('start_index', 0) + self.indices(start, step)
        results.update(clip_len=self.num_frames, num_clips=1, frame_interval=step)
        return results

    def step(self, total_frames: int, frame_stride: float) -> float:
        """Distance between sampled frames, limited so that the segment fits into the video."""
        step = self.segment_length / self.num_frames / frame_stride
        return min(step, (total_frames - 1) / (self.num_frames - 1))

    def indices(self, start: float, step: float) -> NDArray[np.int64]:
        """(num_frames,) indices from a start and a step, rounded."""
        # Half up: rounding half to even would turn steps of 3 into 4, 2, 4, 2 ...
        return np.floor(start + step * np.arange(self.num_frames) + 0.5).astype(np.int64)

    def __repr__(self) -> str:
        return (f'SampleSegment(num_frames={self.num_frames}, '
                f'segment_length={self.segment_length}, test_mode={self.test_mode})')
