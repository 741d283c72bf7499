"""Base class of the autoencoders: modes, losses, and standardised latents."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from lddm_aug.distributed import in_turn
from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.reconstruction_losses import AdversarialLoss, PerceptualLoss

MIN_STD = 1e-4                                       # below this a latent channel is constant


class ClipAutoencoder(BaseModel):
    """Encodes a clip as a latent, and decodes a still and a latent as a clip.

    `LatentStatisticsHook` measures the mean and standard deviation of each latent channel after
    the training.  They are saved with the weights; `encode` and `decode` standardise by them.

    Args:
        encoder: (B, C, T, H, W) clip → mean and log variance, each (B, Cz, t, h, w).
        decoder: (B, C, H, W) still, (B, Cz, t, h, w) latent → (B, C, T, H, W) clip.
        channels: C of the clips.
        latent_channels: Cz.
        kl_weight: of the Kullback-Leibler term, per latent value, beside L1 per pixel in [−1, 1].
        perceptual: arguments of `PerceptualLoss`; None for none.
        adversarial: arguments of `AdversarialLoss`; None for none.
        init_cfg: as in MMEngine.
    """

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, encoder: nn.Module, decoder: nn.Module, channels: int, latent_channels: int,
                 kl_weight: float, perceptual: dict | None, adversarial: dict | None,
                 init_cfg: dict | None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.channels = channels
        self.latent_channels = latent_channels
        self.encoder = encoder
        self.decoder = decoder
        self.kl_weight = kl_weight
        self.perceptual = PerceptualLoss(**perceptual) if perceptual else None
        self.adversarial = AdversarialLoss(channels, **adversarial) if adversarial else None
        self.register_buffer('latent_mean', torch.zeros(latent_channels, 1, 1, 1))
        self.register_buffer('latent_std', torch.ones(latent_channels, 1, 1, 1))

    def encode(self, clip: Tensor) -> Tensor:
        """(B, C, T, H, W) clip in [−1, 1] → its standardised (B, Cz, t, h, w) latent.

        Raises:
            ValueError: if a latent channel is the same for every clip.
        """
        same = (self.latent_std.flatten() <= MIN_STD).nonzero().flatten().tolist()
        if same:
            raise ValueError(f'{type(self).__name__}: latent channels {same} are the same for '
                             'every clip, so they cannot be standardised; lower kl_weight, take '
                             'fewer latent_channels or train longer')
        mean, _ = self.encoder(clip)
        return (mean - self.latent_mean) / self.latent_std

    def decode(self, still: Tensor, latent: Tensor,
               seeds: Sequence[int] | None = None) -> Tensor:
        """(B, C, H, W) still, standardised (B, Cz, t, h, w) latent → (B, C, T, H, W) clip.

        Args:
            seeds: one per clip, for decoders that draw noise.
        """
        return self.decoder(still, self._unstandardise(latent))

    def forward(self, clip: Tensor, mode: str = 'tensor', **_: object
                ) -> Tensor | dict[str, Tensor] | list[dict[str, Tensor]]:
        """(B, C, T, H, W) uint8 clips → losses, or clips beside their reconstructions.

        Args:
            mode: `loss`; `predict` for a list of dict(clip, reconstruction), one per sample, each
                (C, T, H, W) in [−1, 1]; `tensor` for the reconstructions alone.
        """
        clip = to_unit(clip)
        if mode == 'loss':
            return self.loss(clip)
        reconstruction = self.decode(clip[:, :, 0], self.encode(clip))
        if mode == 'predict':
            return [dict(clip=truth, reconstruction=rebuilt)
                    for truth, rebuilt in zip(clip, reconstruction, strict=True)]
        return reconstruction

    def loss(self, clip: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) clips in [−1, 1] → weighted losses by name."""
        mean, log_variance = (value.float() for value in self.encoder(clip))
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction, decoder_losses = self._reconstruct(clip, latent)
        divergence = 0.5 * (mean ** 2 + log_variance.exp() - 1 - log_variance).mean()
        losses = dict(loss_l1=F.l1_loss(reconstruction, clip),
                      loss_kl=self.kl_weight * divergence, **decoder_losses)
        for loss in (self.perceptual, self.adversarial):
            if loss is not None:
                losses |= loss(reconstruction, clip)
        return losses

    @torch.no_grad()
    def measure_latents(self, batches: Iterable[Tensor]) -> None:
        """Set the mean and standard deviation from these (B, C, T, H, W) uint8 clips.

        Where several ranks train, each has another share of the clips; all of them count.
        """
        training = self.training
        self.eval()
        device = self.latent_mean.device
        latents = torch.cat(in_turn([self.encoder(to_unit(clips.to(device)))[0].double().cpu()
                                     for clips in batches]))
        std, mean = torch.std_mean(latents, dim=(0, 2, 3, 4), correction=0, keepdim=True)
        self.latent_mean.copy_(mean[0])
        self.latent_std.copy_(std[0])
        self.train(training)

    def _reconstruct(self, clip: Tensor, latent: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Reconstruction from first frame and raw latent, and losses of the decoder alone."""
        return self.decoder(clip[:, :, 0], latent), {}

    def _unstandardise(self, latent: Tensor) -> Tensor:
        """The latent as the decoder takes it."""
        return latent * self.latent_std + self.latent_mean
