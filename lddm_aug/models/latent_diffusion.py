"""Stage 2: a diffusion model of p(latent | still)."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isnan, nan
from typing import Any

import numpy as np
import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from lddm_aug.classes import shown
from lddm_aug.conditions import LABEL, Conditions
from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.latent_model import LatentModel
from lddm_aug.models.noise_process import NoiseProcess
from lddm_aug.networks.denoiser import Denoiser

QUANTILES = 101                                      # of a measured condition


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
        conditions: what it is told beside the still, as `Conditions` takes it; nothing by default.
        drop_conditions: share of the samples whose conditions are dropped, all together; where
            there are several, each is dropped in this share of the others besides.
        init_cfg: as in MMEngine.

    Raises:
        ValueError: if a share isn't in [0, 1], or the names of a category are missing.
    """

    occurring: Tensor

    def __init__(self, autoencoder: dict, denoiser: dict, noise: dict | None = None,
                 drop_still: float = 0.1, conditions: Mapping[str, Any] | None = None,
                 drop_conditions: float = 0.1, init_cfg: dict | None = None) -> None:
        super().__init__(autoencoder, init_cfg)
        for name, share in (('drop_still', drop_still), ('drop_conditions', drop_conditions)):
            if not 0 <= share <= 1:
                raise ValueError(f'LatentDiffusion: {name} is a share in [0, 1], but got {share!r}')
        self.conditions = Conditions('LatentDiffusion', conditions)
        if not self.conditions.is_complete:
            raise ValueError('LatentDiffusion: a category has a list of names, but conditions='
                             f'{self.conditions.as_config()!r}; write them out, or train it by '
                             'lddm-aug train-generator, which takes those of the training data')
        self.denoiser = Denoiser(self.autoencoder.channels, self.autoencoder.latent_channels,
                                 conditions=self.conditions, **denoiser)
        self.noise_process = NoiseProcess(**(noise or {}))
        self.drop_still = drop_still
        self.drop_conditions = drop_conditions
        # of every measured condition its quantiles in each class and, in the last row, in all
        measured = self.conditions.measured
        self.register_buffer('occurring', torch.zeros(
            len(measured), len(self.classes) + 1, QUANTILES), persistent=bool(measured))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that it is told; empty where it isn't."""
        return self.conditions.classes

    @torch.no_grad()
    def fit_conditions(self, told: Tensor, groups: Sequence[str]) -> None:
        """Learn the range of the numbers, and how often the measured ones occur in each class.

        A group counts as much as any other, however many clips it has.

        Args:
            told: (N, D) values of training clips, NaN where they are unknown.
            groups: N of them.
        """
        if self.denoiser.embed_conditions is None:
            return
        self.denoiser.embed_conditions.standardise(told)
        columns = self.conditions.columns
        weights = 1 / torch.tensor([groups.count(group) for group in groups])
        levels = torch.linspace(0, 1, QUANTILES)
        for row, name in enumerate(self.conditions.measured):
            values = told[:, columns[name]].squeeze(1)
            self.occurring[row] = weighted_quantiles(values, weights, levels)
            for label in range(len(self.classes)):
                of_class = told[:, columns[LABEL]].squeeze(1) == label
                if of_class.any():                   # if not, those of all classes stay
                    self.occurring[row, label] = weighted_quantiles(
                        values[of_class], weights[of_class], levels)

    def draw_measured(self, name: str, label: float, share: float) -> float:
        """The value of a measured condition that this share of the training clips stay below.

        Args:
            name: of the condition.
            label: index of the class; NaN for any.
            share: in [0, 1].
        """
        quantiles = self.occurring[self.conditions.measured.index(name)]
        row = quantiles[-1 if isnan(label) else int(label)]
        place = share * (QUANTILES - 1)
        low = min(int(place), QUANTILES - 2)
        return float(torch.lerp(row[low], row[low + 1], place - low))

    @torch.no_grad()
    def condition_weights_from(self, other: LatentDiffusion) -> dict[str, Tensor]:
        """Weights with which the conditions that `other` knows too keep their meaning, by name.

        Conditions, and names of categories, that it doesn't know keep the weights that they have.
        Where nothing is known, the prediction is that of `other`: what a condition that this one
        lacks adds when it is unknown becomes part of the bias, and is zero for one that `other`
        lacks.
        """
        bias = 'embed_level.2.bias'
        weights = {f'denoiser.{bias}': other.denoiser.state_dict()[bias].clone()}
        for name in other.conditions:
            if name not in self.conditions:
                weights[f'denoiser.{bias}'] += _unknown(other, name)
        for number, name in enumerate(self.conditions):
            prefix = f'denoiser.embed_conditions.parts.{number}.'
            weights |= {prefix + key: weight for key, weight
                        in self._condition_weights(name, other).items()}
        return weights | ({'occurring': self.occurring} if self.conditions.measured else {})

    def _condition_weights(self, name: str, other: LatentDiffusion) -> dict[str, Tensor]:
        part, kind = _part(self, name), self.conditions[name]
        ours = {key: weight.clone() for key, weight in part.state_dict().items()}
        known = other.conditions.get(name)
        if not isinstance(kind, tuple):
            return _part(other, name).state_dict() if known == kind else (
                ours | dict(unknown=torch.zeros_like(ours['unknown'])))
        rows = ours['vectors.weight']                # (names + 1, width), the last for unknown
        rows[-1] = 0
        if isinstance(known, tuple):
            theirs = _part(other, name).state_dict()['vectors.weight']
            rows[-1] = theirs[-1]
            for row, each in enumerate(kind):
                if each in known:
                    rows[row] = theirs[known.index(each)]
        return {'vectors.weight': rows}

    def condition(self, still: Tensor) -> Tensor:
        return self.denoiser.condition(still)

    def require_fit(self, latent: Tensor, condition: Tensor) -> None:
        self.denoiser.require_fit(latent, condition)

    def predict(self, latent: Tensor, steps: Tensor, condition: Tensor, told: Tensor,
                guidance: float = 1.0, condition_guidance: Mapping[str, float] | None = None
                ) -> Tensor:
        """What the denoiser predicts, guided: Ho and Salimans 2022, eq. 6, with guidance = 1 + w.

        Args:
            latent: (B, Cz, t, h, w) noisy.
            steps: (B,) noise levels.
            condition: (B, Cs, h, w), of `condition`.
            told: (B, D) values of the conditions, NaN where they are unknown.
            guidance: weight of still and conditions together.
            condition_guidance: likewise of single conditions, by name.
        """
        denoiser = self.denoiser
        conditional = prediction = denoiser(latent, steps, condition, told)
        if guidance != 1:
            unconditional = denoiser(latent, steps, denoiser.no_still.expand_as(condition),
                                     torch.full_like(told, nan))
            prediction = unconditional + guidance * (conditional - unconditional)
        for name, weight in (condition_guidance or {}).items():
            without = told.clone()
            without[:, self.conditions.columns[name]] = nan
            prediction = prediction + (weight - 1) * (
                conditional - denoiser(latent, steps, condition, without))
        return prediction

    def require_guidance(self, owner: str, condition_guidance: Mapping[str, float]) -> None:
        """Raise ValueError for weights that aren't, or conditions that can't be guided."""
        for name, weight in condition_guidance.items():
            require_weight(owner, name, weight)
        unknown = sorted({*condition_guidance} - {*self.conditions})
        if unknown:
            raise ValueError(f'{owner}: condition_guidance is for conditions of the generator '
                             f'({shown(self.conditions)}), but got {shown(unknown)}')
        if condition_guidance and not self.drop_conditions:
            raise ValueError(f'{owner}: condition_guidance needs a diffusion trained with '
                             f'drop_conditions above 0, but got {self.drop_conditions!r}')

    def forward(self, latent: Tensor, still: Tensor, told: Tensor | None = None,
                mode: str = 'tensor', **_: object) -> dict[str, Tensor]:
        """(B, Cz, t, h, w) standardised latents, (B, C, H, W) uint8 stills → loss.

        Args:
            told: (B, D) values of the conditions, NaN where they are unknown; None for all.
        """
        if mode != 'loss':
            raise ValueError('LatentDiffusion: only trains; clips are made by LDDMGenerator, '
                             f'but was called with mode={mode!r}')
        condition = self.condition(to_unit(still))
        dropped = torch.rand(len(still), 1, 1, 1, device=still.device) < self.drop_still
        condition = torch.where(dropped, self.denoiser.no_still, condition)
        told = self.drop(self.unknown(still) if told is None else told)
        steps = self.noise_process.draw_steps(len(latent), latent.device)
        noisy, target = self.noise_process.noised(latent, torch.randn_like(latent), steps)
        error = (self.denoiser(noisy, steps, condition, told) - target) ** 2
        weighted = self.noise_process.weights(steps) * error.mean(dim=(1, 2, 3, 4))
        return {f'loss_{self.noise_process.target}': weighted.mean()}

    def drop(self, told: Tensor, draw: torch.Generator | None = None) -> Tensor:
        """(B, D) values of conditions with those that are dropped unknown."""
        if not self.conditions:
            return told
        share, shape = self.drop_conditions, (len(told), 1 + len(self.conditions))
        dropped = torch.rand(shape, device=told.device, generator=draw) < share
        told = torch.where(dropped[:, :1], nan, told)
        if len(self.conditions) > 1:
            for number, columns in enumerate(self.conditions.columns.values(), 1):
                told[:, columns] = torch.where(dropped[:, number:number + 1], nan,
                                               told[:, columns])
        return told

    def unknown(self, like: Tensor) -> Tensor:
        """(B, D) values of conditions of which none is known."""
        return torch.full((len(like), self.conditions.width), nan, device=like.device)


def require_weight(owner: str, name: str, weight: float) -> None:
    """Raise ValueError for what is no weight of guidance."""
    if not isinstance(weight, (int, float)) or not 0 <= weight < inf:
        raise ValueError(f'{owner}: {name} is a weight, 0 or more, but got {weight!r}')


def weighted_quantiles(values: Tensor, weights: Tensor, levels: Tensor) -> Tensor:
    """(N,) values with (N,) weights → their quantiles, between the middles of their weights."""
    values, order = values.sort()
    weights = weights[order]
    middles = (weights.cumsum(0) - weights / 2) / weights.sum()
    return torch.from_numpy(np.interp(levels.numpy(), middles.numpy(), values.numpy())).float()


def _part(model: LatentDiffusion, name: str) -> nn.Module:
    """What embeds a condition."""
    embedding = model.denoiser.embed_conditions
    assert embedding is not None
    return embedding[name]


def _unknown(model: LatentDiffusion, name: str) -> Tensor:
    """(width,) what a condition adds that is unknown."""
    columns = model.conditions.columns[name]
    return _part(model, name)(torch.full((1, columns.stop - columns.start), nan))[0]
