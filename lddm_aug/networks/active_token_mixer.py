"""The active token mixer of ActiveMLP (Wei et al. 2022), and its extension along time.

Tokens are (B, H, W, C), channels last; frames of all clips lie in the batch, clip by clip.
"""
from __future__ import annotations

import torch
from torch import Tensor, nn

from lddm_aug.functional.sample_along import sample_along

SPACE_AXES = (2, 1)                                  # width and height in (B, H, W, …)


class ActiveTokenMixer(nn.Module):
    """Mixes tokens: each channel samples its value elsewhere in the token's row and column.

    Weights that depend on the image fuse the values from the row, the column and the token itself:
    y = P(a_w ⊙ w + a_h ⊙ h + a_c ⊙ c).  Here w, h and c are linear maps of the sampled tokens, and
    Σ a = 1 for every channel.

    Along time, a fourth linear map adds values from the same place in other frames.  It starts at
    zero, so that weights pretrained on images give the same output.

    Args:
        channels: C.
        num_frames: frames of a clip, to mix along time as well; None mixes within frames only.
    """

    def __init__(self, channels: int, num_frames: int | None = None) -> None:
        super().__init__()
        self.num_frames = num_frames
        self.width = nn.Linear(channels, channels)
        self.height = nn.Linear(channels, channels)
        self.itself = nn.Linear(channels, channels, bias=False)
        self.time: nn.Linear | None = None
        if num_frames is not None:
            self.time = nn.Linear(channels, channels)
        self.fusion = nn.Sequential(
            nn.Linear(channels, channels // 4), nn.GELU(), nn.Linear(channels // 4, 3 * channels))
        self.projection = nn.Linear(channels, channels)

    def forward(self, x: Tensor, offsets: Tensor) -> Tensor:
        """(B, H, W, C) tokens → the same.

        Args:
            offsets: (B, H, W, 2 or 3, G) along width, height and time, in tokens and frames, for
                each of G groups of C / G channels.
        """
        groups = x.unflatten(-1, (offsets.shape[-1], -1))             # (B, H, W, G, C/G)
        along = [offset.unsqueeze(-1) for offset in offsets.unbind(3)]
        w, h = (sample_along(groups, offset, axis).flatten(3)
                for offset, axis in zip(along, SPACE_AXES, strict=False))
        w, h, c = self.width(w), self.height(h), self.itself(x)
        a = self.fusion((w + h + c).mean(dim=(1, 2)))                 # (B, 3C)
        a_w, a_h, a_c = a.unflatten(-1, (-1, 3)).softmax(-1)[:, None, None].unbind(-1)
        mixed = a_w * w + a_h * h + a_c * c
        if self.time is not None:
            mixed = mixed + self.time(self._fetch_in_time(groups, along[2]))
        return self.projection(mixed)

    def _fetch_in_time(self, groups: Tensor, offset: Tensor) -> Tensor:
        shape = (-1, self.num_frames)
        fetched = sample_along(groups.unflatten(0, shape), offset.unflatten(0, shape), 1)
        return fetched.flatten(0, 1).flatten(3)

    @torch.no_grad()
    def reset_time(self) -> None:
        """Set the branch along time to zero."""
        if self.time is not None:
            self.time.weight.zero_()
            self.time.bias.zero_()


class Offsets(nn.Module):
    """(B, H, W, C) tokens → (B, H, W, 2 or 3, C / share) offsets of each group of channels.

    Along time, one half of the groups starts with an offset of +1 frame, the other of −1.

    Args:
        channels: C.
        share: channels per group.
        along_time: whether there is a third offset.
    """

    def __init__(self, channels: int, share: int, along_time: bool) -> None:
        super().__init__()
        self.groups = channels // share
        self.norm = nn.LayerNorm(channels)
        self.space = nn.Linear(channels, 2 * self.groups)
        self.time = nn.Linear(channels, self.groups) if along_time else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        offsets = self.space(x).unflatten(-1, (2, self.groups))
        if self.time is not None:
            offsets = torch.cat([offsets, self.time(x).unsqueeze(3)], dim=3)
        return offsets

    @torch.no_grad()
    def reset_time(self) -> None:
        """Set the offsets along time to +1 and −1 frame."""
        if self.time is not None:
            self.time.bias[:self.groups // 2] = 1
            self.time.bias[self.groups // 2:] = -1
