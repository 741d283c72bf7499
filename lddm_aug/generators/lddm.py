"""LDDM: condition on the still, denoise a latent, decode it."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.generators.base import Generator
from lddm_aug.models.latent_diffusion import NOISE_SCHEDULE


@MODELS.register_module()
class LDDMGenerator(Generator):
    """A trained latent diffusion as a generator.

    Sampled by DPM-Solver++ 2M (Lu et al. 2022) with trailing steps, so that sampling starts where
    training ended, at pure noise.

    Args:
        diffusion: config of the `LatentDiffusion`, without checkpoints.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip.
        frame_stride: of the clips it was trained on, in frames of the source video.
        steps: of the sampler.
        guidance: 1 samples p(latent | still); above 1, the still weighs more.
    """

    def __init__(self, diffusion: dict, size: int, num_frames: int = 16, frame_stride: int = 3,
                 steps: int = 10, guidance: float = 1.0) -> None:
        trained = MODELS.build(diffusion)
        super().__init__(channels=trained.autoencoder.channels, size=size, num_frames=num_frames,
                         frame_stride=frame_stride)
        self.config = dict(type='LDDMGenerator', diffusion=diffusion, size=size,
                           num_frames=num_frames, frame_stride=frame_stride, steps=steps,
                           guidance=guidance)
        self.sampler = dict(name='DPMSolverMultistep', steps=steps, guidance=guidance)
        self.diffusion = trained
        self.latent_shape = self._latent_shape()
        self.eval()

    def generate(self, stills: Tensor, seeds: Sequence[int]) -> Tensor:
        condition = self.diffusion.denoiser.condition(stills)     # (B, Cs, h, w)
        latent = self.denoise(condition, seeds)                   # (B, Cz, t, h, w)
        return self.diffusion.autoencoder.decode(stills, latent)  # (B, C, T, H, W)

    def denoise(self, condition: Tensor, seeds: Sequence[int]) -> Tensor:
        """(B, Cs, h, w) condition, B seeds → (B, Cz, t, h, w) standardised latents."""
        solver: Any = DPMSolverMultistepScheduler(
            **NOISE_SCHEDULE, timestep_spacing='trailing', algorithm_type='dpmsolver++',
            solver_order=2)
        solver.set_timesteps(self.sampler['steps'])
        latent = torch.stack([self._noise(seed) for seed in seeds]).to(condition)
        for step in solver.timesteps:
            steps = step.to(condition.device).expand(len(latent))
            latent = solver.step(self._guided(latent, steps, condition), step, latent).prev_sample
        return latent

    def _guided(self, latent: Tensor, steps: Tensor, condition: Tensor) -> Tensor:
        """Ho and Salimans 2022, eq. 6, with guidance = 1 + w."""
        denoiser, guidance = self.diffusion.denoiser, self.sampler['guidance']
        told = denoiser(latent, steps, condition)
        if guidance == 1:
            return told
        untold = denoiser(latent, steps, denoiser.no_still.expand_as(condition))
        return untold + guidance * (told - untold)

    def _noise(self, seed: int) -> Tensor:
        """Drawn on the CPU: the same on every device."""
        return torch.randn(self.latent_shape, generator=torch.Generator().manual_seed(seed))

    def _latent_shape(self) -> tuple[int, ...]:
        clip = torch.zeros(1, self.channels, self.num_frames, self.size, self.size)
        with torch.no_grad():
            return tuple(self.diffusion.autoencoder.encode(clip).shape[1:])
