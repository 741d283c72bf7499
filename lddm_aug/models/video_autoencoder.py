"""Stage 1: a clip becomes a small latent, and a still and a latent become a clip."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import BaseModel
from torch import Tensor

from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.decoder import VideoDecoder
from lddm_aug.networks.encoder import VideoEncoder

# How fast the latent statistics follow: they average over about 1 / 0.02 = 50 batches.
STATISTICS_MOMENTUM = 0.02


@MODELS.register_module()
class VideoAutoencoder(BaseModel):
    """Encoder and decoder of LDDM (Chen, Shi et al. 2024), trained together.

    The loss is L1 between clip and reconstruction, and a small Kullback-Leibler term that keeps
    the latents near a standard normal distribution (Kingma and Welling 2014).  The mean and
    standard deviation of each latent channel are measured during training and kept beside the
    weights; outside of this class latents are standardised.

    Args:
        encoder: arguments of `VideoEncoder`.
        decoder: arguments of `VideoDecoder`.
        channels: C of the clips.
        latent_channels: Cz.
        kl_weight: of the Kullback-Leibler term, per latent value, beside L1 per pixel in [−1, 1].
        init_cfg: as in MMEngine, for example a checkpoint to start from.
    """

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, encoder: dict, decoder: dict, channels: int = 1, latent_channels: int = 8,
                 kl_weight: float = 1e-4, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.channels = channels
        self.latent_channels = latent_channels
        self.encoder = VideoEncoder(channels, latent_channels, **encoder)
        self.decoder = VideoDecoder(channels, latent_channels, **decoder)
        self.kl_weight = kl_weight
        self.register_buffer('latent_mean', torch.zeros(latent_channels, 1, 1, 1))
        self.register_buffer('latent_std', torch.ones(latent_channels, 1, 1, 1))

    def encode(self, clip: Tensor) -> Tensor:
        """(B, C, T, H, W) clip in [−1, 1] → its standardised (B, Cz, t, h, w) latent."""
        mean, _ = self.encoder(clip)
        return (mean - self.latent_mean) / self.latent_std

    def decode(self, still: Tensor, latent: Tensor) -> Tensor:
        """(B, C, H, W) still, standardised (B, Cz, t, h, w) latent → (B, C, T, H, W) clip."""
        return self.decoder(still, latent * self.latent_std + self.latent_mean)

    def forward(self, clip: Tensor, mode: str = 'tensor', **_: object
                ) -> Tensor | dict[str, Tensor] | list[dict[str, Tensor]]:
        """(B, C, T, H, W) uint8 clips → losses, or clips beside their reconstructions.

        Args:
            mode: `loss`; `predict` for a list of dict(clip, reconstruction), one a sample, each
                (C, T, H, W) in [−1, 1]; `tensor` for the reconstructions alone.
        """
        clip = to_unit(clip)
        if mode == 'loss':
            return self.loss(clip)
        reconstruction = self.decode(clip[:, :, 0], self.encode(clip))
        if mode == 'predict':
            return [dict(clip=truth, reconstruction=guess)
                    for truth, guess in zip(clip, reconstruction, strict=True)]
        return reconstruction

    def loss(self, clip: Tensor) -> dict[str, Tensor]:
        mean, log_variance = self.encoder(clip)
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        self._follow_statistics(latent.detach())
        reconstruction = self.decoder(clip[:, :, 0], latent)
        divergence = 0.5 * (mean ** 2 + log_variance.exp() - 1 - log_variance).mean()
        return dict(loss_l1=F.l1_loss(reconstruction, clip),
                    loss_kl=self.kl_weight * divergence)

    def _follow_statistics(self, latent: Tensor) -> None:
        std, mean = torch.std_mean(latent.float(), dim=(0, 2, 3, 4))
        self.latent_mean.lerp_(mean.view_as(self.latent_mean), STATISTICS_MOMENTUM)
        self.latent_std.lerp_(std.view_as(self.latent_std), STATISTICS_MOMENTUM)
