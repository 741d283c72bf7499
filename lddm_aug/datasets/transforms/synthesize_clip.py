"""Synthesis on the fly, in a worker of a DataLoader."""
from __future__ import annotations

from typing import Any

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from lddm_aug.data.frames import to_channels
from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import shared_generator


@TRANSFORMS.register_module()
class SynthesizeClip(BaseTransform):
    """Turn a still into a clip, the input of SampleFrames or SampleSegment and ArrayDecode.

    The same still, seed and package give the same clip in every worker.

    Required keys: still (H, W) or (H, W, 3) uint8, of the generator's size; seed.
    Optional keys: conditions, what is known about the still: name → value.
    Added keys: array (T, H, W, 3) uint8; total_frames; start_index; frame_stride.

    Args:
        package: the generator's folder, or hf://user/name[@revision].  It is read once per process;
            a StillDataset reads it when it is built, before workers start.
        device: where to synthesize; in a worker, 'cpu'.
        num_frames: T; by default the package's.  See `Generator.with_length`.
    """

    def __init__(self, package: str, device: str = 'cpu', num_frames: int | None = None) -> None:
        self.package = package
        self.device = device
        self.num_frames = num_frames

    @property
    def generator(self) -> Generator:
        """The generator, loaded once per process."""
        return shared_generator(self.package, self.device).with_length(self.num_frames)

    @property
    def groups(self) -> frozenset[str]:
        """Groups on which the generator was trained."""
        return frozenset(self.generator.groups)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        generator = self.generator
        still = results['still']
        self.require_fit(still, results)
        pixels = still_to_unit(still).to(self.device)                # (C, H, W)
        clip = generator(pixels[None], [results['seed']],
                         [results.get('conditions', {})])[0]         # (C, T, H, W)
        frames = to_channels(clip_to_uint8(clip), 3)                 # (T, H, W, 3)
        results.update(array=frames, total_frames=len(frames), start_index=0,
                       frame_stride=generator.frame_stride)
        return results

    def require_fit(self, still: NDArray, results: dict[str, Any]) -> None:
        """Raise ValueError for a still of another shape than the generator takes."""
        generator, owner = self.generator, type(self).__name__
        expected = (generator.size, generator.size) + (3,) * (generator.channels == 3)
        if still.shape != expected:
            raise ValueError(
                f'{owner}: the generator in {self.package} takes stills of shape {expected}, but '
                f'{results.get("filename", "this one")} has {still.shape}; use '
                f'LoadStill(size={generator.size}, channels={generator.channels})')

    def __repr__(self) -> str:
        return (f'SynthesizeClip(package={self.package!r}, device={self.device!r}, '
                f'num_frames={self.num_frames!r})')

