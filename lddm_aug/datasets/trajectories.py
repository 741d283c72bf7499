"""Ways of a trained diffusion from noise to latents, for the training of its student."""
from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.dist import get_rank, get_world_size
from torch import Tensor
from torch.utils.data import Dataset

from lddm_aug.datasets.latents import batched_places, load_clips, told_of
from lddm_aug.datasets.leaves import classes_of, groups_of
from lddm_aug.distributed import in_turn
from lddm_aug.functional.pixels import to_unit
from lddm_aug.hardware import usual_device
from lddm_aug.models.distilled_diffusion import student_levels
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.seeds import derive_seed


@DATASETS.register_module()
class TrajectoryDataset(Dataset):
    """Noise, and what a diffusion's sampler makes of it, for random frames of all clips in turn.

    Ranks that train together share the work; each has all paths.

    A sample is dict(path (student_steps + 1, Cz, t, h, w) float; still (C, H, W) uint8; told (D,)
    values of the conditions, NaN where they are unknown).  The diffusion is told what is true of
    the clip, less what it drops in its own training.

    Args:
        clips: config of the dataset of clips; its pipeline ends in `PackClip`.
        diffusion: config of the trained `LatentDiffusion`; its `init_cfg` names the checkpoint.
        teacher_steps: steps of the `DPMSolverMultistep` sampler.
        student_steps: a divisor of them.
        condition_guidance: of the sampler, by condition.
        paths: their number, however many videos there are; a student learns few by heart.
        batch_size: paths that are sampled together.
    """

    def __init__(self, clips: dict, diffusion: dict, teacher_steps: int = 16,
                 student_steps: int = 2, condition_guidance: Mapping[str, float] | None = None,
                 paths: int = 20000, batch_size: int = 64) -> None:
        if paths < 1:
            raise ValueError('TrajectoryDataset: paths counts ways from noise to a latent and '
                             f'is at least 1, but got {paths!r}')
        if not diffusion.get('init_cfg'):
            raise ValueError('TrajectoryDataset: diffusion must have the checkpoint of a trained '
                             'one as init_cfg, but has none; train a config with all stages')
        self.clips = DATASETS.build(clips)
        self.metainfo = dict(classes=classes_of('TrajectoryDataset', 'the clips', self.clips))
        self.groups = groups_of(self.clips)
        self.levels = student_levels(teacher_steps, student_steps)
        self.teacher_steps = teacher_steps
        self.condition_guidance = condition_guidance
        self.samples = self._sample(MODELS.build(diffusion), paths, batch_size)

    @torch.inference_mode()
    def _sample(self, diffusion: LatentDiffusion, paths: int, batch_size: int
                ) -> list[dict[str, Tensor | int]]:
        diffusion.init_weights()
        num_frames, size = load_clips(self.clips, [(0, 0)])['clip'].shape[2:4]
        shape = diffusion.latent_shape(num_frames, size)
        device = usual_device()
        diffusion.eval().to(device)
        sampled = []                                              # of this rank's batches
        draw = torch.Generator().manual_seed(derive_seed('trajectories'))
        width = diffusion.conditions.width
        for number, places in enumerate(batched_places(self.clips, paths, batch_size)):
            count = len(places)                                   # every rank draws for all of them
            frames = torch.randint(num_frames, (count,), generator=draw)
            dropped = diffusion.drop(torch.zeros(count, width), draw).isnan()
            noise = torch.randn(count, *shape, generator=draw)
            if number % get_world_size() != get_rank():
                continue
            batch = load_clips(self.clips, places)                # clip: (B, C, T, H, W) uint8
            stills = batch['clip'][torch.arange(count), :, frames]
            batch['conditions'] = [
                json.dumps(diffusion.conditions.worded(json.loads(text), int(seed)))
                for text, seed in zip(batch['conditions'], batch['seed'], strict=True)]
            told = torch.cat(told_of(self.clips, diffusion.conditions, batch))
            told = told.masked_fill(dropped, torch.nan)
            sampled_paths = self._paths(diffusion, noise.to(device), to_unit(stills.to(device)),
                                        told.to(device)).cpu()
            sampled.append([dict(path=path.clone(), still=still.clone(), told=each.clone())
                            for path, still, each in zip(
                                sampled_paths, stills, told, strict=True)])
        return [*chain.from_iterable(in_turn(sampled))]

    def _paths(self, diffusion: LatentDiffusion, noise: Tensor, stills: Tensor, told: Tensor
               ) -> Tensor:
        """(B, Cz, t, h, w) noise → (B, student_steps + 1, Cz, t, h, w), with the noise."""
        solver = diffusion.noise_process.sampler('DPMSolverMultistep', self.teacher_steps)
        condition, latent, path = diffusion.condition(stills), noise, [noise]
        every = self.teacher_steps // len(self.levels)
        for number, step in enumerate(solver.timesteps, 1):
            steps = step.to(latent.device).expand(len(latent))
            velocity = diffusion.predict(latent, steps, condition, told,
                                         condition_guidance=self.condition_guidance)
            latent = solver.step(velocity, step, latent).prev_sample
            if number % every == 0:
                path.append(latent)
        return torch.stack(path, dim=1)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.samples[index]
