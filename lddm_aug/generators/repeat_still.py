"""The control in which nothing moves."""
from __future__ import annotations

from collections.abc import Sequence

from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.functional.warp import hold_still
from lddm_aug.generators.base import Generator


@MODELS.register_module()
class RepeatStill(Generator):
    """Repeats the still: what a generator adds to the still itself is measured against it.

    Args:
        size: height and width of stills and clips, in pixels.
        channels: 1 for ultrasound, 3 for colour.
        num_frames: T, frames in a clip.
        frame_stride: the playback rate that its clips claim; take that of the generator beside it.
    """

    def __init__(self, size: int, channels: int = 1, num_frames: int = 16,
                 frame_stride: int = 3) -> None:
        super().__init__(channels=channels, size=size, num_frames=num_frames,
                         frame_stride=frame_stride)

    def generate(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        return self.go_on(stills, seeds, told, self.num_frames)

    def go_on(self, stills: Tensor, seeds: Sequence[int], told: Tensor, num_frames: int) -> Tensor:
        return hold_still(stills, num_frames)
