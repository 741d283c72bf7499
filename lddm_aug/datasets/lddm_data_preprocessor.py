"""Synthesis on the training device: what the device does."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from mmaction.models import ActionDataPreprocessor
from mmaction.registry import MODELS
from torch import Tensor

from lddm_aug.datasets.deferred_clip import DeferredClip
from lddm_aug.datasets.replay import replay
from lddm_aug.functional.pixels import still_to_unit, to_uint8
from lddm_aug.generators.base import Generator, LatentGenerator
from lddm_aug.generators.latent_bank import LatentBank
from lddm_aug.generators.package import shared_generator


@MODELS.register_module()
class LDDMDataPreprocessor(ActionDataPreprocessor):
    """MMAction2's ActionDataPreprocessor, which also makes the clips that `DeferSynthesis` left.

    All clips of a batch that wait are synthesized at once on the model's device, and transformed
    there as it was drawn for them.  They take their places among the other clips before anything
    else is done, so that normalization and batch augmentations see no difference.  Batches without
    such clips pass as through ActionDataPreprocessor, as all do in validation and test.

    The generator is no part of the model: it has none of its parameters, is in no checkpoint, no
    average of weights and no DDP, and computes in float32 under mixed precision too.  It is read
    once per process and device.  Its arguments are those of ActionDataPreprocessor.

    Raises:
        ValueError: for a clip to be made in validation or test.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bank = LatentBank()

    def preprocess(self, inputs: list[Tensor | DeferredClip], data_samples: Any,
                   training: bool = False) -> tuple[Tensor, Any]:
        return super().preprocess(self.with_clips(inputs, training), data_samples, training)

    def with_clips(self, inputs: list[Tensor | DeferredClip], training: bool) -> list[Tensor]:
        """Inputs of a batch, with clips in place of those that wait to be made."""
        waiting: dict[str, list[int]] = defaultdict(list)
        for number, each in enumerate(inputs):
            if isinstance(each, DeferredClip):
                waiting[each.package].append(number)
        if waiting and not training:
            raise ValueError('LDDMDataPreprocessor: validation and test see real clips only, but '
                             'a batch holds stills to be synthesized; take the data set of real '
                             'clips in its dataloader')
        done: list[Any] = list(inputs)
        for package, numbers in waiting.items():
            clips = self.make(package, [done[number] for number in numbers])
            for number, clip in zip(numbers, clips, strict=True):
                done[number] = clip
        return done

    def make(self, package: str, deferred: Sequence[DeferredClip]) -> list[Tensor]:
        """Clips of one generator, each as a pipeline would have packed it."""
        generator = shared_generator(package, str(self.device))
        stills = torch.stack([still_to_unit(each.still) for each in deferred]).to(self.device)
        with torch.autocast(self.device.type, enabled=False):
            clips = self._synthesize(generator, stills, deferred)      # (B, C, T, H, W)
        return replay(to_uint8(clips).transpose(1, 2), [each.steps for each in deferred])

    def _synthesize(self, generator: Generator, stills: Tensor, deferred: Sequence[DeferredClip]
                    ) -> Tensor:
        seeds, told = [each.seed for each in deferred], [each.conditions for each in deferred]
        keys = [(each.package, each.bank_key) for each in deferred]
        if (not isinstance(generator, LatentGenerator)
                or any(each.bank_key is None for each in deferred)):
            return generator(stills, seeds, told)
        latents = self.bank.latents(generator, stills, seeds, told, keys)
        return generator.decode_latents(stills, seeds, latents)
