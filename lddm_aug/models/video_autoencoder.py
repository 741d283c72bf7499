"""Stage 1: an autoencoder of clips whose decoder is conditional on the still."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.models.clip_autoencoder import ClipAutoencoder
from lddm_aug.networks.decoder import VideoDecoder
from lddm_aug.networks.encoder import VideoEncoder
from lddm_aug.networks.grain import Grain

SCALE_WEIGHT = 0.1                                   # uncritical: it trains weights of its own
# In [−1, 1].  Latents far from the training data can give scales up to 47, and white noise as a
# clip.  The scale of ordinary clips is 0.003 to 0.12.
LARGEST_SCALE = 0.25


class Rebuilt(NamedTuple):
    """What a `VideoDecoder` gives."""

    clip: Tensor                                     # (B, C, T, H, W)
    sharp: Tensor                                    # (B, C, T, H, W), without blur
    scale: Tensor                                    # (B, 1, T, H, W), the expected error

    def followed_by(self, others: Rebuilt) -> Rebuilt:
        """Its frames and those of others, whose frame 0 is its last."""
        return Rebuilt(*(torch.cat([before, after[:, :, 1:]], dim=2)
                         for before, after in zip(self, others, strict=True)))


@MODELS.register_module()
class VideoAutoencoder(ClipAutoencoder):
    """Encoder and decoder of LDDM (Chen, Shi et al. 2024), trained together.

    The loss is L1 between clip and reconstruction, and a small Kullback-Leibler term that keeps
    the latents near a standard normal distribution (Kingma and Welling 2014).  A config can add a
    perceptual distance (Zhang et al. 2018) and the hinge losses of a discriminator of frames and
    one of motion (Lim and Ye 2017).

    Args:
        encoder: arguments of `VideoEncoder`.
        decoder: arguments of `VideoDecoder`.
        channels: C of the clips.
        latent_channels: Cz.
        kl_weight: of the Kullback-Leibler term, per latent value, beside L1 per pixel in [−1, 1].
        perceptual: dict(vgg=path of the weights, weight=…, frames=frames of each clip that are
            compared, drawn anew each time).
        grain: arguments of `Grain`, dict(num_frames=T, size=H) of the clips; None for no grain.
        adversarial: arguments of `AdversarialLoss`.
        init_cfg: as in MMEngine, for example a checkpoint to start from.

    Raises:
        ValueError: if encoder and decoder compress time or space by different factors.
    """

    def __init__(self, encoder: dict, decoder: dict, channels: int = 1, latent_channels: int = 8,
                 kl_weight: float = 1e-4, perceptual: dict | None = None,
                 adversarial: dict | None = None, grain: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(VideoEncoder(channels, latent_channels, **encoder),
                         VideoDecoder(channels, latent_channels, **decoder),
                         channels, latent_channels, kl_weight, perceptual, adversarial, init_cfg)
        encoded, decoded = ((part.time_compression, part.space_compression)
                            for part in (self.encoder, self.decoder))
        if encoded != decoded:
            raise ValueError('VideoAutoencoder: encoder and decoder must compress time and space '
                             f'alike, but got {encoded} from the products of time_strides and '
                             f'space_strides, and {decoded} from time_compression and '
                             '2 ** len(widths); change one of them')
        self.grain = Grain(channels, **grain) if grain else None
        if self.grain is None:                       # no loss: DDP would wait for its gradient
            self.decoder.to_scale.requires_grad_(False)

    def decode(self, still: Tensor, latent: Tensor,
               seeds: Sequence[int] | None = None) -> Tensor:
        """(B, C, H, W) still, standardised (B, Cz, t, h, w) latent → (B, C, T, H, W) clip.

        Args:
            seeds: one per clip, to draw its grain and remove part of its blur.  Without them the
                clip has a smaller error per pixel, and is too soft.
        """
        rebuilt = self.rebuild(still, latent)
        return rebuilt.clip if seeds is None else self.texture(rebuilt, seeds)

    def rebuild(self, still: Tensor, latent: Tensor) -> Rebuilt:
        """As `decode`, without texture."""
        return Rebuilt(*self.decoder(still, self._unstandardise(latent)))

    def texture(self, rebuilt: Rebuilt, seeds: Sequence[int]) -> Tensor:
        """Draw the grain of B clips, and remove part of their blur."""
        if self.grain is None:
            return rebuilt.clip
        return self.grain(rebuilt.clip, rebuilt.sharp, rebuilt.scale.clamp(max=LARGEST_SCALE),
                          seeds)

    def _reconstruct(self, clip: Tensor, latent: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        reconstruction, sharp, scale = self.decoder(clip[:, :, 0], latent)
        if self.grain is None:
            return reconstruction, {}
        # negative log likelihood of a Laplace distribution; its gradient reaches the scale alone
        residual = (clip - reconstruction).detach()
        loss = SCALE_WEIGHT * ((residual / scale).abs() + scale.log()).mean()
        self.grain.update_statistics(clip, reconstruction.detach(), sharp.detach(), scale.detach())
        return reconstruction, dict(loss_scale=loss)
