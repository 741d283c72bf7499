"""What is known about a clip beside its still, as a vector for a denoiser."""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lddm_aug.conditions import NUMBER, Conditions

FARTHEST = 4.                                        # standard deviations of a number


class CategoryEmbedding(nn.Module):
    """(B, 1) index of a name, NaN where it is unknown → (B, width)."""

    def __init__(self, names: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(names + 1, width)                # the last for unknown

    def forward(self, value: Tensor) -> Tensor:
        unknown = self.vectors.num_embeddings - 1
        return self.vectors(value[:, 0].nan_to_num(unknown).long())


class ValueEmbedding(nn.Module):
    """(B, n) numbers, NaN where they are unknown → (B, width).

    A single number is standardised, and what is farther than four standard deviations counts as
    four.

    Args:
        size: n; above 1 the numbers are a unit vector, which is multiplied by √n.
        width: of the result.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer('center', torch.zeros(()))
        self.register_buffer('scale', torch.ones(()))
        self.unknown = nn.Parameter(torch.zeros(width))
        self.mlp = nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, value: Tensor) -> Tensor:
        is_known = ~value.isnan().any(dim=1, keepdim=True)           # (B, 1)
        if self.size == 1:
            value = ((value - self.center) / self.scale).clamp(-FARTHEST, FARTHEST)
        else:
            value = value * math.sqrt(self.size)
        return torch.where(is_known, self.mlp(value.nan_to_num()), self.unknown)


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
        """Take the numbers' means and standard deviations from (N, D) values of training clips."""
        for name, kind in self.conditions.items():
            if kind == NUMBER:
                known = values[:, self.conditions.columns[name]]
                known = known[~known.isnan()]
                part = self[name]
                assert isinstance(part, ValueEmbedding)
                part.center.copy_(known.mean())
                part.scale.copy_(known.std(correction=0).clamp_min(1e-6))


def _embedding(kind: tuple[str, ...] | str, columns: slice, width: int) -> nn.Module:
    if isinstance(kind, tuple):
        return CategoryEmbedding(len(kind), width)
    return ValueEmbedding(columns.stop - columns.start, width)
