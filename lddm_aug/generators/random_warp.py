"""The control in which the still moves at random."""
from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.functional.warp import warp
from lddm_aug.generators.base import Generator

# waves along time, height and width: what moves, moves smoothly, and neighbours move together
WAVES = (4, 3, 3)


@MODELS.register_module()
class RandomWarp(Generator):
    """Moves the still along a smooth random field: motion of the right size that means nothing.

    What a trained generator knows about motion is measured against it.

    Args:
        size: height and width of stills and clips, in pixels.
        amplitude: greatest displacement in a clip, in pixels.
        channels: 1 for ultrasound, 3 for colour.
        num_frames: T, frames in a clip.
        frame_stride: the playback rate that its clips claim; take that of the generator beside it.

    Raises:
        ValueError: if amplitude is not a positive number of pixels within the image.
    """

    def __init__(self, size: int, amplitude: float = 3.0, channels: int = 1, num_frames: int = 16,
                 frame_stride: int = 3) -> None:
        super().__init__(channels=channels, size=size, num_frames=num_frames,
                         frame_stride=frame_stride)
        if not 0 < amplitude < size:
            raise ValueError('RandomWarp: amplitude is the greatest displacement, in pixels above '
                             f'0 and below the size {size}, but got {amplitude!r}')
        self.amplitude = amplitude

    def generate(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        fields = torch.stack([self.draw_field(seed) for seed in seeds])
        return warp(stills, fields.to(stills))

    def draw_field(self, seed: int) -> Tensor:
        """(2, T, H, W): where each pixel is fetched from, in pixels; zero in frame 0.

        Sums of the lowest cosines along each axis, the lower the stronger.
        """
        heights = torch.randn(2, *WAVES, generator=torch.Generator().manual_seed(seed))
        t, y, x = (cosines(waves, length) for waves, length in
                   zip(WAVES, (self.num_frames, self.size, self.size), strict=True))
        field = torch.einsum('cijk,it,jy,kx->ctyx', heights, t, y, x)
        field = field - field[:, :1]
        return field * (self.amplitude / field.norm(dim=0).max())


def cosines(count: int, length: int) -> Tensor:
    """(count, length): the first cosines of the DCT-II, the k-th divided by k + 1."""
    k = torch.arange(count)[:, None]
    places = (torch.arange(length) + 0.5) / length
    return torch.cos(math.pi * k * places) / (k + 1)
