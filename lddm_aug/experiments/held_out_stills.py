"""Stills that a generator never saw, and clips of them that are told something."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lddm_aug.conditions import Told
from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import read_square_still
from lddm_aug.evaluation.clip_set import make_clips
from lddm_aug.functional.pixels import still_to_unit
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.seeds import derive_seed


@dataclass(frozen=True)
class Stills:
    """N stills that no generator was trained on.

    Attributes:
        pixels: (N, C, H, W) in [−1, 1].
        groups: of each.
        labels: of each.
    """
    pixels: Tensor
    groups: Sequence[str]
    labels: Sequence[str]

    @classmethod
    def read(cls, rows: Iterable[Annotation], generator: LDDMGenerator) -> Stills:
        """Of a table.

        Raises:
            ValueError: if the generator was trained on one of their groups.
        """
        rows = list(rows)
        seen = sorted({row.group for row in rows} & {*generator.groups})
        if seen:
            raise ValueError(f'Stills: {len(seen)} groups of the stills were trained on '
                             f'({seen[0]}, …); take held-out ones')
        pixels = [read_square_still(row.path, row.frame, generator.size, generator.channels)
                  for row in rows]
        return cls(torch.stack([still_to_unit(each) for each in pixels]),
                   [row.group for row in rows], [row.label for row in rows])


def make_told(generator: LDDMGenerator, stills: Stills, told: Sequence[Told], seed: int) -> Tensor:
    """(N, C, T, H, W) uint8, a clip of each still, told this."""
    seeds = [derive_seed('steering', seed, number) for number in range(len(told))]
    return make_clips(generator, stills.pixels, seeds, told)
