"""Reading of videos."""
from __future__ import annotations

from typing import Any

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from lddm_aug.data.frames import Pixels, letterbox, read_frames, to_channels


@TRANSFORMS.register_module()
class ReadVideo(BaseTransform):
    """Read all frames of a video; a generated clip, which is there, is only fitted.

    Required keys: filename, and of a generated clip array (T, H, W[, 3]) uint8.
    Added keys: array (T, H, W, 3) uint8, or (T, H, W) with one channel; total_frames.

    Args:
        size: fit frames into size × size pixels; None keeps their size.
        channels: 3 for recognizers, 1 for generators of grey clips.
        cache: keep videos in memory, once per worker.
    """

    def __init__(self, size: int | None = None, channels: int = 3, cache: bool = False) -> None:
        if channels not in (1, 3):
            raise ValueError(f'ReadVideo: channels must be 1 or 3, but got {channels!r}')
        if size is not None and size < 1:
            raise ValueError(f'ReadVideo: size counts pixels from 1 on, but got {size!r}')
        self.size = size
        self.channels = channels
        self.cache: dict[str, Pixels] | None = {} if cache else None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        results['array'] = self.read(results['filename'], results.get('array'))
        results['total_frames'] = len(results['array'])
        return results

    def read(self, filename: str, array: Pixels | None = None) -> Pixels:
        """(T, H, W, 3) or (T, H, W) frames of a video, from the cache if there is one.

        Args:
            array: the frames, where they were read before.
        """
        if self.cache is None:
            return self._read(filename, array)
        if filename not in self.cache:
            self.cache[filename] = self._read(filename, array)
        return self.cache[filename].copy()           # some transforms flip frames in place

    def _read(self, filename: str, array: Pixels | None) -> Pixels:
        return read_frames(filename, self._fit) if array is None else self._fit(array)

    def _fit(self, frame: Pixels) -> Pixels:
        return to_channels(frame if self.size is None else letterbox(frame, self.size),
                           self.channels)

    def __repr__(self) -> str:
        return (f'ReadVideo(size={self.size}, channels={self.channels}, '
                f'cache={self.cache is not None})')
