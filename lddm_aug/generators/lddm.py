"""LDDM: condition on the still, denoise a latent, decode it."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.generators.base import Generator, require_temperature
from lddm_aug.models.latent_diffusion import LatentDiffusion


@MODELS.register_module()
class LDDMGenerator(Generator):
    """A trained latent diffusion as a generator.

    Args:
        diffusion: config of the `LatentDiffusion`, without checkpoints.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip.
        frame_stride: of the clips it was trained on, in frames of the source video.
        sampler: `DPMSolverMultistep` (DPM-Solver++ 2M, Lu et al. 2022), the default; for a flow
            also `FlowMatchEuler`, for other targets `DDIM` and `DDPM`.
        steps: of the sampler.
        guidance: 1 samples p(latent | still, class); above 1, these weigh more (Ho and Salimans
            2022).  Other than 1 it needs a diffusion that has learnt without them, too: with
            drop_still above 0, and drop_class where it has classes.
        temperature: standard deviation of the noise that sampling starts from: 1 samples the
            distribution, less stays nearer to what is likely, and moves less.

    Raises:
        ValueError: if the sampler, its steps, guidance or temperature make no sense, or the
            diffusion can't make clips of this size and num_frames.
    """

    learnt = 'diffusion'

    def __init__(self, diffusion: dict, size: int, num_frames: int = 16, frame_stride: int = 3,
                 sampler: str | None = None, steps: int = 10, guidance: float = 1.0,
                 temperature: float = 1.0) -> None:
        trained = MODELS.build(diffusion)
        if 'classes' in diffusion:                       # as they are meant, however they came
            diffusion = {**diffusion, 'classes': list(trained.classes)}
        super().__init__(channels=trained.autoencoder.channels, size=size, num_frames=num_frames,
                         frame_stride=frame_stride)
        self.config = dict(type='LDDMGenerator', diffusion=diffusion, size=size,
                           num_frames=num_frames, frame_stride=frame_stride, sampler=sampler,
                           steps=steps, guidance=guidance, temperature=temperature)
        try:
            solver = trained.noise_process.sampler(sampler, steps)
        except ValueError as error:
            raise ValueError(f'LDDMGenerator: {error}') from error
        if not isinstance(guidance, (int, float)) or not 0 <= guidance < math.inf:
            raise ValueError('LDDMGenerator: guidance is a weight, 0 or more, but got '
                             f'{guidance!r}')
        if guidance != 1 and not _learnt_untold(trained):
            raise ValueError('LDDMGenerator: guidance other than 1 needs a diffusion trained with '
                             'drop_still above 0, and drop_class where it has classes, but got '
                             f'guidance={guidance!r} with drop_still={trained.drop_still!r} and '
                             f'drop_class={trained.drop_class!r}; take guidance=1 or train it anew')
        require_temperature(self, temperature)
        self.sampler = dict(name=type(solver).__name__.removesuffix('Scheduler'), steps=steps,
                            guidance=guidance, temperature=temperature)
        self.diffusion = trained
        self.classes = trained.classes
        self.latent_shape = trained.latent_shape(num_frames, size)
        self.eval()

    def generate(self, stills: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        condition = self.diffusion.condition(stills)     # (B, Cs, h, w)
        latent = self.denoise(condition, seeds, labels)           # (B, Cz, t, h, w)
        return self.diffusion.autoencoder.decode(stills, latent, seeds)

    def denoise(self, condition: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        """(B, Cs, h, w) condition, B seeds, (B,) labels → (B, Cz, t, h, w) standardised latents."""
        solver: Any = self.diffusion.noise_process.sampler(
            self.config['sampler'], self.sampler['steps'])
        labels = labels.to(condition.device)
        # drawn on the CPU: the same on every device
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        latent = torch.stack([torch.randn(self.latent_shape, generator=draw) for draw in draws])
        latent = self.sampler['temperature'] * latent.to(condition)
        for step in solver.timesteps:
            steps = step.to(condition.device).expand(len(latent))
            said = self._guided(latent, steps, condition, labels)
            latent = solver.step(said, step, latent, generator=draws).prev_sample
        return latent

    def _guided(self, latent: Tensor, steps: Tensor, condition: Tensor, labels: Tensor) -> Tensor:
        """Ho and Salimans 2022, eq. 6, with guidance = 1 + w."""
        denoiser, guidance = self.diffusion.denoiser, self.sampler['guidance']
        told = denoiser(latent, steps, condition, labels)
        if guidance == 1:
            return told
        untold = denoiser(latent, steps, denoiser.no_still.expand_as(condition),
                          torch.full_like(labels, -1))
        return untold + guidance * (told - untold)


def _learnt_untold(diffusion: LatentDiffusion) -> bool:
    """Whether it was trained without the still and its class, too."""
    return diffusion.drop_still > 0 and (diffusion.drop_class > 0 or not diffusion.classes)
