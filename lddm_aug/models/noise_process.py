"""How latents are noised for training, and the samplers that undo it."""
from __future__ import annotations

from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from torch import Tensor

STEPS = 1000                                         # noise levels told to the denoiser
PREDICTIONS = {'v': 'v_prediction', 'epsilon': 'epsilon'}
# Trailing spacing, so that sampling starts where training ended (Lin et al. 2024), and no clipping
# to [−1, 1]: latents reach further, and DDIM's default would pull them all towards 0.
SAMPLERS: dict[str, tuple[Any, dict[str, Any]]] = {
    'DDPM': (DDPMScheduler, dict(timestep_spacing='trailing', clip_sample=False)),
    'DDIM': (DDIMScheduler, dict(timestep_spacing='trailing', clip_sample=False,
                                 set_alpha_to_one=True)),
    'DPMSolverMultistep': (DPMSolverMultistepScheduler, dict(
        timestep_spacing='trailing', algorithm_type='dpmsolver++', solver_order=2)),
    'FlowMatchEuler': (FlowMatchEulerDiscreteScheduler, {})}
# A flow's noise levels s, from pure noise on, in equal steps of log((1 − s) / s), which is half the
# log-SNR, as DPM-Solver is derived for (Lu et al. 2022); N of them begin to count below
# 1 − FLOW_ENDS[0] / N and end at FLOW_ENDS[1] / N.  Ten in equal steps of s would lose an eighth of
# the spread of latents that vary most, or of those that vary little, whichever end they leave out.
FLOW_ENDS = (0.15, 0.5)
DEFAULT_SAMPLER = 'DPMSolverMultistep'
FITTING = {'v': ('DPMSolverMultistep', 'DDIM', 'DDPM'),
           'epsilon': ('DPMSolverMultistep', 'DDIM', 'DDPM'),
           'flow': ('DPMSolverMultistep', 'FlowMatchEuler')}


class NoiseProcess:
    """From a latent z and noise ε to what the denoiser sees and what it shall say.

    | target    | it sees            | it says            | source                           |
    |-----------|--------------------|--------------------|----------------------------------|
    | `v`       | √ᾱ z + √(1 − ᾱ) ε | √ᾱ ε − √(1 − ᾱ) z | Salimans and Ho 2022, appendix D |
    | `epsilon` | √ᾱ z + √(1 − ᾱ) ε | ε                  | Ho et al. 2020, eq. 14           |
    | `flow`    | (1 − s) z + s ε    | ε − z              | Lipman et al. 2023; Liu et al. 2023 |

    ᾱ follows the cosine of Nichol and Dhariwal 2021; s is uniform in (0, 1].

    Args:
        target: `v`, `epsilon` or `flow`.
        zero_terminal_snr: rescale ᾱ so that the last step is pure noise (Lin et al. 2024), in
            training as in sampling.  For `v`; at pure noise ε says nothing about the latent.
        min_snr_gamma: γ of Hang et al. 2023: errors of steps with little noise weigh less.  Not
            for `flow`.
    """

    def __init__(self, target: str = 'v', zero_terminal_snr: bool = True,
                 min_snr_gamma: float | None = None) -> None:
        if target not in FITTING:
            raise ValueError(f'NoiseProcess: target is one of {", ".join(FITTING)}, '
                             f'but got {target!r}')
        if target == 'epsilon' and zero_terminal_snr:
            raise ValueError('NoiseProcess: at zero SNR ε says nothing about the latent, so target '
                             "'epsilon' needs zero_terminal_snr=False; or take target 'v'")
        if target == 'flow' and min_snr_gamma is not None:
            raise ValueError('NoiseProcess: min_snr_gamma weighs the targets v and epsilon, and '
                             f"must be None for 'flow', but got {min_snr_gamma!r}")
        if min_snr_gamma is not None and not min_snr_gamma > 0:
            raise ValueError('NoiseProcess: min_snr_gamma is a signal-to-noise ratio above 0, but '
                             f'got {min_snr_gamma!r}')
        self.target = target
        self.min_snr_gamma = min_snr_gamma
        self.schedule: dict[str, Any] = dict(num_train_timesteps=STEPS)
        if target != 'flow':
            self.schedule |= dict(
                beta_schedule='squaredcos_cap_v2', prediction_type=PREDICTIONS[target],
                rescale_betas_zero_snr=zero_terminal_snr)
            self.alphas_cumprod: Tensor = DDPMScheduler(**self.schedule).alphas_cumprod

    def draw_steps(self, count: int, device: torch.device) -> Tensor:
        """(count,) noise levels as the denoiser is told them: 0 … 999, of a flow 1000 · s."""
        if self.target == 'flow':
            return STEPS * (1 - torch.rand(count, device=device))
        return torch.randint(STEPS, (count,), device=device)

    def noised(self, latent: Tensor, noise: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, …) latents and noise, (B,) steps → what is seen and what shall be said."""
        ones = (-1,) + (1,) * (latent.ndim - 1)
        if self.target == 'flow':
            s = (steps / STEPS).to(latent).view(ones)
            return (1 - s) * latent + s * noise, noise - latent
        alpha_bar = self.alphas_cumprod.to(latent.device)[steps].to(latent).view(ones)
        signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        seen = signal * latent + spread * noise
        return seen, noise if self.target == 'epsilon' else signal * noise - spread * latent

    def weights(self, steps: Tensor) -> Tensor:
        """(B,) steps → (B,) weights of their squared errors; Hang et al. 2023, section 3.4."""
        if self.min_snr_gamma is None:
            return torch.ones(len(steps), device=steps.device)
        alpha_bar = self.alphas_cumprod.to(steps.device)[steps]
        # with SNR = ᾱ / (1 − ᾱ), written so that neither end divides by zero
        clipped = alpha_bar.minimum(self.min_snr_gamma * (1 - alpha_bar))
        return clipped if self.target == 'v' else clipped / alpha_bar

    def sampler(self, name: str | None, steps: int) -> Any:
        """A diffusers scheduler, ready to be stepped; by default DPM-Solver++.

        Raises:
            ValueError: if it doesn't fit the target, or the number of steps makes no sense.
        """
        name = name or DEFAULT_SAMPLER
        if name not in FITTING[self.target]:
            raise ValueError(f'a denoiser trained for {self.target!r} is sampled by '
                             f'{" or ".join(FITTING[self.target])}, but the sampler is {name!r}')
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= STEPS:
            raise ValueError(f'steps counts steps of the sampler and lies in [1, {STEPS}], but got '
                             f'{steps!r}')
        scheduler, options = SAMPLERS[name]
        if self.target == 'flow' and name == DEFAULT_SAMPLER:
            options = options | dict(prediction_type='flow_prediction', use_flow_sigmas=True)
        solver = scheduler(**self.schedule, **options)
        solver.set_timesteps(steps)
        if self.target == 'flow':
            solver.set_begin_index(0)                # many steps begin with several of one level
        if self.target == 'flow' and name == DEFAULT_SAMPLER:
            levels = flow_levels(steps)
            solver.sigmas, solver.timesteps = torch.cat([levels, torch.zeros(1)]), STEPS * levels
        return solver


def flow_levels(steps: int) -> Tensor:
    """(steps,) noise levels of a flow, from 1 down."""
    first, last = 1 - FLOW_ENDS[0] / steps, FLOW_ENDS[1] / steps
    ends = torch.tensor([first, last]).logit()
    levels = torch.linspace(float(ends[0]), float(ends[1]), steps).sigmoid()
    levels[0] = 1
    return levels
