"""Denoiser: a transformer over the latent's grid, told the still, noise level and conditions."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lddm_aug.conditions import Conditions
from lddm_aug.functional.warp import hold_still
from lddm_aug.networks.condition_embedding import ConditionEmbedding
from lddm_aug.networks.decoder import StillPyramid


def sinusoids(position: Tensor, width: int, longest: float = 1e4) -> Tensor:
    """(N,) positions → (N, width) sines and cosines; Vaswani et al. 2017, section 3.5."""
    frequencies = torch.exp(-math.log(longest) * torch.arange(
        width // 2, device=position.device, dtype=torch.float32) / (width // 2))
    angles = position.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class DenoiserBlock(nn.Module):
    """Attention among all places and times, then an MLP, both modulated by the noise level.

    adaLN-Zero of Peebles and Xie 2023: a scale and shift before each branch and a gate after it;
    the gates start at zero.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.to_qkv = nn.Linear(width, 3 * width)
        self.from_heads = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(dropout),
                                 nn.Linear(4 * width, width))
        self.from_level = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.from_level.weight)
        nn.init.zeros_(self.from_level.bias)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """(B, N, width) tokens, (B, width) embedded noise level → (B, N, width)."""
        modulation = self.from_level(F.silu(level)).unsqueeze(1)  # (B, 1, 6·width)
        scale1, shift1, gate1, scale2, shift2, gate2 = modulation.chunk(6, dim=-1)
        x = x + gate1 * self._attend(self.norm1(x) * (1 + scale1) + shift1)
        return x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)

    def _attend(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.to_qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)                      # each (B, heads, N, width/heads)
        out = F.scaled_dot_product_attention(q, k, v)
        return self.from_heads(out.transpose(1, 2).reshape(batch, tokens, width))


class Denoiser(nn.Module):
    """Noisy (B, Cz, t, h, w) latent, noise level and still → prediction of the same shape.

    The input at each place of the latent has the still's features at that place as extra channels.
    The still's features are computed once and used by every step of the sampler.  Squares of
    patch × patch places are one token (Peebles and Xie 2023): attention and MLPs cost patch² times
    less.

    Args:
        channels: C of the still.
        latent_channels: Cz.
        still_widths: channels of the still's features, finest first; 2 ** len = r_s.
        patch: side of a token in the latent's grid.
        width: of the tokens.
        depth: number of blocks.
        heads: of the attention.
        dropout: in the MLPs.
        conditions: what it is told beside the still, with the names of all categories; None for
            nothing.

    Raises:
        ValueError: when called with a latent whose (h, w) differs from the condition's or is no
            multiple of patch.
    """

    def __init__(self, channels: int, latent_channels: int,
                 still_widths: tuple[int, ...] = (16, 32, 64), patch: int = 2, width: int = 128,
                 depth: int = 6, heads: int = 4, dropout: float = 0.1,
                 conditions: Conditions | None = None) -> None:
        super().__init__()
        self.patch = patch
        self.width = width
        self.still_pyramid = StillPyramid(channels, still_widths)
        self.no_still = nn.Parameter(torch.zeros(still_widths[-1], 1, 1))
        self.embed = nn.Conv3d(latent_channels + still_widths[-1], width, (1, patch, patch),
                               stride=(1, patch, patch))
        self.embed_level = nn.Sequential(nn.Linear(width, width), nn.SiLU(),
                                         nn.Linear(width, width))
        self.embed_conditions = ConditionEmbedding(conditions, width) if conditions else None
        self.blocks = nn.ModuleList([DenoiserBlock(width, heads, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.to_output = nn.Linear(width, latent_channels * patch * patch)
        nn.init.zeros_(self.to_output.weight)
        nn.init.zeros_(self.to_output.bias)

    def condition(self, still: Tensor) -> Tensor:
        """(B, C, H, W) still in [−1, 1] → (B, Cs, h, w) condition."""
        return self.still_pyramid(still)[-1]

    def require_fit(self, latent: Tensor, condition: Tensor) -> None:
        """Raise ValueError if (B, Cz, t, h, w) latents and (B, Cs, h, w) conditions don't fit."""
        doublings, (h, w) = len(self.still_pyramid.levels), latent.shape[3:]
        if latent.shape[3:] != condition.shape[2:]:
            raise ValueError(f'Denoiser: {doublings} still_widths fit latents of (h, w) = '
                             f'{tuple(condition.shape[2:])}, but got ({h}, {w}); one more of the '
                             'still_widths halves h and w')
        if h % self.patch or w % self.patch:
            raise ValueError(f'Denoiser: h and w of the latents are multiples of patch='
                             f'{self.patch}, but got ({h}, {w}); take stills of a multiple of '
                             f'{2 ** doublings * self.patch} pixels, or patch=1')

    def forward(self, noisy: Tensor, step: Tensor, condition: Tensor, told: Tensor) -> Tensor:
        """(B, Cz, t, h, w) noisy latent, (B,) steps, (B, Cs, h, w) condition → (B, Cz, t, h, w).

        Args:
            told: (B, D) values of the conditions, NaN where they are unknown.
        """
        self.require_fit(noisy, condition)
        batch, channels, t, height, width = noisy.shape
        h, w = height // self.patch, width // self.patch
        x = self.embed(torch.cat([noisy, hold_still(condition, t)], dim=1))   # (B, width, t, h, w)
        x = x.flatten(2).transpose(1, 2) + self._places(t, h, w, noisy)
        level = self.embed_level(sinusoids(step, self.width))
        if self.embed_conditions is not None:
            level = level + self.embed_conditions(told)
        for block in self.blocks:
            x = block(x, level)
        out = self.to_output(self.norm(x))                        # (B, t·h·w, Cz·patch²)
        out = out.view(batch, t, h, w, channels, self.patch, self.patch)
        return out.permute(0, 4, 1, 2, 5, 3, 6).reshape(batch, channels, t, height, width)

    def _places(self, t: int, h: int, w: int, like: Tensor) -> Tensor:
        """(t·h·w, width) position embeddings of the tokens, a sum of one per axis."""
        axes = [torch.arange(size, device=like.device) for size in (t, h, w)]
        when, down, across = (sinusoids(axis, self.width, longest=100.) for axis in axes)
        places = (when[:, None, None] + down.roll(self.width // 3, dims=1)[None, :, None]
                  + across.roll(2 * self.width // 3, dims=1)[None, None])
        return places.reshape(t * h * w, self.width).to(like.dtype)
