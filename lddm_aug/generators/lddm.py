"""LDDM: condition on the still, denoise a latent, decode it."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.generators.base import LatentGenerator, SamplerSettings, require_temperature
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.models.samplers import DEFAULT_SAMPLER


@dataclass(frozen=True)
class DiffusionSampler(SamplerSettings):
    """See `LDDMGenerator`.

    Raises:
        ValueError: if guidance or temperature is negative or not finite.
    """

    name: str
    steps: int
    guidance: float
    temperature: float

    def __post_init__(self) -> None:
        if not isinstance(self.guidance, (int, float)) or not 0 <= self.guidance < math.inf:
            raise ValueError('LDDMGenerator: guidance is a weight, 0 or more, but got '
                             f'{self.guidance!r}')
        require_temperature('LDDMGenerator', self.temperature)


@MODELS.register_module()
class LDDMGenerator(LatentGenerator):
    """A trained latent diffusion as a generator.

    Args:
        diffusion: config of the `LatentDiffusion`, without checkpoints.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip.
        frame_stride: of the clips it was trained on, in frames of the source video.
        sampler: name of one in `lddm_aug.models.samplers` for the diffusion's target;
            `DPMSolverMultistep` by default.
        steps: of the sampler.
        guidance: 1 samples p(latent | still, class); above 1, these weigh more (Ho and Salimans
            2022).  Other than 1 it needs a diffusion that was trained without them, too: with
            drop_still above 0, and drop_class where it has classes.
        temperature: standard deviation of the noise that sampling starts from: 1 samples the
            distribution, less stays nearer to what is likely, and moves less.

    Raises:
        ValueError: if the sampler, its steps, guidance or temperature make no sense, or the
            diffusion can't make clips of this size and num_frames.
    """

    trained_part = 'diffusion'
    sampler: DiffusionSampler

    def __init__(self, diffusion: dict, size: int, num_frames: int = 16, frame_stride: int = 3,
                 sampler: str | None = None, steps: int = 10, guidance: float = 1.0,
                 temperature: float = 1.0) -> None:
        trained = MODELS.build(diffusion)
        super().__init__(
            channels=trained.autoencoder.channels, size=size, num_frames=num_frames,
            frame_stride=frame_stride,
            sampler=DiffusionSampler(sampler or DEFAULT_SAMPLER, steps, guidance, temperature))
        self.diffusion = trained
        self.check_sampler()
        self.classes = trained.classes
        self.latent_shape = trained.latent_shape(num_frames, size)
        self.eval()

    @property
    def config(self) -> dict[str, Any]:
        """What builds it again; with the classes as names, in whatever form they were given."""
        config = super().config
        if 'classes' in config['diffusion']:
            config['diffusion']['classes'] = list(self.classes)
        return config

    def check_sampler(self) -> None:
        trained, guidance = self.diffusion, self.sampler.guidance
        try:
            trained.noise_process.sampler(self.sampler.name, self.sampler.steps)
        except ValueError as error:
            raise ValueError(f'LDDMGenerator: {error}') from error
        if guidance != 1 and not _trained_unconditional(trained):
            raise ValueError('LDDMGenerator: guidance other than 1 needs a diffusion trained with '
                             'drop_still above 0, and drop_class where it has classes, but got '
                             f'guidance={guidance!r} with drop_still={trained.drop_still!r} and '
                             f'drop_class={trained.drop_class!r}; take guidance=1 or train it anew')

    def sample(self, stills: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        return self.denoise(self.diffusion.condition(stills), seeds, labels)

    def decode(self, stills: Tensor, seeds: Sequence[int], latents: Tensor) -> Tensor:
        return self.diffusion.autoencoder.decode(stills, latents, seeds)

    def denoise(self, condition: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        """(B, Cs, h, w) condition, B seeds, (B,) labels → (B, Cz, t, h, w) standardised latents."""
        solver = self.diffusion.noise_process.sampler(self.sampler.name, self.sampler.steps)
        labels = labels.to(condition.device)
        # drawn on the CPU: the same on every device
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        latent = torch.stack([torch.randn(self.latent_shape, generator=draw) for draw in draws])
        latent = self.sampler.temperature * latent.to(condition)
        for step in solver.timesteps:
            steps = step.to(condition.device).expand(len(latent))
            prediction = self._guided(latent, steps, condition, labels)
            latent = solver.step(prediction, step, latent, generator=draws).prev_sample
        return latent

    def _guided(self, latent: Tensor, steps: Tensor, condition: Tensor, labels: Tensor) -> Tensor:
        """Ho and Salimans 2022, eq. 6, with guidance = 1 + w."""
        denoiser, guidance = self.diffusion.denoiser, self.sampler.guidance
        conditional = denoiser(latent, steps, condition, labels)
        if guidance == 1:
            return conditional
        unconditional = denoiser(latent, steps, denoiser.no_still.expand_as(condition),
                                 torch.full_like(labels, -1))
        return unconditional + guidance * (conditional - unconditional)


def _trained_unconditional(diffusion: LatentDiffusion) -> bool:
    """Whether it was trained without the still and its class, too."""
    return diffusion.drop_still > 0 and (diffusion.drop_class > 0 or not diffusion.classes)
