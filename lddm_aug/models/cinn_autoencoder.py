"""Stage 1 of the paper's baseline, in its published shape: a clip becomes a vector, and back."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import BaseModel
from torch import Tensor

from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.reconstruction_losses import AdversarialLoss, PerceptualLoss
from lddm_aug.networks.spade_decoder import SpadeDecoder
from lddm_aug.networks.vector_encoder import VectorEncoder

# How fast the latent statistics follow: they average over about 1 / 0.02 = 50 batches.
STATISTICS_MOMENTUM = 0.02


@MODELS.register_module()
class CINNAutoencoder(BaseModel):
    """Encoder and decoder of cINN (Dorkenwald et al. 2021), trained together.

    Serves wherever a `VideoAutoencoder` does; its latents are vectors, (B, Cz, 1, 1, 1).  The
    losses are published with weights 10 (L1), 30 (LPIPS), 1e-6 (KL) and 1 (adversarial), here
    beside an L1 of 1; feature matching and gradient penalty are left out, as the discriminators,
    which are normalised spectrally, don't need them.

    Args:
        num_frames: T of the clips, a multiple of 16.
        size: H and W of the clips, a multiple of 32.
        space_strides: of the encoder's stem and stages; published (2, 2, 2, 2, 2) for 128 pixels
            and (2, 1, 2, 2, 2) for 64.
        width: channels of the decoder's last block; published 32 for 128 pixels.
        channels: C of the clips.
        latent_channels: Cz.
        kl_weight: of the Kullback-Leibler term, per latent value, beside L1 per pixel in [−1, 1].
        perceptual: arguments of `PerceptualLoss`, as for a `VideoAutoencoder`.
        adversarial: arguments of `AdversarialLoss`, likewise.
        init_cfg: as in MMEngine.
    """

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, num_frames: int, size: int, space_strides: Sequence[int], width: int = 32,
                 channels: int = 1, latent_channels: int = 64, kl_weight: float = 1e-7,
                 perceptual: dict | None = None, adversarial: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.channels = channels
        self.latent_channels = latent_channels
        self.encoder = VectorEncoder(channels, latent_channels, num_frames, size, space_strides)
        self.decoder = SpadeDecoder(channels, latent_channels, num_frames, size, width)
        self.kl_weight = kl_weight
        self.perceptual = PerceptualLoss(**perceptual) if perceptual else None
        self.adversarial = AdversarialLoss(channels, **adversarial) if adversarial else None
        self.register_buffer('latent_mean', torch.zeros(latent_channels, 1, 1, 1))
        self.register_buffer('latent_std', torch.ones(latent_channels, 1, 1, 1))

    def encode(self, clip: Tensor) -> Tensor:
        """(B, C, T, H, W) clip in [−1, 1] → its standardised (B, Cz, 1, 1, 1) latent."""
        mean, _ = self.encoder(clip)
        return (mean - self.latent_mean) / self.latent_std

    def decode(self, still: Tensor, latent: Tensor, seeds: Sequence[int] | None = None) -> Tensor:
        """(B, C, H, W) still, standardised (B, Cz, 1, 1, 1) latent → (B, C, T, H, W) clip.

        Args:
            seeds: not used: nothing is drawn here.
        """
        return self.decoder(still, latent * self.latent_std + self.latent_mean)

    def forward(self, clip: Tensor, mode: str = 'tensor', **_: object
                ) -> Tensor | dict[str, Tensor] | list[dict[str, Tensor]]:
        """(B, C, T, H, W) uint8 clips → losses, or clips beside their reconstructions.

        Args:
            mode: `loss`, `predict` or `tensor`, as for a `VideoAutoencoder`.
        """
        clip = to_unit(clip)
        if mode == 'loss':
            # on the CPU in float32: in bfloat16 PyTorch 2.13 gave its large convolutions' weights
            # gradients of 1e35, now and then, and the training diverged
            with torch.autocast('cpu', enabled=False):
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
        reconstruction = self.decoder(clip[:, :, 0], latent)
        divergence = 0.5 * (mean ** 2 + log_variance.exp() - 1 - log_variance).mean()
        losses = dict(loss_l1=F.l1_loss(reconstruction, clip),
                      loss_kl=self.kl_weight * divergence)
        for loss in (self.perceptual, self.adversarial):
            if loss is not None:
                losses |= loss(reconstruction, clip)
        return losses

    def _follow_statistics(self, latent: Tensor) -> None:
        """A batch holds one vector a clip: too few for a spread, enough for both moments."""
        square = self.latent_std ** 2 + self.latent_mean ** 2
        self.latent_mean.lerp_(latent.mean(dim=0), STATISTICS_MOMENTUM)
        square = square.lerp((latent ** 2).mean(dim=0), STATISTICS_MOMENTUM)
        self.latent_std.copy_((square - self.latent_mean ** 2).clamp(min=1e-8).sqrt())
