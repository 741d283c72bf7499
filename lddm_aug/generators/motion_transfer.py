"""The control that transfers the motion of a training clip to a still."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.conditions import LABEL, Conditions
from lddm_aug.generators.base import LatentGenerator


@MODELS.register_module()
class MotionTransfer(LatentGenerator):
    """Decodes the latent of a random training clip on the still, which it knows nothing of.

    What a conditional generator knows about motions that belong to a still is measured
    against it.  A still with a label gets the motion of a clip of the same label.

    Args:
        autoencoder: config of the `VideoAutoencoder` that made the latents, without checkpoints.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip.
        frame_stride: of the clips it was trained on, in frames of the source video.
        bank_shape: (N, Cz, t, h, w) of the latents it chooses from; `fill` sets it.
        classes: names of the bank's labels; `fill` sets them.
    """

    trained_part = 'autoencoder'
    bank: Tensor
    bank_labels: Tensor

    def __init__(self, autoencoder: dict, size: int, num_frames: int = 16, frame_stride: int = 3,
                 bank_shape: Sequence[int] = (0, 0, 0, 0, 0), classes: Sequence[str] = ()) -> None:
        trained, known = MODELS.build(autoencoder), _conditions(classes)
        super().__init__(channels=trained.channels, size=size, num_frames=num_frames,
                         frame_stride=frame_stride)
        self.autoencoder = trained
        self.conditions = known
        self.register_buffer('bank', torch.zeros(*bank_shape))
        self.register_buffer('bank_labels', torch.zeros(bank_shape[0], dtype=torch.long))
        self.eval()

    @property
    def config(self) -> dict[str, Any]:
        """What builds it again, with a bank of this shape."""
        return super().config | dict(bank_shape=list(self.bank.shape), classes=list(self.classes))

    def fill(self, latents: Tensor, labels: Tensor, classes: Sequence[str]) -> None:
        """Choose from these clips from now on.

        Args:
            latents: (N, Cz, t, h, w), standardised.
            labels: (N,) indices into classes.

        Raises:
            ValueError: if a class has no clip.
        """
        missing = sorted({*range(len(classes))} - {*labels.tolist()})
        if missing or len(latents) == 0:
            raise ValueError('MotionTransfer: needs at least one training clip of every class, '
                             f'but got {len(latents)} and none of '
                             f'{", ".join(classes[i] for i in missing) or "any"}')
        self.bank, self.bank_labels = latents, labels
        self.conditions = _conditions(classes)

    def fit(self, batches: Iterable[Mapping[str, Tensor]], classes: Sequence[str]) -> None:
        """`fill`, with what batches of a `LatentDataset` hold."""
        held = [(batch['latent'], batch['label']) for batch in batches]
        latents, labels = (torch.cat(part) for part in zip(*held, strict=True))
        self.fill(latents, labels, classes)

    def sample(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        labels = [int(values[0].nan_to_num(-1)) if len(values) else -1 for values in told]
        chosen = [self.choose(seed, label) for seed, label in zip(seeds, labels, strict=True)]
        return self.bank[chosen]

    def decode(self, stills: Tensor, seeds: Sequence[int], latents: Tensor) -> Tensor:
        return self.autoencoder.decode(stills, latents, seeds)

    def choose(self, seed: int, label: int = -1) -> int:
        """Index of the clip whose motion is transferred; −1 stands for any label."""
        fitting = [i for i, held in enumerate(self.bank_labels.tolist()) if label in (-1, held)]
        if not fitting:
            raise ValueError('MotionTransfer: has no training clips to choose from; make its '
                             'package with lddm-aug train-generator')
        drawn = torch.randint(len(fitting), (), generator=torch.Generator().manual_seed(seed))
        return fitting[int(drawn)]


def _conditions(classes: Sequence[str]) -> Conditions:
    return Conditions('MotionTransfer', {LABEL: classes} if classes else None)
