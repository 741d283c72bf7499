"""The control in which the still has noise, whose size depends on brightness alone."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.functional.warp import hold_still
from lddm_aug.generators.base import Generator

LEVELS = 32                                          # of brightness


@MODELS.register_module()
class NoisyStill(Generator):
    """Adds independent noise to every frame but the first, as large as frames differ from it.

    Nothing is learnt but one curve: how far, in training clips, a pixel of each brightness is from
    its value in the first frame (rms).  What a trained generator adds by its motion is measured
    against it.

    Args:
        size: height and width of stills and clips, in pixels.
        channels: 1 for ultrasound, 3 for colour.
        num_frames: T, frames in a clip.
        frame_stride: of the clips it was fitted to, in frames of the source video.
    """

    spread: Tensor

    def __init__(self, size: int, channels: int = 1, num_frames: int = 16, frame_stride: int = 3
                 ) -> None:
        super().__init__(channels=channels, size=size, num_frames=num_frames,
                         frame_stride=frame_stride)
        self.register_buffer('spread', torch.zeros(LEVELS))

    def fit(self, batches: Iterable[Mapping[str, Tensor]], classes: Sequence[str]) -> None:
        """Measure the curve on batches with clip, (B, C, T, H, W) uint8.

        A brightness that no clip has takes the value of the next one that occurs.

        Raises:
            ValueError: if there is no clip.
        """
        squares, counts = torch.zeros(2, LEVELS, dtype=torch.float64)
        for batch in batches:
            clip = batch['clip'].double()
            first = clip[:, :, :1]
            levels = (first.expand_as(clip[:, :, 1:]) * LEVELS / 256).long().flatten()
            squares += torch.bincount(levels, ((clip[:, :, 1:] - first) ** 2).flatten(), LEVELS)
            counts += torch.bincount(levels, minlength=LEVELS)
        seen = counts.nonzero().flatten()
        if not len(seen):
            raise ValueError('NoisyStill: needs at least one training clip of two frames, but got '
                             'none; add videos')
        nearest = seen[(torch.arange(LEVELS)[:, None] - seen).abs().argmin(dim=1)]
        self.spread = ((squares[nearest] / counts[nearest]).sqrt() / 127.5).float()

    def generate(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        return self.go_on(stills, seeds, told, self.num_frames)

    def go_on(self, stills: Tensor, seeds: Sequence[int], told: Tensor, num_frames: int) -> Tensor:
        shape = (self.channels, num_frames, self.size, self.size)
        noise = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed))
                             for seed in seeds]).to(stills)
        noise[:, :, 0] = 0
        levels = ((stills + 1) / 2 * LEVELS).long().clamp(0, LEVELS - 1)
        spread = self.spread.to(stills)[levels]                       # (B, C, H, W)
        return hold_still(stills, num_frames) + spread.unsqueeze(2) * noise
