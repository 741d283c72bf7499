"""Clips encoded once, so that the training of a latent model doesn't run the encoder."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.dataset import default_collate
from mmengine.dist import get_rank, get_world_size
from torch import Tensor
from torch.utils.data import Dataset

from lddm_aug.conditions import LABEL, Conditions
from lddm_aug.datasets.leaves import classes_of, groups_of
from lddm_aug.datasets.visits import alike_on_ranks
from lddm_aug.distributed import in_turn
from lddm_aug.functional.clip_motion import measure
from lddm_aug.functional.pixels import to_unit
from lddm_aug.hardware import usual_device
from lddm_aug.models.clip_autoencoder import ClipAutoencoder
from lddm_aug.seeds import derive_seed, seeded


@DATASETS.register_module()
class LatentDataset(Dataset):
    """Latents of several draws of every clip, with their stills.

    Ranks that train together share the work; each has all latents.  Where texts have several
    wordings, a latent is a sample with each of its own; those with fewer take them again.

    A sample is dict(latent (Cz, t, h, w) float, standardised; still (C, H, W) uint8; label; told
    (D,) values of the conditions, NaN where they are unknown).

    Args:
        clips: config of the dataset of clips; its pipeline ends in `PackClip`.
        autoencoder: config of the trained `VideoAutoencoder`; its `init_cfg` names the checkpoint.
        draws: of each video: its number of random segments, flips and so on.
        batch_size: clips per batch of the encoder.
        conditions: what a model of the latents is told, as `Conditions` takes it: columns of the
            table, and what is measured on the clips.
    """

    def __init__(self, clips: dict, autoencoder: dict, draws: int = 8, batch_size: int = 8,
                 conditions: Mapping[str, Any] | None = None) -> None:
        if draws < 1:
            raise ValueError(f'LatentDataset: draws counts segments of each video and is at least '
                             f'1, but got {draws!r}')
        if not autoencoder.get('init_cfg'):
            raise ValueError('LatentDataset: autoencoder must have the checkpoint of a trained one '
                             'as init_cfg, but has none; train a config with both stages')
        self.clips = DATASETS.build(clips)
        self.metainfo = dict(classes=classes_of('LatentDataset', 'the clips', self.clips))
        self.groups = groups_of(self.clips)
        self.conditions = Conditions('LatentDataset', conditions)
        self.samples, self.sample_groups = self._encode(MODELS.build(autoencoder), draws,
                                                        batch_size)

    @torch.inference_mode()
    def _encode(self, autoencoder: ClipAutoencoder, draws: int, batch_size: int
                ) -> tuple[list[dict[str, Any]], list[str]]:
        """The samples, and the group of each."""
        autoencoder.init_weights()
        device = usual_device()
        autoencoder.eval().to(device)
        encoded = []                                              # of this rank's batches
        batches = batched_places(self.clips, draws * len(self.clips), batch_size)
        for places in batches[get_rank()::get_world_size()]:
            batch = load_clips(self.clips, places)
            latents = autoencoder.encode(to_unit(batch['clip'].to(device))).cpu()
            told = told_of(self.clips, self.conditions, batch)
            encoded.append([
                (dict(latent=latent.clone(), still=clip[:, 0].clone(), label=int(label)),
                 wordings.clone(), group)
                for latent, clip, label, wordings, group in zip(
                    latents, batch['clip'], batch['label'], told, batch['group'], strict=True)])
        everything = [*chain.from_iterable(in_turn(encoded))]
        most = max(len(wordings) for _, wordings, _ in everything)
        samples = [dict(sample, told=wordings[number % len(wordings)])
                   for sample, wordings, _ in everything for number in range(most)]
        groups = [group for _, _, group in everything for _ in range(most)]
        for name, columns in self.conditions.columns.items():
            if all(sample['told'][columns].isnan().all() for sample in samples):
                raise ValueError(f'LatentDataset: no clip says its {name}; add a column {name} to '
                                 'the table of videos, or leave it out of the conditions')
        return samples, groups

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, Tensor | int]:
        return self.samples[index]


def batched_places(clips: Any, count: int | None = None, batch_size: int = 8
                   ) -> list[list[tuple[int, int]]]:
    """`count` places in batches: number of the draw and index of all clips in turn; each once."""
    places = [divmod(place, len(clips)) for place in range(len(clips) if count is None else count)]
    return [places[start:start + batch_size] for start in range(0, len(places), batch_size)]


def load_clips(clips: Any, places: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """A collated batch of these draws of clips, which are the same each time and on every rank."""
    return default_collate([_draw(clips, *place) for place in places])


def _draw(clips: Any, draw: int, index: int) -> dict[str, Any]:
    with seeded(derive_seed(draw, index)), alike_on_ranks():
        return clips[index]


def told_of(clips: Any, conditions: Conditions, batch: Mapping[str, Any]) -> list[Tensor]:
    """B times (W, D) values of the conditions: from the table, or measured on the clips.

    W counts the wordings of a clip's texts.

    Args:
        clips: the dataset of the batch.
        batch: of `load_clips`.
    """
    wordings = [conditions.wordings(json.loads(text)) for text in batch['conditions']]
    counts = [len(rows) for rows in wordings]
    names = classes_of('told_of', 'the clips', clips)
    labels = [{LABEL: names[int(label)]} if names else {} for label in batch['label']]
    told = conditions.encode('LatentDataset', [
        {name: value for name, value in (row | label).items() if name not in conditions.measured}
        for rows, label in zip(wordings, labels, strict=True) for row in rows])
    for name in conditions.measured:
        values = measure(name, batch['clip']).repeat_interleave(torch.tensor(counts))
        told[:, conditions.columns[name]] = values[:, None]
    return [*told.split(counts)]
