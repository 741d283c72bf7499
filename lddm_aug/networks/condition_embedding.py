"""What is known about a clip beside its still, as a vector for a denoiser."""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lddm_aug.conditions import NUMBER, Conditions

FARTHEST = 4.                                        # standard deviations of a number
FLOOR = 1e-3                                         # share of the variance of all directions


class CategoryEmbedding(nn.Module):
    """(B, 1) index of a name, NaN where it is unknown → (B, width)."""

    def __init__(self, names: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(names + 1, width)                # the last for unknown

    def forward(self, value: Tensor) -> Tensor:
        unknown = self.vectors.num_embeddings - 1
        return self.vectors(value[:, 0].nan_to_num(unknown).long())


class ValueEmbedding(nn.Module):
    """(B, n) numbers, standardised, NaN where they are unknown → (B, width)."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.unknown = nn.Parameter(torch.zeros(width))
        self.mlp = nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, value: Tensor) -> Tensor:
        is_known = ~value.isnan().any(dim=1, keepdim=True)           # (B, 1)
        return torch.where(is_known, self.mlp(self.standardised(value).nan_to_num()), self.unknown)

    def standardised(self, value: Tensor) -> Tensor:
        """(B, n) numbers → as many that vary alike."""
        raise NotImplementedError

    def fit(self, values: Tensor) -> None:
        """Learn how the (N, n) known values of training clips vary."""
        raise NotImplementedError


class NumberEmbedding(ValueEmbedding):
    """A single number; what is farther than four standard deviations counts as four."""

    center: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(1, width)
        self.register_buffer('center', torch.zeros(()))
        self.register_buffer('scale', torch.ones(()))

    def standardised(self, value: Tensor) -> Tensor:
        return ((value - self.center) / self.scale).clamp(-FARTHEST, FARTHEST)

    def fit(self, values: Tensor) -> None:
        self.center.copy_(values.mean())
        self.scale.copy_(values.std(correction=0).clamp_min(1e-6))


class TextEmbedding(ValueEmbedding):
    """A sentence's vector, whitened, so that a difference of few sentences isn't lost.

    Vectors of "to the left" and "to the right" are nearly alike.  Every direction is made as wide
    as any other among the training texts, but for those in which they hardly vary (ZCA, Bell and
    Sejnowski 1997, with the share FLOOR of the whole variance added to each).
    """

    center: Tensor
    whiten: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__(size, width)
        self.register_buffer('center', torch.zeros(size))
        self.register_buffer('whiten', math.sqrt(size) * torch.eye(size))

    def standardised(self, value: Tensor) -> Tensor:
        return (value - self.center) @ self.whiten

    def fit(self, values: Tensor) -> None:
        if not (values != values[:1]).any():         # one text says nothing about how texts vary
            return
        variances, axes = torch.linalg.eigh(torch.cov(values.double().T, correction=0))
        scales = (variances.clamp_min(0) + FLOOR * variances.sum()).rsqrt()
        self.center.copy_(values.mean(dim=0))
        self.whiten.copy_(axes * scales @ axes.T)


class ConditionEmbedding(nn.Module):
    """(B, D) values of conditions, NaN where they are unknown → (B, width), their vectors' sum.

    Args:
        conditions: with the names of all categories; D is their width.
        width: of the result.
    """

    def __init__(self, conditions: Conditions, width: int) -> None:
        super().__init__()
        self.conditions = conditions
        self.parts = nn.ModuleList([_embedding(kind, conditions.columns[name], width)
                                    for name, kind in conditions.items()])

    def __getitem__(self, name: str) -> nn.Module:
        return self.parts[list(self.conditions).index(name)]

    def forward(self, values: Tensor) -> Tensor:
        vectors = [part(values[:, columns]) for part, columns
                   in zip(self.parts, self.conditions.columns.values(), strict=True)]
        return torch.stack(vectors).sum(dim=0)

    @torch.no_grad()
    def standardise(self, values: Tensor) -> None:
        """Learn from (N, D) values of training clips how numbers and texts vary."""
        for name in self.conditions:
            known = values[:, self.conditions.columns[name]]
            part = self[name]
            if isinstance(part, ValueEmbedding):
                part.fit(known[~known.isnan().any(dim=1)])


def _embedding(kind: tuple[str, ...] | str, columns: slice, width: int) -> nn.Module:
    if isinstance(kind, tuple):
        return CategoryEmbedding(len(kind), width)
    if kind == NUMBER:
        return NumberEmbedding(width)
    return TextEmbedding(columns.stop - columns.start, width)
