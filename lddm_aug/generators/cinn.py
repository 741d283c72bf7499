"""cINN, the paper's baseline: condition on the still, turn noise into a latent, decode it."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.generators.base import LatentGenerator, SamplerSettings, require_temperature


@dataclass(frozen=True)
class CouplingFlowSampler(SamplerSettings):
    """See `CINNGenerator`."""

    name: str = 'CouplingFlow'
    steps: int = 1
    temperature: float = 1.

    def __post_init__(self) -> None:
        require_temperature('CINNGenerator', self.temperature)


@MODELS.register_module()
class CINNGenerator(LatentGenerator):
    """A trained latent flow as a generator (Dorkenwald et al. 2021).

    Args:
        flow: config of the `LatentFlow`, without checkpoints.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip.
        frame_stride: of the clips it was trained on, in frames of the source video.
        temperature: standard deviation of the noise: 1 samples p(latent | still), less stays nearer
            to what is likely.

    Raises:
        ValueError: if temperature is negative or not finite, or the flow can't make clips of this
            size and num_frames.
    """

    trained_part = 'flow'
    sampler: CouplingFlowSampler

    def __init__(self, flow: dict, size: int, num_frames: int = 16, frame_stride: int = 3,
                 temperature: float = 1.0) -> None:
        trained = MODELS.build(flow)
        super().__init__(channels=trained.autoencoder.channels, size=size, num_frames=num_frames,
                         frame_stride=frame_stride,
                         sampler=CouplingFlowSampler(temperature=temperature))
        self.flow = trained
        self.latent_shape = trained.latent_shape(num_frames, size)
        self.eval()

    def sample(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        noise = torch.stack([self.draw_noise(seed) for seed in seeds]).to(stills)
        return self.flow.flow.from_noise(noise, self.flow.condition(stills))

    def decode(self, stills: Tensor, seeds: Sequence[int], latents: Tensor) -> Tensor:
        return self.flow.autoencoder.decode(stills, latents, seeds)

    def draw_noise(self, seed: int) -> Tensor:
        """(Cz, t, h, w), drawn on the CPU: the same on every device."""
        draw = torch.Generator().manual_seed(seed)
        return self.sampler.temperature * torch.randn(self.latent_shape, generator=draw)
