"""An invertible network between latents and noise, conditional on the still: p(latent | still).

The blocks of Dorkenwald et al. 2021 (cINN): ActNorm, an invertible leaky ReLU, two affine
couplings, a shuffle.  Inside, channels are last, as zuko's transforms require.
"""
from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import AffineTransform, Independent, Normal, Transform, constraints
from zuko.distributions import NormalizingFlow
from zuko.transforms import (
    ComposedTransform,
    CouplingTransform,
    DependentTransform,
    MonotonicAffineTransform,
    PermutationTransform,
)

from lddm_aug.functional.warp import hold_still
from lddm_aug.networks.convolutions import FactorisedConv3d

KERNELS = (1, 3)
# a coupling scales by a factor softly bounded to (1/e, e): the flow stays invertible in float32
LEAST_SLOPE = math.exp(-1)
MIN_STD = 1e-3                                       # of a channel, in the start of an ActNorm


class LeakyReLUTransform(Transform):
    """x where it is positive, slope · x elsewhere."""

    domain = codomain = constraints.real
    bijective = True
    sign = +1

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def _call(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.slope)

    def _inverse(self, y: Tensor) -> Tensor:
        return F.leaky_relu(y, 1 / self.slope)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.where(x < 0, math.log(self.slope), 0.)


class Both(nn.ModuleList):
    """Outputs of several networks for the same input, concatenated along the channels."""

    def __init__(self, *networks: nn.Module) -> None:
        super().__init__(networks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([network(x) for network in self], dim=1)


class FlowBlock(nn.Module):
    """ActNorm, leaky ReLU, a coupling of each half of the channels given the other, shuffle."""

    order: Tensor
    first_half: Tensor

    def __init__(self, channels: int, condition_channels: int, hidden: int, depth: int,
                 kernel: int, dropout: float, slope: float, separate: bool) -> None:
        super().__init__()
        self.slope = slope
        self.shift = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        make_network = partial(coupling_network, channels // 2 + condition_channels,
                               hidden=hidden, depth=depth, kernel=kernel, dropout=dropout)
        self.networks = nn.ModuleList([
            Both(make_network(channels // 2), make_network(channels // 2)) if separate
            else make_network(channels) for _ in range(2)])
        self.register_buffer('first_half', torch.arange(channels) < channels // 2)
        self.register_buffer('order', torch.randperm(channels))

    def forward(self, condition: Tensor) -> Transform:
        """(B, Cs, t, h, w) condition → the block's transform of (B, t, h, w, Cz) latents."""
        to_first, to_second = (partial(self._affine, network, condition)
                               for network in self.networks)
        return ComposedTransform(
            AffineTransform(self.shift, self.log_scale.exp(), event_dim=1),
            DependentTransform(LeakyReLUTransform(self.slope), 1),
            CouplingTransform(to_second, self.first_half),
            CouplingTransform(to_first, ~self.first_half),
            PermutationTransform(self.order))

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set the ActNorm so that it maps these (…, Cz) to mean 0 and standard deviation 1."""
        std, mean = torch.std_mean(x.flatten(0, -2), dim=0, correction=0)
        std = std.clamp(min=MIN_STD)
        self.shift.copy_(-mean / std)
        self.log_scale.copy_(-std.log())

    @staticmethod
    def _affine(network: nn.Module, condition: Tensor, kept: Tensor) -> Transform:
        seen = torch.cat([kept.movedim(-1, 1), condition], dim=1)
        shift, log_scale = network(seen).movedim(1, -1).chunk(2, dim=-1)
        return DependentTransform(MonotonicAffineTransform(shift, log_scale, LEAST_SLOPE), 1)


class CouplingFlow(nn.Module):
    """Density of (B, Cz, t, h, w) latents, given (B, Cs, h, w) features of their stills.

    A latent that is a vector is a grid of 1 × 1 × 1, with kernel 1.

    Args:
        channels: Cz, even.
        condition_channels: Cs.
        blocks: number of blocks.
        hidden: channels of the networks that compute a coupling's scale and shift.
        depth: their hidden layers after the first.
        kernel: 3 on a grid (as 1×3×3, then 3×1×1), to mix neighbouring places; 1 to mix none.
        dropout: before the networks' last layer.
        slope: of the leaky ReLU.
        separate: compute shift and scale by two networks, as published, instead of one of half
            the cost.

    Raises:
        ValueError: if channels is odd or kernel is neither 1 nor 3.
    """

    def __init__(self, channels: int, condition_channels: int, blocks: int = 8, hidden: int = 64,
                 depth: int = 1, kernel: int = 3, dropout: float = 0.0, slope: float = 0.9,
                 separate: bool = False) -> None:
        super().__init__()
        if channels % 2 or kernel not in KERNELS:
            raise ValueError('CouplingFlow: needs an even number of channels and a kernel of '
                             f'{" or ".join(map(str, KERNELS))}, but got {channels} channels and '
                             f'kernel {kernel!r}')
        self.blocks = nn.ModuleList([
            FlowBlock(channels, condition_channels, hidden, depth, kernel, dropout, slope, separate)
            for _ in range(blocks)])

    def log_density(self, latent: Tensor, condition: Tensor) -> Tensor:
        """(B, Cz, t, h, w), (B, Cs, h, w) → (B,) log p(latent | condition), in nats."""
        latent = latent.movedim(1, -1)
        noise = Normal(torch.zeros_like(latent), torch.ones_like(latent), validate_args=False)
        return NormalizingFlow(self._to_noise(condition, latent.shape[1]),
                               Independent(noise, 4)).log_prob(latent)

    def from_noise(self, noise: Tensor, condition: Tensor) -> Tensor:
        """(B, Cz, t, h, w) standard normal noise, (B, Cs, h, w) → latents of the same shape."""
        noise = noise.movedim(1, -1)
        return self._to_noise(condition, noise.shape[1]).inv(noise).movedim(-1, 1)

    @torch.no_grad()
    def initialise(self, latent: Tensor, condition: Tensor) -> None:
        """Set every ActNorm from a first batch (Kingma and Dhariwal 2018, section 3.1)."""
        x = latent.movedim(1, -1)
        condition = hold_still(condition, x.shape[1])
        for block in self.blocks:
            block.initialise(x)                                       # type: ignore[operator]
            x = block(condition)(x)

    def _to_noise(self, condition: Tensor, num_times: int) -> Transform:
        condition = hold_still(condition, num_times)                  # (B, Cs, t, h, w)
        return ComposedTransform(*[block(condition) for block in self.blocks])


def coupling_network(in_channels: int, out_channels: int, hidden: int, depth: int, kernel: int,
                     dropout: float) -> nn.Sequential:
    """(B, in, t, h, w) → (B, out, t, h, w); zero at first, so that a coupling is the identity."""
    convolution = FactorisedConv3d if kernel == 3 else partial(nn.Conv3d, kernel_size=1)
    layers = [convolution(in_channels, hidden), nn.LeakyReLU(0.01)]
    for _ in range(depth):
        layers += [nn.Conv3d(hidden, hidden, 1), nn.LeakyReLU(0.01)]
    network = nn.Sequential(*layers, nn.Dropout(dropout), convolution(hidden, out_channels))
    *_, last = (part for part in network.modules() if isinstance(part, nn.Conv3d))
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return network
