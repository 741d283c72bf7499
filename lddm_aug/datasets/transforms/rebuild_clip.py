"""True clips, as an autoencoder rebuilds them."""
from __future__ import annotations

from typing import Any

import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from lddm_aug.data.frames import Pixels, to_channels
from lddm_aug.datasets.transforms.sample_segment import SampleSegment
from lddm_aug.functional.pixels import clip_to_uint8, to_unit
from lddm_aug.generators.base import autoencoder_of
from lddm_aug.generators.package import shared_generator


@TRANSFORMS.register_module()
class RebuildClip(BaseTransform):
    """Replace a video by its first clip, encoded and decoded by the autoencoder of a generator.

    The clip is as long, and as fast, as the generator's.  No generator of these latents can be
    nearer to the truth: it is the ceiling of all that decode with this autoencoder.

    Required keys: array (T, H, W, 3) uint8 of the generator's size; filename.
    Optional keys: frame_stride.
    Changed keys: array (T, H, W, 3) uint8; total_frames; start_index; frame_stride.

    Args:
        package: the generator's folder.

    Raises:
        ValueError: if the generator has no autoencoder.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.cache: dict[str, Pixels] = {}
        if autoencoder_of(shared_generator(package)) is None:
            raise ValueError(f'RebuildClip: the generator in {package} has no autoencoder; name '
                             'one of LDDM or cINN')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        generator, filename = shared_generator(self.package), results['filename']
        if filename not in self.cache:
            self.cache[filename] = self._rebuild(results)
        frames = self.cache[filename].copy()
        results.update(array=frames, total_frames=len(frames), start_index=0,
                       frame_stride=generator.frame_stride)
        return results

    @torch.inference_mode()
    def _rebuild(self, results: dict[str, Any]) -> Pixels:
        generator = shared_generator(self.package)
        count = generator.num_frames
        sample = SampleSegment(count, count * generator.frame_stride)
        step = sample.step(len(results['array']), results.get('frame_stride', 1))
        frames = to_channels(results['array'][sample.indices(0, step)], generator.channels)
        if frames.shape[1:3] != (generator.size, generator.size):
            raise ValueError(f'RebuildClip: the generator in {self.package} makes frames of '
                             f'{generator.size} × {generator.size} pixels, but '
                             f'{results["filename"]} was read as {frames.shape[1:3]}; set '
                             f'ReadVideo.size={generator.size}')
        clip = torch.from_numpy(frames).reshape(count, generator.size, generator.size, -1)
        clip = to_unit(clip).permute(3, 0, 1, 2)[None]               # (1, C, T, H, W)
        autoencoder: Any = autoencoder_of(generator)
        rebuilt = autoencoder.decode(clip[:, :, 0], autoencoder.encode(clip))[0]
        return to_channels(clip_to_uint8(rebuilt.clamp(-1, 1)), 3)

    def __repr__(self) -> str:
        return f'RebuildClip(package={self.package!r})'
