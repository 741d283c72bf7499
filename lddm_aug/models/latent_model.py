"""What learns the latents of a trained autoencoder."""
from __future__ import annotations

from abc import abstractmethod

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModel
from torch import Tensor


class LatentModel(BaseModel):
    """Which latents of a frozen autoencoder go with a clip's still.

    The autoencoder is carried along so that a checkpoint can synthesize, but isn't trained.

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
        """(Cz, t, h, w) of clips of so many frames and pixels.

        Raises:
            ValueError: if there are no such clips.
        """
        clip = torch.zeros(1, self.autoencoder.channels, num_frames, size, size)
        latent = self.autoencoder.encode(clip)
        self.require_fit(latent, self.condition(clip[:, :, 0]))
        return tuple(latent.shape[1:])
