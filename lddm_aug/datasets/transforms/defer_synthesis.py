"""Synthesis on the training device: what a worker does for it."""
from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from mmaction.datasets.transforms import ArrayDecode, FormatShape, PackActionInputs
from mmaction.registry import TRANSFORMS

from lddm_aug.datasets.deferred_clip import DeferredClip
from lddm_aug.datasets.replay import record, require_recordable
from lddm_aug.datasets.transforms.synthesize_clip import SynthesizeClip
from lddm_aug.datasets.visits import current_visit
from lddm_aug.generators.base import LatentGenerator
from lddm_aug.seeds import derive_seed


@TRANSFORMS.register_module()
class DeferSynthesis(SynthesizeClip):
    """Draw all that is random about a clip, and leave it to be made on the training device.

    The transforms of `pipeline` draw here what they would draw for a clip, without pixels.
    `LDDMDataPreprocessor` makes the clips of a batch and applies what was drawn, so that the
    recognizer sees what it sees with `SynthesizeClip` and the same transforms.

    With `latents_per_still`, the preprocessor keeps that many latents of each still in memory, and
    a training step only decodes.  A visit takes one of them at random.  They follow from the seed,
    the still's file, their number and how often they were refreshed.  Before the first refresh they
    are those of a store that was made with the same seed and as many clips per still.

    Required keys: still (H, W) or (H, W, 3) uint8, of the generator's size; seed; label.
    Optional keys: conditions, what is known about the still; sha256 and frame of the still, with
        latents_per_still.
    Returned keys: those of PackActionInputs, with a `DeferredClip` as inputs.

    Args:
        package: of SynthesizeClip.
        pipeline: transforms of a clip as in MMAction2: sampling of frames, ArrayDecode,
            augmentation, FormatShape and PackActionInputs.
        latents_per_still: kept latents; None samples anew at every visit.
        refresh_every: epochs after which latents are sampled anew; None for never.  It needs
            `EpochSampler`.
        seed: of the kept latents.

    Raises:
        ValueError: if a transform cannot be applied on the device, a number makes no sense, or
            the generator has no latents to keep.
    """

    def __init__(self, package: str, pipeline: Sequence[Any], latents_per_still: int | None = None,
                 refresh_every: int | None = None, seed: int = 0) -> None:
        super().__init__(package)
        built = [TRANSFORMS.build(transform) if isinstance(transform, dict) else transform
                 for transform in pipeline]
        self.transforms, self.pack = _checked(built)
        for name, value in (('latents_per_still', latents_per_still),
                            ('refresh_every', refresh_every)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)
                                      or value < 1):
                raise ValueError(f'DeferSynthesis: {name} is a number from 1 on, or None, but got '
                                 f'{value!r}')
        if refresh_every is not None and latents_per_still is None:
            raise ValueError('DeferSynthesis: refresh_every is about kept latents, so it needs '
                             f'latents_per_still, but got refresh_every={refresh_every!r} alone')
        self.latents_per_still = latents_per_still
        self.refresh_every = refresh_every
        self.seed = seed
        if latents_per_still is not None and not isinstance(self.generator, LatentGenerator):
            raise ValueError(f'DeferSynthesis: latents_per_still={latents_per_still} keeps latents,'
                             f' but a {type(self.generator).__name__} has none; leave it out')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        self.require_fit(results['still'], results)
        results.update(total_frames=self.generator.num_frames, start_index=0,
                       frame_stride=self.generator.frame_stride)
        seed, bank_key = self._seed_and_key(results)
        steps = [record(transform, results) for transform in self.transforms]
        packed = self.pack.transform({**results, 'imgs': np.empty(0)})
        packed['inputs'] = DeferredClip(
            self.package, results['still'], seed, results.get('conditions', {}),
            tuple(step for step in steps if step is not None), bank_key)
        return packed

    def _seed_and_key(self, results: dict[str, Any]) -> tuple[int, Hashable]:
        """The clip's seed, and what its latent is kept under."""
        if self.latents_per_still is None:
            return results['seed'], None
        number = results['seed'] % self.latents_per_still
        still = results['sha256'], results.get('frame')
        refreshed = self._times_refreshed()
        # of a refresh the seeds are others; before, they are those of `plan_clips`
        seed = derive_seed(self.seed, *still, number, *((refreshed,) if refreshed else ()))
        told = self.generator.conditions.of(results.get('conditions', {}))
        return seed, (self.seed, *still, number, *told.items())

    def _times_refreshed(self) -> int:
        if self.refresh_every is None:
            return 0
        visit = current_visit()
        if visit is None:
            raise ValueError('DeferSynthesis: refresh_every counts epochs, so it needs a sampler '
                             "that passes the epoch; set sampler.type='EpochSampler', or leave "
                             'refresh_every out')
        return visit.epoch // self.refresh_every

    def __repr__(self) -> str:
        return (f'DeferSynthesis(package={self.package!r}, pipeline={self.transforms}, '
                f'latents_per_still={self.latents_per_still}, '
                f'refresh_every={self.refresh_every}, seed={self.seed})')


def _checked(pipeline: list[Any]) -> tuple[list[Any], PackActionInputs]:
    """The transforms that are recorded, and the one that packs what they leave."""
    *transforms, last = pipeline or [None]
    kinds = [type(transform) for transform in transforms]
    if type(last) is not PackActionInputs or last.collect_keys is not None:
        raise ValueError('DeferSynthesis: its pipeline ends in PackActionInputs without '
                         f'collect_keys, but got {last!r}')
    for needed in (ArrayDecode, FormatShape):
        if needed not in kinds:
            raise ValueError(f'DeferSynthesis: its pipeline needs {needed.__name__}, but has '
                             f'{", ".join(kind.__name__ for kind in kinds) or "nothing"}')
    require_recordable('DeferSynthesis', transforms)
    return transforms, last
