"""Clips encoded once, so that the training of a latent model doesn't run the encoder."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.dataset import default_collate
from torch import Tensor
from torch.utils.data import Dataset

from lddm_aug.conditions import LABEL, Conditions
from lddm_aug.datasets.leaves import classes_of, groups_of
from lddm_aug.functional.clip_motion import measure
from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.clip_autoencoder import ClipAutoencoder
from lddm_aug.seeds import derive_seed, seeded


@DATASETS.register_module()
class LatentDataset(Dataset):
    """Latents of several draws of every clip, with their stills.

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
        self.sample_groups: list[str] = []           # of each sample
        self.samples = self._encode(MODELS.build(autoencoder), draws, batch_size)

    @torch.inference_mode()
    def _encode(self, autoencoder: ClipAutoencoder, draws: int, batch_size: int
                ) -> list[dict[str, Tensor | int]]:
        autoencoder.init_weights()
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        autoencoder.eval().to(device)
        samples: list[dict[str, Tensor | int]] = []
        for batch in clip_batches(self.clips, draws, batch_size):
            latents = autoencoder.encode(to_unit(batch['clip'].to(device))).cpu()
            told = told_of(self.clips, self.conditions, batch)
            samples += [
                dict(latent=latent.clone(), still=clip[:, 0].clone(), label=int(label), told=each)
                for latent, clip, label, each in zip(latents, batch['clip'], batch['label'],
                                                     told.clone(), strict=True)]
            self.sample_groups += batch['group']
        for name, columns in self.conditions.columns.items():
            if all(torch.as_tensor(sample['told'])[columns].isnan().all() for sample in samples):
                raise ValueError(f'LatentDataset: no clip says its {name}; add a column {name} to '
                                 'the table of videos, or leave it out of the conditions')
        return samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, Tensor | int]:
        return self.samples[index]


def clip_batches(clips: Any, draws: int = 1, batch_size: int = 8) -> Iterator[dict[str, Any]]:
    """Iterate over collated batches of every clip, `draws` times, with the same seeds each time."""
    places = [(draw, index) for draw in range(draws) for index in range(len(clips))]
    for start in range(0, len(places), batch_size):
        yield default_collate([_draw(clips, *place) for place in places[start:start + batch_size]])


def _draw(clips: Any, draw: int, index: int) -> dict[str, Any]:
    with seeded(derive_seed(draw, index)):
        return clips[index]


def told_of(clips: Any, conditions: Conditions, batch: Mapping[str, Any]) -> Tensor:
    """(B, D) values of the conditions of a batch: from the table, or measured on the clips.

    Args:
        clips: the dataset of the batch.
        batch: of `clip_batches`.
    """
    rows = [json.loads(text) for text in batch['conditions']]
    names = classes_of('told_of', 'the clips', clips)
    if names:
        rows = [row | {LABEL: names[int(label)]}
                for row, label in zip(rows, batch['label'], strict=True)]
    told = conditions.encode('LatentDataset', [
        {name: value for name, value in row.items() if name not in conditions.measured}
        for row in rows])
    for name in conditions.measured:
        told[:, conditions.columns[name]] = measure(name, batch['clip'])[:, None]
    return told
