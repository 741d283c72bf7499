"""Stage 1 of the paper's baseline, in its published shape: a clip becomes a vector, and back."""
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

    Serves wherever a `VideoAutoencoder` does; its latents are vectors, (B, Cz, 1, 1, 1).  Layers,
    widths and norms are the published ones, but for the shortcuts of the encoder: 1 × 1 × 1 without
    a norm, published 3 × 3 × 3 with one.

    The losses are published with weights 10 (L1), 30 (LPIPS), 1e-6 (KL) and 1 (adversarial), here
    beside an L1 of 1; feature matching and gradient penalty are left out, as the discriminators,
    which are normalised spectrally, don't need them.  The configs give neither `perceptual`, which
    needs weights of the user's, nor `adversarial`.

    Args:
        num_frames: T of the clips, a multiple of 16.
        size: H and W of the clips, a multiple of 32.
        space_strides: of the encoder's stem and stages; published (2, 2, 2, 2, 2) for 128 pixels
            and (2, 1, 2, 2, 2) for 64.
        width: channels of the decoder's last block; published 32 for 128 pixels, 64 for 64.
        channels: C of the clips.
        latent_channels: Cz.
        kl_weight: of the Kullback-Leibler term, per latent value, beside L1 per pixel in [−1, 1].
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
            channels, latent_channels, kl_weight, perceptual, adversarial, init_cfg)

    def loss(self, clip: Tensor) -> dict[str, Tensor]:
        # on the CPU in float32: in bfloat16 PyTorch 2.13 gave its large convolutions' weights
        # gradients of 1e35, now and then, and the training diverged
        with torch.autocast('cpu', enabled=False):
            return super().loss(clip)
