"""Stage 3: a student that samples in a few steps what a diffusion samples in many."""
from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.models.noise_process import STEPS
from lddm_aug.models.samplers import flow_levels
from lddm_aug.networks.denoiser import Denoiser

STUDENT = 'Student'                                  # name of its sampler
PATHS = ('teacher_steps', 'student_steps', 'condition_guidance')     # what its paths depend on
DISTILLATION = (*PATHS, 'unrolled')                  # arguments beside those of the diffusion


@MODELS.register_module()
class DistilledDiffusion(LatentDiffusion):
    """A trained diffusion, the teacher, and a student that ends where its sampler ends.

    The teacher's deterministic sampler goes from noise to a latent in many steps.  The student, at
    first a copy of the denoiser, learns to go the same way in a few: from each of its noise levels
    it predicts the mean velocity to the next (Luhman and Luhman 2021 for one step; Salimans and Ho
    2022).  Its steps are trained together, so that each corrects the one before, or each by itself.

    Args:
        teacher_steps: steps of the teacher's `DPMSolverMultistep` sampler.
        student_steps: steps of the student; a divisor of the teacher's.
        condition_guidance: of the teacher's sampler, by condition, as `LDDMGenerator` takes it: the
            student obeys these conditions as a guided sampler does, at no cost (Meng et al. 2023).
        unrolled: train each step from where the student's step before ended.  If not, from where
            the teacher was there, as in progressive distillation (Salimans and Ho 2022).
        diffusion: arguments of `LatentDiffusion`; its target is `flow`.

    Raises:
        ValueError: if the student's steps don't divide the teacher's, the target is another, or
            there is guidance of a condition that can't be guided.
    """

    def __init__(self, teacher_steps: int = 16, student_steps: int = 2,
                 condition_guidance: Mapping[str, float] | None = None, unrolled: bool = True,
                 **diffusion: Any) -> None:
        super().__init__(**diffusion)
        self.condition_guidance = dict(condition_guidance or {})
        self.unrolled = unrolled
        self.require_guidance('DistilledDiffusion', self.condition_guidance)
        if self.noise_process.target != 'flow':
            raise ValueError("DistilledDiffusion: a student needs a diffusion of noise.target="
                             f"'flow', but got {self.noise_process.target!r}")
        self.levels = student_levels(teacher_steps, student_steps)
        self.student = Denoiser(
            self.autoencoder.channels, self.autoencoder.latent_channels,
            conditions=self.conditions, **(diffusion['denoiser'] | dict(dropout=0.)))
        self.denoiser.requires_grad_(False)
        self.student.no_still.requires_grad_(False)  # no loss: DDP would wait for its gradient

    def init_weights(self) -> None:
        """Let the student begin as the teacher, once this has its weights."""
        super().init_weights()
        self.student.load_state_dict(self.denoiser.state_dict())

    def train(self, mode: bool = True) -> DistilledDiffusion:
        super().train(mode)
        self.denoiser.eval()
        return self

    def follow(self, noise: Tensor, condition: Tensor, told: Tensor) -> list[Tensor]:
        """(B, Cz, t, h, w) noise → the latents after each of the student's steps.

        Args:
            condition: (B, Cs, h, w), of `student.condition`.
            told: (B, D) values of the conditions, NaN where they are unknown.
        """
        path, latent = [], noise
        for level, following in pairwise((*self.levels, 0.)):
            latent = self._step(latent, level, following, condition, told)
            path.append(latent)
        return path

    def _step(self, latent: Tensor, level: float, following: float, condition: Tensor,
              told: Tensor) -> Tensor:
        steps = torch.full((len(latent),), STEPS * level, device=latent.device)
        velocity = self.student(latent, steps, condition, told)
        return latent - (level - following) * velocity

    def forward(  # type: ignore[override]           # it learns from paths, not from latents
            self, path: Tensor, still: Tensor, told: Tensor | None = None,
            mode: str = 'tensor', **_: object) -> dict[str, Tensor]:
        """Paths of the teacher, stills, conditions → the mean squared error of each step's latent.

        Args:
            path: (B, student_steps + 1, Cz, t, h, w): noise, then the teacher's latents at the
                student's next levels, the last at 0; of a `TrajectoryDataset`.
            still: (B, C, H, W) uint8.
            told: (B, D) values of the conditions that the teacher was told; None for none.
        """
        if mode != 'loss':
            raise ValueError('DistilledDiffusion: only trains; clips are made by LDDMGenerator, '
                             f'but was called with mode={mode!r}')
        if told is None:
            told = self.unknown(still)
        noise, *targets = path.unbind(dim=1)
        condition = self.student.condition(to_unit(still))
        if self.unrolled:
            latents = self.follow(noise, condition, told)
        else:
            latents = [self._step(start, *levels, condition, told) for start, levels in zip(
                (noise, *targets), pairwise((*self.levels, 0.)), strict=False)]
        return {f'loss_step{number}': (latent - target).square().mean()
                for number, (latent, target) in enumerate(zip(latents, targets, strict=True), 1)}


def student_levels(teacher_steps: int, student_steps: int) -> tuple[float, ...]:
    """The noise levels s from which a student steps: every n-th of its teacher's.

    Raises:
        ValueError: if the student's steps don't divide the teacher's.
    """
    if student_steps < 1 or teacher_steps % student_steps:
        raise ValueError('student_levels: student_steps is at least 1 and divides teacher_steps, '
                         f'but got {student_steps!r} and {teacher_steps!r}')
    return tuple(flow_levels(teacher_steps)[::teacher_steps // student_steps].tolist())
