"""What is known about a clip beside its still, as a vector for a denoiser."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lddm_aug.conditions import NUMBER, Conditions

FARTHEST = 4.                                        # standard deviations of a number
DIRECTIONS = 16                                      # of a text, at most


class CategoryEmbedding(nn.Module):
    """(B, 1) index of a name, NaN where it is unknown → (B, width)."""

    def __init__(self, names: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(names + 1, width)                # the last for unknown

    def forward(self, value: Tensor) -> Tensor:
        unknown = self.vectors.num_embeddings - 1
        return self.vectors(value[:, 0].nan_to_num(unknown).long())


class ValueEmbedding(nn.Module):
    """(B, n) values, NaN where they are unknown → (B, width).

    Args:
        size: how many numbers they are after `standardised`.
        width: of the result.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.unknown = nn.Parameter(torch.zeros(width))
        self.mlp = nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, value: Tensor) -> Tensor:
        is_known = ~value.isnan().any(dim=1, keepdim=True)           # (B, 1)
        return torch.where(is_known, self.mlp(self.standardised(value).nan_to_num()), self.unknown)

    def standardised(self, value: Tensor) -> Tensor:
        """(B, n) values → (B, size) numbers that vary alike."""
        raise NotImplementedError

    def fit(self, values: Tensor, latents: Sequence[Tensor], groups: Sequence[str]) -> None:
        """Learn how the (N, n) known values of training clips vary.

        Args:
            latents: N of (Cz, t, h, w), those of the clips.
            groups: N of them.
        """
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

    def fit(self, values: Tensor, latents: Sequence[Tensor], groups: Sequence[str]) -> None:
        self.center.copy_(values.mean())
        self.scale.copy_(values.std(correction=0).clamp_min(1e-6))


class TextEmbedding(ValueEmbedding):
    """A sentence's vector, along the directions that go with what training clips show.

    Vectors of "to the left" and "to the right" are nearly alike, and a diffusion alone hardly
    learns what sets them apart.  `canonical_directions` finds it at once.  Before that, and where
    texts say nothing, all texts count alike.
    """

    center: Tensor
    directions: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__(DIRECTIONS, width)
        self.register_buffer('center', torch.zeros(size))
        self.register_buffer('directions', torch.zeros(size, DIRECTIONS))

    def standardised(self, value: Tensor) -> Tensor:
        return ((value - self.center) @ self.directions).clamp(-FARTHEST, FARTHEST)

    def fit(self, values: Tensor, latents: Sequence[Tensor], groups: Sequence[str]) -> None:
        from lddm_aug.functional.canonical import (  # brings scikit-learn, which is slow
            canonical_directions,
            clip_figures,
        )

        if len(values) and not self.directions.any():        # those of a package keep their meaning
            self.center.copy_(values.mean(dim=0))
            self.directions.copy_(canonical_directions(
                values, clip_figures(latents), groups, DIRECTIONS))


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
    def standardise(self, values: Tensor, latents: Sequence[Tensor], groups: Sequence[str]) -> None:
        """Learn from (N, D) values of training clips how numbers and texts vary.

        Args:
            latents: N of (Cz, t, h, w), those of the clips.
            groups: N of them.
        """
        for name in self.conditions:
            of_clips, part = values[:, self.conditions.columns[name]], self[name]
            if isinstance(part, ValueEmbedding):
                known = (~of_clips.isnan().any(dim=1)).nonzero().squeeze(1).tolist()
                part.fit(of_clips[known], [latents[place] for place in known],
                         [groups[place] for place in known])


def _embedding(kind: tuple[str, ...] | str, columns: slice, width: int) -> nn.Module:
    if isinstance(kind, tuple):
        return CategoryEmbedding(len(kind), width)
    if kind == NUMBER:
        return NumberEmbedding(width)
    return TextEmbedding(columns.stop - columns.start, width)
