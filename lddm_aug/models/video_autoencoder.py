"""Stage 1: a clip becomes a small latent, and a still and a latent become a clip."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import BaseModel
from torch import Tensor

from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.reconstruction_losses import AdversarialLoss, PerceptualLoss
from lddm_aug.networks.decoder import VideoDecoder
from lddm_aug.networks.encoder import VideoEncoder
from lddm_aug.networks.grain import Grain

# How fast the latent statistics follow: they average over about 1 / 0.02 = 50 batches.
STATISTICS_MOMENTUM = 0.02
SCALE_WEIGHT = 0.1                                   # it has its own weights; Adam evens it out
MIN_STD = 1e-4                                       # below this a latent channel says nothing


@MODELS.register_module()
class VideoAutoencoder(BaseModel):
    """Encoder and decoder of LDDM (Chen, Shi et al. 2024), trained together.

    The loss is L1 between clip and reconstruction, and a small Kullback-Leibler term that keeps
    the latents near a standard normal distribution (Kingma and Welling 2014); by config also a
    perceptual distance (Zhang et al. 2018) and what a discriminator of frames and one of motion
    say (hinge losses, Lim and Ye 2017).  The mean and standard deviation of each latent channel
    are measured during training and kept beside the weights; outside of this class latents are
    standardised.

    Args:
        encoder: arguments of `VideoEncoder`.
        decoder: arguments of `VideoDecoder`.
        channels: C of the clips.
        latent_channels: Cz.
        kl_weight: of the Kullback-Leibler term, per latent value, beside L1 per pixel in [−1, 1].
        perceptual: dict(vgg=path of the weights, weight=…, frames=frames of each clip that are
            compared, drawn anew each time).
        grain: dict(num_frames=T, size=H) of the clips, to model what the latent leaves open: see
            `Grain`.  None for none.
        adversarial: dict(spatial=weight, temporal=weight, width=channels of the
            discriminators).
        init_cfg: as in MMEngine, for example a checkpoint to start from.
    """

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, encoder: dict, decoder: dict, channels: int = 1, latent_channels: int = 8,
                 kl_weight: float = 1e-4, perceptual: dict | None = None,
                 adversarial: dict | None = None, grain: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.channels = channels
        self.latent_channels = latent_channels
        self.encoder = VideoEncoder(channels, latent_channels, **encoder)
        self.decoder = VideoDecoder(channels, latent_channels, **decoder)
        self.kl_weight = kl_weight
        self.perceptual = PerceptualLoss(**perceptual) if perceptual else None
        self.adversarial = AdversarialLoss(channels, **adversarial) if adversarial else None
        self.grain = Grain(channels, **grain) if grain else None
        self.register_buffer('latent_mean', torch.zeros(latent_channels, 1, 1, 1))
        self.register_buffer('latent_std', torch.ones(latent_channels, 1, 1, 1))

    def encode(self, clip: Tensor) -> Tensor:
        """(B, C, T, H, W) clip in [−1, 1] → its standardised (B, Cz, t, h, w) latent."""
        mean, _ = self.encoder(clip)
        same = (self.latent_std.flatten() <= MIN_STD).nonzero().flatten().tolist()
        if same:
            raise ValueError(f'VideoAutoencoder: latent channels {same} are the same for every '
                             'clip, so they cannot be standardised; lower kl_weight, take fewer '
                             'latent_channels or train longer')
        return (mean - self.latent_mean) / self.latent_std

    def decode(self, still: Tensor, latent: Tensor,
               seeds: Sequence[int] | None = None) -> Tensor:
        """(B, C, H, W) still, standardised (B, Cz, t, h, w) latent → (B, C, T, H, W) clip.

        Args:
            seeds: one a clip, from which its grain is drawn; without them the clip is the likeliest
                one, nearer to the truth pixel by pixel and too smooth.
        """
        clip, scale = self.decoder(still, latent * self.latent_std + self.latent_mean)
        return clip if self.grain is None or seeds is None else clip + self.grain(scale, seeds)

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
        mean, log_variance = (value.float() for value in self.encoder(clip))
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        self._follow_statistics(mean.detach())
        reconstruction, scale = self.decoder(clip[:, :, 0], latent)
        divergence = 0.5 * (mean ** 2 + log_variance.exp() - 1 - log_variance).mean()
        losses = dict(loss_l1=F.l1_loss(reconstruction, clip),
                      loss_kl=self.kl_weight * divergence)
        if self.grain is not None:
            # of a Laplace distribution, as L1 is, and of its scale alone
            residual = (clip - reconstruction).detach()
            losses['loss_scale'] = SCALE_WEIGHT * ((residual / scale).abs() + scale.log()).mean()
            self.grain.follow(clip, reconstruction.detach(), scale.detach())
        for loss in (self.perceptual, self.adversarial):
            if loss is not None:
                losses |= loss(reconstruction, clip)
        return losses

    def _follow_statistics(self, latent: Tensor) -> None:
        std, mean = torch.std_mean(latent.float(), dim=(0, 2, 3, 4))
        self.latent_mean.lerp_(mean.view_as(self.latent_mean), STATISTICS_MOMENTUM)
        self.latent_std.lerp_(std.view_as(self.latent_std), STATISTICS_MOMENTUM)
