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
from lddm_aug.models.distilled_diffusion import STUDENT, DistilledDiffusion
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.models.samplers import DEFAULT_SAMPLER
from lddm_aug.networks.denoiser import Denoiser


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
        diffusion: config of the `LatentDiffusion` or `DistilledDiffusion`, without checkpoints.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip.
        frame_stride: of the clips it was trained on, in frames of the source video.
        sampler: name of one in `lddm_aug.models.samplers` for the diffusion's target;
            `DPMSolverMultistep` by default.  `Student` is that of a `DistilledDiffusion`.
        steps: of the sampler; those of a student are fixed.
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
        if self.sampler.name == STUDENT:
            self._check_student()
            return
        try:
            trained.noise_process.sampler(self.sampler.name, self.sampler.steps)
        except ValueError as error:
            raise ValueError(f'LDDMGenerator: {error}') from error
        if guidance != 1 and not _trained_unconditional(trained):
            raise ValueError('LDDMGenerator: guidance other than 1 needs a diffusion trained with '
                             'drop_still above 0, and drop_class where it has classes, but got '
                             f'guidance={guidance!r} with drop_still={trained.drop_still!r} and '
                             f'drop_class={trained.drop_class!r}; take guidance=1 or train it anew')

    def _check_student(self) -> None:
        if not isinstance(self.diffusion, DistilledDiffusion):
            raise ValueError(f'LDDMGenerator: sampler {STUDENT!r} needs a diffusion that was '
                             f'distilled, but this one was not; take {DEFAULT_SAMPLER!r}, or train '
                             'the recipe lddm_distilled')
        fixed = dict(steps=len(self.diffusion.levels), guidance=1., temperature=1.)
        other = {name: getattr(self.sampler, name) for name, value in fixed.items()
                 if getattr(self.sampler, name) != value}
        if other:
            name, value = next(iter(other.items()))
            raise ValueError(f'LDDMGenerator: a student was trained with {name}={fixed[name]:g}, '
                             f'but got {name}={value!r}; take sampler {DEFAULT_SAMPLER!r} for '
                             'others')

    def sample(self, stills: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        return self.denoise(self._denoiser.condition(stills), seeds, labels)

    def decode(self, stills: Tensor, seeds: Sequence[int], latents: Tensor) -> Tensor:
        return self.diffusion.autoencoder.decode(stills, latents, seeds)

    @property
    def _denoiser(self) -> Denoiser:
        if self.sampler.name == STUDENT and isinstance(self.diffusion, DistilledDiffusion):
            return self.diffusion.student
        return self.diffusion.denoiser

    def denoise(self, condition: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        """(B, Cs, h, w) condition, B seeds, (B,) labels → (B, Cz, t, h, w) standardised latents."""
        labels = labels.to(condition.device)
        # drawn on the CPU: the same on every device
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        latent = torch.stack([torch.randn(self.latent_shape, generator=draw) for draw in draws])
        latent = self.sampler.temperature * latent.to(condition)
        if self.sampler.name == STUDENT:
            assert isinstance(self.diffusion, DistilledDiffusion)
            return self.diffusion.follow(latent, condition, labels)[-1]
        solver = self.diffusion.noise_process.sampler(self.sampler.name, self.sampler.steps)
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
