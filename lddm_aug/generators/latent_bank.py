"""Latents that are sampled once and decoded many times."""
from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from lddm_aug.conditions import Told
from lddm_aug.generators.base import LatentGenerator


class LatentBank:
    """Latents in memory, on the CPU: 4 bytes per value, 16 KiB for a clip of 16 × 128 × 128.

    A latent is sampled when it is first asked for, and again when it is asked for with another
    seed.  So the bank grows to one latent per key, and a step that finds all of its latents only
    decodes.  It saves time and changes no clip: what it holds follows from the seeds.  Every
    process has its own, and a resumed training begins with an empty one.

    A copy of it, such as in the average of a model, is empty.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[int, Tensor]] = {}

    def latents(self, generator: LatentGenerator, stills: Tensor, seeds: Sequence[int],
                conditions: Sequence[Told], keys: Sequence[Hashable]) -> Tensor:
        """(B, Cz, t, h, w) latents, as `generator.sample_latents` gives them; kept under B keys."""
        wanted = list(zip(keys, seeds, strict=True))
        found = {(key, seed): self._held[key][1] for key, seed in wanted if self._has(key, seed)}
        missing = [*{each: i for i, each in enumerate(wanted) if each not in found}.values()]
        if missing:
            sampled = generator.sample_latents(stills[missing], [seeds[i] for i in missing],
                                               [conditions[i] for i in missing]).cpu()
            for i, latent in zip(missing, sampled, strict=True):
                found[wanted[i]] = latent.clone()
                self._held[keys[i]] = seeds[i], found[wanted[i]]
        return torch.stack([found[each] for each in wanted]).to(stills.device)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes of the latents."""
        return sum(latent.nbytes for _, latent in self._held.values())

    def _has(self, key: Hashable, seed: int) -> bool:
        return key in self._held and self._held[key][0] == seed

    def __reduce__(self) -> tuple[type[LatentBank], tuple[()]]:
        return LatentBank, ()
