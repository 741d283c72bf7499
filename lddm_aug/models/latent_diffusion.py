"""Stage 2: p(latent | still), learnt by diffusion."""
from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler
from mmaction.registry import MODELS
from mmengine.model import BaseModel
from torch import Tensor

from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.denoiser import Denoiser

# Zero terminal SNR: the last step is pure noise, in training as in sampling, which Lin et al. 2024
# show is needed, and which is why the target is v (ε says nothing about the latent there).
NOISE_SCHEDULE: dict[str, Any] = dict(
    num_train_timesteps=1000, beta_schedule='squaredcos_cap_v2', prediction_type='v_prediction',
    rescale_betas_zero_snr=True)


@MODELS.register_module()
class LatentDiffusion(BaseModel):
    """Denoiser over the latents of a frozen video autoencoder, conditioned on a clip's still.

    Learns v = √ᾱ ε − √(1 − ᾱ) z (Salimans and Ho 2022) under the cosine schedule of Nichol and
    Dhariwal 2021, rescaled to zero terminal SNR.  The autoencoder is carried along so that a
    checkpoint can synthesize, but isn't trained.

    Args:
        autoencoder: config of the `VideoAutoencoder` that made the latents; its `init_cfg` names
            the checkpoint.
        denoiser: arguments of `Denoiser`.
        drop_still: share of the samples whose still is withheld, for guidance (Ho and Salimans
            2022).
        init_cfg: as in MMEngine.
    """

    def __init__(self, autoencoder: dict, denoiser: dict, drop_still: float = 0.1,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.autoencoder = MODELS.build(autoencoder)
        self.autoencoder.requires_grad_(False)
        self.denoiser = Denoiser(self.autoencoder.channels, self.autoencoder.latent_channels,
                                 **denoiser)
        self.noise_schedule: Any = DDPMScheduler(**NOISE_SCHEDULE)
        self.drop_still = drop_still

    def train(self, mode: bool = True) -> LatentDiffusion:
        super().train(mode)
        self.autoencoder.eval()
        return self

    def forward(self, latent: Tensor, still: Tensor, mode: str = 'tensor', **_: object
                ) -> dict[str, Tensor]:
        """(B, Cz, t, h, w) standardised latents, (B, C, H, W) uint8 stills → the loss."""
        if mode != 'loss':
            raise ValueError('LatentDiffusion: only trains; clips are made by LDDMGenerator, '
                             f'but was called with mode={mode!r}')
        condition = self.denoiser.condition(to_unit(still))
        withheld = torch.rand(len(still), 1, 1, 1, device=still.device) < self.drop_still
        condition = torch.where(withheld, self.denoiser.no_still, condition)
        steps = torch.randint(self.noise_schedule.config.num_train_timesteps, (len(latent),),
                              device=latent.device)
        noise = torch.randn_like(latent)
        noisy = self.noise_schedule.add_noise(latent, noise, steps)
        target = self.noise_schedule.get_velocity(latent, noise, steps)
        return dict(loss_v=F.mse_loss(self.denoiser(noisy, steps, condition), target))
