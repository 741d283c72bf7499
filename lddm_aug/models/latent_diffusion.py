"""Stage 2: a diffusion model of p(latent | still)."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.classes import class_list
from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.latent_model import LatentModel
from lddm_aug.models.noise_process import NoiseProcess
from lddm_aug.networks.denoiser import Denoiser


@MODELS.register_module()
class LatentDiffusion(LatentModel):
    """Denoiser over the latents of a frozen video autoencoder, conditioned on a clip's still.

    Args:
        autoencoder: config of the `VideoAutoencoder` that made the latents; its `init_cfg` names
            the checkpoint.
        denoiser: arguments of `Denoiser`.
        noise: arguments of `NoiseProcess`, which defines the target of the denoiser.
        drop_still: share of the samples whose still is dropped, for classifier-free guidance (Ho
            and Salimans 2022).
        classes: names of the classes that it is conditional on; none by default.
        drop_class: share of the samples whose class is dropped.
        init_cfg: as in MMEngine.

    Raises:
        ValueError: if a share isn't in [0, 1]; when trained with a label that is no index into
            classes.
    """

    def __init__(self, autoencoder: dict, denoiser: dict, noise: dict | None = None,
                 drop_still: float = 0.1, classes: Sequence[str] = (), drop_class: float = 0.1,
                 init_cfg: dict | None = None) -> None:
        super().__init__(autoencoder, init_cfg)
        for name, share in (('drop_still', drop_still), ('drop_class', drop_class)):
            if not 0 <= share <= 1:
                raise ValueError(f'LatentDiffusion: {name} is a share in [0, 1], but got {share!r}')
        self.classes = class_list('LatentDiffusion', classes)
        self.denoiser = Denoiser(self.autoencoder.channels, self.autoencoder.latent_channels,
                                 num_classes=len(self.classes), **denoiser)
        self.noise_process = NoiseProcess(**(noise or {}))
        self.drop_still = drop_still
        self.drop_class = drop_class

    @torch.no_grad()
    def class_weights_from(self, other: LatentDiffusion) -> dict[str, Tensor]:
        """Weights with which the classes that `other` knows too keep their meaning, by name.

        Classes that it doesn't know keep the weights that they have.  Without a class, the
        prediction is that of `other`: its unconditional embedding becomes part of the bias where
        this one knows no classes, and is zero where `other` knows none.
        """
        ours, theirs = self.denoiser.embed_class, other.denoiser.embed_class
        if ours is None:
            bias = 'embed_level.2.bias'
            weights = other.denoiser.state_dict()
            return {} if theirs is None else {
                f'denoiser.{bias}': weights[bias] + theirs.weight[-1]}
        rows = ours.weight.clone()                       # (classes + 1, width), the last for none
        rows[-1] = 0
        if theirs is not None:
            rows[-1] = theirs.weight[-1]
            for row, name in enumerate(self.classes):
                if name in other.classes:
                    rows[row] = theirs.weight[other.classes.index(name)]
        return {'denoiser.embed_class.weight': rows}

    def condition(self, still: Tensor) -> Tensor:
        return self.denoiser.condition(still)

    def require_fit(self, latent: Tensor, condition: Tensor) -> None:
        self.denoiser.require_fit(latent, condition)

    def forward(self, latent: Tensor, still: Tensor, label: Tensor | None = None,
                mode: str = 'tensor', **_: object) -> dict[str, Tensor]:
        """(B, Cz, t, h, w) standardised latents, (B, C, H, W) uint8 stills, (B,) labels → loss."""
        if mode != 'loss':
            raise ValueError('LatentDiffusion: only trains; clips are made by LDDMGenerator, '
                             f'but was called with mode={mode!r}')
        condition = self.condition(to_unit(still))
        dropped = torch.rand(len(still), 1, 1, 1, device=still.device) < self.drop_still
        condition = torch.where(dropped, self.denoiser.no_still, condition)
        classes = self._drop_classes(label, len(still), still.device)
        steps = self.noise_process.draw_steps(len(latent), latent.device)
        noisy, target = self.noise_process.noised(latent, torch.randn_like(latent), steps)
        error = (self.denoiser(noisy, steps, condition, classes) - target) ** 2
        weighted = self.noise_process.weights(steps) * error.mean(dim=(1, 2, 3, 4))
        return {f'loss_{self.noise_process.target}': weighted.mean()}

    def _drop_classes(self, label: Tensor | None, count: int, device: torch.device) -> Tensor:
        """(B,) classes, −1 for unconditional."""
        if label is None or not self.classes:
            return torch.full((count,), -1, device=device)
        largest = int(label.max())                       # one transfer from the device per step
        if largest >= len(self.classes):
            raise ValueError('LatentDiffusion: a label is an index into classes '
                             f'({", ".join(self.classes)}), or -1 for unconditional, but got '
                             f'{largest}; name every class of the stills in classes')
        dropped = torch.rand(count, device=device) < self.drop_class
        return torch.where(dropped, -1, label)
