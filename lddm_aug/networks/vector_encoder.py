"""Video encoder of the paper's baseline: a 3D ResNet-18 (Hara et al. 2018) to a vector."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lddm_aug.networks.encoder import resnet_18

GROUPS = 16
WIDTHS = (64, 64, 128, 256, 512)                     # of the stem and the four stages
TIME_STRIDES = (2, 1, 2, 2, 2)
FIRST_LOG_VARIANCE = -4.                             # else the decoder learns to ignore the latent


def normalised_shortcut(in_channels: int, out_channels: int, stride: tuple[int, int, int]
                        ) -> nn.Module:
    """3 × 3 × 3 convolution with a norm."""
    return nn.Sequential(nn.Conv3d(in_channels, out_channels, 3, stride, padding=1, bias=False),
                         nn.GroupNorm(GROUPS, out_channels))


class VectorEncoder(nn.Module):
    """(B, C, T, H, W) clip → mean and log variance of its (B, Cz, 1, 1, 1) latent.

    It has 38,798,528 parameters for RGB clips of 16 × 128 × 128, the published number.

    Args:
        channels: C of the clip.
        latent_channels: Cz.
        num_frames: T, a multiple of 16.
        size: H and W.
        space_strides: of the stem and the four stages; the last layer's kernel covers their whole
            output.
    """

    def __init__(self, channels: int, latent_channels: int, num_frames: int, size: int,
                 space_strides: Sequence[int] = (2, 2, 2, 2, 2)) -> None:
        super().__init__()
        self.stem, self.stages = resnet_18(channels, WIDTHS, TIME_STRIDES, space_strides, GROUPS,
                                           normalised_shortcut)
        with torch.no_grad():
            left = self.stages(self.stem(torch.zeros(1, channels, num_frames, size, size)))
        self.to_latent = nn.Conv3d(WIDTHS[-1], 2 * latent_channels, tuple(left.shape[2:]))
        for part in (*self.stem.modules(), *self.stages.modules()):
            if isinstance(part, nn.Conv3d):
                nn.init.kaiming_normal_(part.weight, mode='fan_out')
        _, log_variance = self.to_latent.bias.chunk(2)  # type: ignore[union-attr]
        nn.init.constant_(log_variance, FIRST_LOG_VARIANCE)

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.to_latent(self.stages(self.stem(clip))).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 5)
