"""Stage 2 of the paper's baseline: a normalizing flow of p(latent | still)."""
from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from mmengine.dist import broadcast
from torch import Tensor

from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.latent_model import LatentModel
from lddm_aug.networks.coupling_flow import CouplingFlow
from lddm_aug.networks.decoder import StillPyramid


@MODELS.register_module()
class LatentFlow(LatentModel):
    """cINN over the latents of a frozen autoencoder, conditioned on a clip's still.

    The loss is the negative log likelihood per latent value, in nats.  That of a standard normal
    distribution is 1.42.

    Args:
        autoencoder: config of the model that made the latents; its `init_cfg` names the checkpoint.
        flow: arguments of `CouplingFlow`.
        still_widths: channels of the still's features, finest first; 2 ** len is the side, in
            pixels of the still, of one place of the latent.
        noise: standard deviation of the noise added to the standardised latents in training, so
            that the density can't concentrate on them.
        still_network: config of a network that computes the condition instead, for latents that
            are vectors: (B, C, H, W) still → (B, Cs, 1, 1), such as `StillResNet`.
        init_cfg: as in MMEngine.
    """

    initialised: Tensor

    def __init__(self, autoencoder: dict, flow: dict,
                 still_widths: Sequence[int] = (16, 32, 64), noise: float = 0.05,
                 still_network: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(autoencoder, init_cfg)
        if not 0 <= noise < math.inf:
            raise ValueError('LatentFlow: noise is a standard deviation, 0 or more, but got '
                             f'{noise!r}')
        self.still_network = None if still_network is None else MODELS.build(still_network)
        if self.still_network is None:
            self.still_pyramid = StillPyramid(self.autoencoder.channels, still_widths)
            condition_channels = still_widths[-1]
        else:
            condition_channels = self.still_network.out_channels
        self.flow = CouplingFlow(self.autoencoder.latent_channels, condition_channels, **flow)
        self.noise = noise
        self.register_buffer('initialised', torch.tensor(False))

    def condition(self, still: Tensor) -> Tensor:
        if self.still_network is not None:
            return self.still_network(still)
        return self.still_pyramid(still)[-1]

    def forward(self, latent: Tensor, still: Tensor, mode: str = 'tensor', **_: object
                ) -> dict[str, Tensor]:
        """(B, Cz, t, h, w) standardised latents, (B, C, H, W) uint8 stills → the loss."""
        if mode != 'loss':
            raise ValueError('LatentFlow: only trains; clips are made by CINNGenerator, but was '
                             f'called with mode={mode!r}')
        # in float32: training and sampling must use the same invertible function
        with torch.autocast(latent.device.type, enabled=False):
            return dict(loss_nll=self.loss(latent.float(), to_unit(still)))

    def loss(self, latent: Tensor, still: Tensor) -> Tensor:
        """(B, Cz, t, h, w) latents, (B, C, H, W) stills in [−1, 1] → scalar loss in nats."""
        condition = self.condition(still)
        self.require_fit(latent, condition)
        latent = latent + self.noise * torch.randn_like(latent)
        if not self.initialised:
            self._initialise(latent, condition)
        return -self.flow.log_density(latent, condition).mean() / latent[0].numel()

    def require_fit(self, latent: Tensor, condition: Tensor) -> None:
        if latent.shape[3:] == condition.shape[2:]:
            return
        if self.still_network is not None:
            raise ValueError('LatentFlow: a still_network is for latents that are vectors, '
                             f'(h, w) = (1, 1), but got {tuple(latent.shape[3:])}; take '
                             'still_widths instead')
        doublings = len(self.still_pyramid.levels)
        raise ValueError(f'LatentFlow: {doublings} still_widths fit latents of (h, w) = '
                         f'{tuple(condition.shape[2:])}, but got {tuple(latent.shape[3:])}; '
                         'one more of the still_widths halves h and w, of stills of a '
                         f'multiple of {2 ** doublings} pixels')

    @torch.no_grad()
    def _initialise(self, latent: Tensor, condition: Tensor) -> None:
        """Initialise from the first batch of rank 0, on every rank."""
        self.flow.initialise(latent, condition)
        for parameter in self.flow.parameters():
            broadcast(parameter.data)
        self.initialised.fill_(True)
