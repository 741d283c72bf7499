"""LDDM: condition on the still and what is known about it, denoise a latent, decode it."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.conditions import LABEL, MOTION, Told, Value
from lddm_aug.generators.base import LatentGenerator, SamplerSettings, require_temperature
from lddm_aug.models.distilled_diffusion import STUDENT, DistilledDiffusion
from lddm_aug.models.latent_diffusion import LatentDiffusion, require_weight
from lddm_aug.models.samplers import DEFAULT_SAMPLER
from lddm_aug.networks.denoiser import Denoiser
from lddm_aug.seeds import derive_seed


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
    condition_guidance: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; without a guidance of conditions where none is set."""
        return {name: value for name, value in super().as_dict().items() if value != {}}

    def __post_init__(self) -> None:
        for name, weight in {'guidance': self.guidance, **self.condition_guidance}.items():
            require_weight('LDDMGenerator', name, weight)
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
        steps: of the sampler; those of a student are fixed, and so are guidance and temperature.
        guidance: 1 samples p(latent | still, conditions); above 1, these weigh more (Ho and
            Salimans 2022).  Other than 1 it needs a diffusion that was trained without them, too:
            with drop_still above 0, and drop_conditions where it has conditions.
        condition_guidance: a weight for each of some conditions, by name, beside that: above 1, the
            clip obeys this condition more.  Each costs as much as the denoiser itself.
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
                 temperature: float = 1.0,
                 condition_guidance: Mapping[str, float] | None = None) -> None:
        trained = MODELS.build(diffusion)
        super().__init__(
            channels=trained.autoencoder.channels, size=size, num_frames=num_frames,
            frame_stride=frame_stride,
            sampler=DiffusionSampler(sampler or DEFAULT_SAMPLER, steps, guidance, temperature,
                                     dict(condition_guidance or {})))
        self.diffusion = trained
        self.conditions = trained.conditions
        self.check_sampler()
        self.latent_shape = trained.latent_shape(num_frames, size)
        self.eval()

    @property
    def config(self) -> dict[str, Any]:
        """What builds it again; with the conditions as JSON has them."""
        config = super().config
        if 'conditions' in config['diffusion']:
            config['diffusion']['conditions'] = self.conditions.as_config()
        return config

    def told(self, conditions: Sequence[Told], seeds: Sequence[int]) -> list[dict[str, Value]]:
        """What is known about each clip; a measured condition that isn't said is drawn by the seed.

        It is drawn as it occurs among the training clips of the class, so that nothing said gives
        clips as they are.
        """
        rows = super().told(conditions, seeds)
        for row, seed in zip(rows, seeds, strict=True):
            for name in self.conditions.measured:
                if name not in row:
                    row[name] = self._drawn(name, row, seed)
        return rows

    def _drawn(self, name: str, row: Told, seed: int) -> float:
        classes, draw = self.conditions.classes, torch.Generator().manual_seed(
            derive_seed(name, seed))
        label = classes.index(str(row[LABEL])) if LABEL in row else math.nan
        value = self.diffusion.draw_measured(name, label, float(torch.rand((), generator=draw)))
        return self.shown(name, value)

    def shown(self, name: str, value: float) -> float:
        """A measured condition in the unit in which it is told: motion as a multiple of typical."""
        return math.exp(value - self._typical_motion) if name == MOTION else value

    @property
    def _typical_motion(self) -> float:
        """Log of the change from frame to frame that counts as motion=1."""
        return float(cast(Any, self._denoiser.embed_conditions)[MOTION].center)

    def encode(self, conditions: Sequence[Told]) -> Tensor:
        told = super().encode(conditions)
        if MOTION in self.conditions:
            motion = told[:, self.conditions.columns[MOTION]]
            if (motion <= 0).any():
                raise ValueError('LDDMGenerator: motion is a multiple of what is typical, above 0, '
                                 f'but got {float(motion.nan_to_num(math.inf).min()):g}; take 0.5 '
                                 'for half as much')
            told[:, self.conditions.columns[MOTION]] = motion.log() + self._typical_motion
        return told

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
                             'drop_still above 0, and drop_conditions where it has conditions, but '
                             f'got guidance={guidance!r} with drop_still={trained.drop_still!r} '
                             f'and drop_conditions={trained.drop_conditions!r}; take guidance=1 or '
                             'train it anew')
        trained.require_guidance('LDDMGenerator', self.sampler.condition_guidance)

    def _check_student(self) -> None:
        if not isinstance(self.diffusion, DistilledDiffusion):
            raise ValueError(f'LDDMGenerator: sampler {STUDENT!r} needs a diffusion that was '
                             f'distilled, but this one was not; take {DEFAULT_SAMPLER!r}, or train '
                             'the recipe lddm_distilled')
        fixed = dict(steps=len(self.diffusion.levels), guidance=1., temperature=1.,
                     condition_guidance=self.diffusion.condition_guidance)
        other = {name: getattr(self.sampler, name) for name, value in fixed.items()
                 if getattr(self.sampler, name) != value}
        if other:
            name, value = next(iter(other.items()))
            raise ValueError(f'LDDMGenerator: a student was trained with {name}={fixed[name]!r}, '
                             f'but got {name}={value!r}; take sampler {DEFAULT_SAMPLER!r} for '
                             'others')

    def sample(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        return self.denoise(self._denoiser.condition(stills), seeds, told)

    def go_on(self, stills: Tensor, seeds: Sequence[int], told: Tensor, num_frames: int) -> Tensor:
        """Window by window: the last frame of one is the still of the next.

        That frame is taken as it is before softening and grain, which the whole clip gets in the
        end.  With them, every window would be softer than the one before.
        """
        autoencoder, window = self.diffusion.autoencoder, 0
        parts = autoencoder.rebuild(stills, self.sample(stills, seeds, told))
        while parts.clip.shape[2] < num_frames:
            window += 1
            drawn = [derive_seed('window', seed, window) for seed in seeds]
            still = parts.sharp[:, :, -1].clamp(-1, 1)
            parts = parts.followed_by(
                autoencoder.rebuild(still, self.sample(still, drawn, told)))
        return autoencoder.texture(parts, seeds)[:, :, :num_frames]

    def seams(self) -> list[int]:
        """Frames with which a further window begins, in a clip of its length and stride."""
        own, frames = self._own or self, self._frames.tolist()
        begun = range(own.num_frames, frames[-1] + 1, own.num_frames - 1)
        return [next(t for t, frame in enumerate(frames) if frame >= begin) for begin in begun]

    def decode(self, stills: Tensor, seeds: Sequence[int], latents: Tensor) -> Tensor:
        return self.diffusion.autoencoder.decode(stills, latents, seeds)

    @property
    def _denoiser(self) -> Denoiser:
        if self.sampler.name == STUDENT and isinstance(self.diffusion, DistilledDiffusion):
            return self.diffusion.student
        return self.diffusion.denoiser

    def denoise(self, condition: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        """(B, Cs, h, w) condition, B seeds → (B, Cz, t, h, w) standardised latents.

        Args:
            told: (B, D) values of the conditions, NaN where they are unknown.
        """
        told = told.to(condition.device)
        # drawn on the CPU: the same on every device
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        latent = torch.stack([torch.randn(self.latent_shape, generator=draw) for draw in draws])
        latent = self.sampler.temperature * latent.to(condition)
        if self.sampler.name == STUDENT:
            assert isinstance(self.diffusion, DistilledDiffusion)
            return self.diffusion.follow(latent, condition, told)[-1]
        solver = self.diffusion.noise_process.sampler(self.sampler.name, self.sampler.steps)
        for step in solver.timesteps:
            steps = step.to(condition.device).expand(len(latent))
            prediction = self.diffusion.predict(latent, steps, condition, told,
                                                self.sampler.guidance,
                                                self.sampler.condition_guidance)
            latent = solver.step(prediction, step, latent, generator=draws).prev_sample
        return latent


def _trained_unconditional(diffusion: LatentDiffusion) -> bool:
    """Whether it was trained without the still and its class, too."""
    return diffusion.drop_still > 0 and (diffusion.drop_conditions > 0 or not diffusion.conditions)
