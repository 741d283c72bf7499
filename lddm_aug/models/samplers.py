"""Registry of the samplers that reverse a noise process, by the target of the denoiser."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from torch import Tensor

# schedule, steps → a diffusers scheduler whose timesteps are set
SamplerFactory = Callable[[dict[str, Any], int], Any]
DEFAULT_SAMPLER = 'DPMSolverMultistep'
# N noise levels s of a flow: 1, then equal steps of log((1 − s) / s) from 1 − FLOW_ENDS[0] / N to
# FLOW_ENDS[1] / N.  This is half the log-SNR, in which DPM-Solver is derived (Lu et al. 2022).  Ten
# equal steps of s would lose an eighth of the standard deviation of the latents that vary most, or
# of those that vary least, depending on the end that they leave out.
FLOW_ENDS = (0.15, 0.5)

_SAMPLERS: dict[str, dict[str, SamplerFactory]] = {}     # target → name → factory


def register_sampler(name: str, *targets: str) -> Callable[[SamplerFactory], SamplerFactory]:
    """Register a sampler under a name, for denoisers of these targets.

    The decorated function takes the schedule (keyword arguments of every diffusers scheduler) and
    the number of steps.  It returns a scheduler with `timesteps`, from pure noise on, and
    `step(prediction, timestep, latent, generator=…).prev_sample`.  `step` must draw noise only from
    its `generator`: otherwise a seed would not determine the clip.

    Raises:
        ValueError: if no target is given, or one has a sampler of this name.
    """
    taken = [target for target in targets if name in _SAMPLERS.get(target, {})]
    if taken or not targets:
        raise ValueError(f'register_sampler: {name!r} needs targets without a sampler of this '
                         f'name, but got {targets}; choose another name')

    def register(factory: SamplerFactory) -> SamplerFactory:
        for target in targets:
            _SAMPLERS.setdefault(target, {})[name] = factory
        return factory

    return register


def sampler_names(target: str) -> list[str]:
    """Names of the samplers for denoisers of a target."""
    return list(_SAMPLERS.get(target, {}))


def build_sampler(name: str, target: str, schedule: dict[str, Any], steps: int) -> Any:
    """A diffusers scheduler whose timesteps are set.

    Raises:
        ValueError: if there is no such sampler for the target, or the number of steps isn't
            between 1 and those of the schedule.
    """
    if name not in sampler_names(target):
        raise ValueError(f'a denoiser trained for {target!r} is sampled by '
                         f'{" or ".join(sampler_names(target))}, but the sampler is {name!r}')
    most = schedule['num_train_timesteps']
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= most:
        raise ValueError(f'steps counts steps of the sampler and lies in [1, {most}], but got '
                         f'{steps!r}')
    return _SAMPLERS[target][name](schedule, steps)


# Trailing spacing, so that sampling starts at the last level of the training (Lin et al. 2024), and
# no clipping to [−1, 1]: latents exceed it, and DDIM's default would pull all towards 0.

@register_sampler('DPMSolverMultistep', 'v', 'epsilon')
def dpm_solver(schedule: dict[str, Any], steps: int) -> Any:
    """DPM-Solver++ 2M, Lu et al. 2022."""
    return _started(DPMSolverMultistepScheduler(
        **schedule, timestep_spacing='trailing', algorithm_type='dpmsolver++', solver_order=2),
        steps)


@register_sampler('DDIM', 'v', 'epsilon')
def ddim(schedule: dict[str, Any], steps: int) -> Any:
    """Song et al. 2021, with σ = 0."""
    return _started(DDIMScheduler(**schedule, timestep_spacing='trailing', clip_sample=False,
                                  set_alpha_to_one=True), steps)


@register_sampler('DDPM', 'v', 'epsilon')
def ddpm(schedule: dict[str, Any], steps: int) -> Any:
    """Ho et al. 2020: ancestral sampling."""
    return _started(DDPMScheduler(**schedule, timestep_spacing='trailing', clip_sample=False),
                    steps)


@register_sampler('DPMSolverMultistep', 'flow')
def dpm_solver_of_flow(schedule: dict[str, Any], steps: int) -> Any:
    """DPM-Solver++ 2M, on the noise levels of `flow_levels`."""
    solver = _started(DPMSolverMultistepScheduler(
        **schedule, timestep_spacing='trailing', algorithm_type='dpmsolver++', solver_order=2,
        prediction_type='flow_prediction', use_flow_sigmas=True), steps)
    solver.set_begin_index(0)                        # with many steps the first levels are equal
    levels = flow_levels(steps)
    solver.sigmas = torch.cat([levels, torch.zeros(1)])
    solver.timesteps = schedule['num_train_timesteps'] * levels
    return solver


@register_sampler('FlowMatchEuler', 'flow')
def flow_match_euler(schedule: dict[str, Any], steps: int) -> Any:
    """Euler's method in equal steps of s; Lipman et al. 2023."""
    solver = _started(FlowMatchEulerDiscreteScheduler(**schedule), steps)
    solver.set_begin_index(0)
    return solver


def flow_levels(steps: int) -> Tensor:
    """(steps,) noise levels of a flow, decreasing from 1."""
    first, last = 1 - FLOW_ENDS[0] / steps, FLOW_ENDS[1] / steps
    ends = torch.tensor([first, last]).logit()
    levels = torch.linspace(float(ends[0]), float(ends[1]), steps).sigmoid()
    levels[0] = 1
    return levels


def _started(scheduler: Any, steps: int) -> Any:
    scheduler.set_timesteps(steps)
    return scheduler
