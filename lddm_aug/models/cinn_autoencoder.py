"""Stage 1 of the paper's baseline: an autoencoder of clips whose latent is a vector."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.models.clip_autoencoder import ClipAutoencoder
from lddm_aug.networks.spade_decoder import SpadeDecoder
from lddm_aug.networks.vector_encoder import VectorEncoder


@MODELS.register_module()
class CINNAutoencoder(ClipAutoencoder):
    """Encoder and decoder of cINN (Dorkenwald et al. 2021), trained together.

    It replaces a `VideoAutoencoder`; its latents are vectors, (B, Cz, 1, 1, 1).  Layers, widths,
    norms and initial weights are the published ones, with two exceptions for short trainings: log
    variances start at −4 and AdaIN's scales at about 1.

    The published weights are 10 (L1), 30 (LPIPS), 1e-6 (KL, summed over the vector), 1 (each
    discriminator), 10 (feature matching) and 10 (gradient penalty).  Here L1 has the weight 1, so
    all but the last, which is in the discriminator's own loss, are divided by ten.  The
    discriminators differ: both score patches, while the published one of motion is a 3D ResNet-18.

    Args:
        num_frames: T of the clips, a multiple of 16.
        size: H and W of the clips, a multiple of 32.
        space_strides: of the encoder's stem and stages; published (2, 2, 2, 2, 2) for 128 pixels
            and (2, 1, 2, 2, 2) for 64.
        width: channels of the decoder's last block; published 32 for 128 pixels, 64 for 64.
        channels: C of the clips.
        latent_channels: Cz.
        kl_weight: of the Kullback-Leibler term, summed over the vector, beside L1 per pixel in
            [−1, 1].
        perceptual: arguments of `PerceptualLoss`, as for a `VideoAutoencoder`.
        adversarial: arguments of `AdversarialLoss`, likewise.
        init_cfg: as in MMEngine.
    """

    def __init__(self, num_frames: int, size: int, space_strides: Sequence[int], width: int = 32,
                 channels: int = 1, latent_channels: int = 64, kl_weight: float = 1e-7,
                 perceptual: dict | None = None, adversarial: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(
            VectorEncoder(channels, latent_channels, num_frames, size, space_strides),
            SpadeDecoder(channels, latent_channels, num_frames, size, width),
            channels, latent_channels, kl_weight * latent_channels, perceptual, adversarial,
            init_cfg)

    def loss(self, clip: Tensor) -> dict[str, Tensor]:
        # on the CPU in float32: with PyTorch 2.13 some gradients of large bfloat16 convolutions
        # were 1e35, and the training diverged
        with torch.autocast('cpu', enabled=False):
            return super().loss(clip)
