"""Clips encoded once, so that the training of a latent model doesn't run the encoder."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.dataset import default_collate
from mmengine.dist import get_rank, get_world_size
from torch import Tensor
from torch.utils.data import Dataset

from lddm_aug.datasets.leaves import classes_of, groups_of
from lddm_aug.datasets.visits import alike_on_ranks
from lddm_aug.distributed import in_turn
from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.clip_autoencoder import ClipAutoencoder
from lddm_aug.seeds import derive_seed, seeded


@DATASETS.register_module()
class LatentDataset(Dataset):
    """Latents of several draws of every clip, with their stills.

    Ranks that train together share the work; each has all latents.

    A sample is dict(latent (Cz, t, h, w) float, standardised; still (C, H, W) uint8; label).

    Args:
        clips: config of the dataset of clips; its pipeline ends in `PackClip`.
        autoencoder: config of the trained `VideoAutoencoder`; its `init_cfg` names the checkpoint.
        draws: of each video: its number of random segments, flips and so on.
        batch_size: clips per batch of the encoder.
    """

    def __init__(self, clips: dict, autoencoder: dict, draws: int = 8, batch_size: int = 8) -> None:
        if draws < 1:
            raise ValueError(f'LatentDataset: draws counts segments of each video and is at least '
                             f'1, but got {draws!r}')
        if not autoencoder.get('init_cfg'):
            raise ValueError('LatentDataset: autoencoder must have the checkpoint of a trained one '
                             'as init_cfg, but has none; train a config with both stages')
        self.clips = DATASETS.build(clips)
        self.metainfo = dict(classes=classes_of('LatentDataset', 'the clips', self.clips))
        self.groups = groups_of(self.clips)
        self.samples = self._encode(MODELS.build(autoencoder), draws, batch_size)

    @torch.inference_mode()
    def _encode(self, autoencoder: ClipAutoencoder, draws: int, batch_size: int
                ) -> list[dict[str, Tensor | int]]:
        autoencoder.init_weights()
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        autoencoder.eval().to(device)
        encoded = []                                              # of this rank's batches
        for places in batched_places(self.clips, draws, batch_size)[get_rank()::get_world_size()]:
            batch = load_clips(self.clips, places)
            latents = autoencoder.encode(to_unit(batch['clip'].to(device))).cpu()
            encoded.append([
                dict(latent=latent.clone(), still=clip[:, 0].clone(), label=int(label))
                for latent, clip, label in zip(latents, batch['clip'], batch['label'],
                                               strict=True)])
        return [*chain.from_iterable(in_turn(encoded))]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, Tensor | int]:
        return self.samples[index]


def batched_places(clips: Any, draws: int = 1, batch_size: int = 8) -> list[list[tuple[int, int]]]:
    """Number of the draw and index of every clip, `draws` times, in batches."""
    places = [(draw, index) for draw in range(draws) for index in range(len(clips))]
    return [places[start:start + batch_size] for start in range(0, len(places), batch_size)]


def load_clips(clips: Any, places: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """A collated batch of these draws of clips, which are the same each time and on every rank."""
    return default_collate([_draw(clips, *place) for place in places])


def _draw(clips: Any, draw: int, index: int) -> dict[str, Any]:
    with seeded(derive_seed(draw, index)), alike_on_ranks():
        return clips[index]
