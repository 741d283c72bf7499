"""Noise process of the latents for training, and the samplers that reverse it."""
from __future__ import annotations

from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor

from lddm_aug.models.samplers import build_sampler

STEPS = 1000                                         # noise levels
PREDICTIONS = {'v': 'v_prediction', 'epsilon': 'epsilon'}
TARGETS = (*PREDICTIONS, 'flow')


class NoiseProcess:
    """Computes the noisy input and the target of a denoiser from a latent z and noise ε.

    | target    | noisy input        | target             | source                           |
    |-----------|--------------------|--------------------|----------------------------------|
    | `v`       | √ᾱ z + √(1 − ᾱ) ε | √ᾱ ε − √(1 − ᾱ) z | Salimans and Ho 2022, appendix D |
    | `epsilon` | √ᾱ z + √(1 − ᾱ) ε | ε                  | Ho et al. 2020, eq. 14           |
    | `flow`    | (1 − s) z + s ε    | ε − z              | Lipman et al. 2023; Liu et al. 2023 |

    ᾱ follows the cosine of Nichol and Dhariwal 2021; s is uniform in (0, 1].

    Args:
        target: `v`, `epsilon` or `flow`.
        zero_terminal_snr: rescale ᾱ so that the last step is pure noise (Lin et al. 2024), in
            training and in sampling.  For `v` only: in pure noise, ε has no information about z.
        min_snr_gamma: γ of Hang et al. 2023: errors of steps with little noise weigh less.  Not
            for `flow`.
    """

    def __init__(self, target: str = 'v', zero_terminal_snr: bool = True,
                 min_snr_gamma: float | None = None) -> None:
        if target not in TARGETS:
            raise ValueError(f'NoiseProcess: target is one of {", ".join(TARGETS)}, '
                             f'but got {target!r}')
        if target == 'epsilon' and zero_terminal_snr:
            raise ValueError("NoiseProcess: at zero SNR, ε doesn't depend on the latent, so target "
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
        """(count,) random noise levels: integers in [0, 999], or 1000 · s of a flow."""
        if self.target == 'flow':
            return STEPS * (1 - torch.rand(count, device=device))
        return torch.randint(STEPS, (count,), device=device)

    def noised(self, latent: Tensor, noise: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, …) latents and noise, (B,) steps → (B, …) noisy input and target."""
        ones = (-1,) + (1,) * (latent.ndim - 1)
        if self.target == 'flow':
            s = (steps / STEPS).to(latent).view(ones)
            return (1 - s) * latent + s * noise, noise - latent
        alpha_bar = self.alphas_cumprod.to(latent.device)[steps].to(latent).view(ones)
        signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        target = signal * noise - spread * latent if self.target == 'v' else noise
        return signal * latent + spread * noise, target

    def weights(self, steps: Tensor) -> Tensor:
        """(B,) steps → (B,) weights of their squared errors; Hang et al. 2023, section 3.4."""
        if self.min_snr_gamma is None:
            return torch.ones(len(steps), device=steps.device)
        alpha_bar = self.alphas_cumprod.to(steps.device)[steps]
        # with SNR = ᾱ / (1 − ᾱ), written without a division by zero at ᾱ = 0 and 1
        clipped = alpha_bar.minimum(self.min_snr_gamma * (1 - alpha_bar))
        return clipped if self.target == 'v' else clipped / alpha_bar

    def sampler(self, name: str, steps: int) -> Any:
        """A diffusers scheduler whose timesteps are set.

        Raises:
            ValueError: if the target has no such sampler, or steps is out of range.
        """
        return build_sampler(name, self.target, self.schedule, steps)
