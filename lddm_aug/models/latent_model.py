"""Base class of the models of a trained autoencoder's latents."""
from __future__ import annotations

from abc import abstractmethod

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModel
from torch import Tensor


class LatentModel(BaseModel):
    """A model of p(latent | still), for the latents of a frozen autoencoder.

    It contains the autoencoder, so that one checkpoint can synthesize, but doesn't train it.

    Args:
        autoencoder: config of the model that made the latents; its `init_cfg` names the checkpoint.
        init_cfg: as in MMEngine.
    """

    def __init__(self, autoencoder: dict, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.autoencoder = MODELS.build(autoencoder)
        self.autoencoder.requires_grad_(False)

    def train(self, mode: bool = True) -> LatentModel:
        super().train(mode)
        self.autoencoder.eval()
        return self

    @abstractmethod
    def condition(self, still: Tensor) -> Tensor:
        """(B, C, H, W) still in [−1, 1] → (B, Cs, h, w) condition."""

    @abstractmethod
    def require_fit(self, latent: Tensor, condition: Tensor) -> None:
        """Raise ValueError if (B, Cz, t, h, w) latents and (B, Cs, h, w) conditions don't fit."""

    @torch.no_grad()
    def latent_shape(self, num_frames: int, size: int) -> tuple[int, ...]:
        """(Cz, t, h, w) of clips of num_frames frames of size × size pixels.

        Raises:
            ValueError: if the autoencoder doesn't take clips of this shape.
        """
        clip = torch.zeros(1, self.autoencoder.channels, num_frames, size, size)
        latent = self.autoencoder.encode(clip)
        self.require_fit(latent, self.condition(clip[:, :, 0]))
        return tuple(latent.shape[1:])
