"""Horizontal flip of a clip."""
from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class FlipClip(BaseTransform):
    """Flip a whole clip horizontally.

    Required keys: array (T, H, W) or (T, H, W, 3).
    Modified keys: array.
    Added keys: flipped.

    Args:
        probability: of the flip.
    """

    def __init__(self, probability: float = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise ValueError('FlipClip: probability must lie between 0 and 1, '
                             f'but got {probability!r}')
        self.probability = probability

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        results['flipped'] = bool(np.random.random() < self.probability)
        if results['flipped']:
            results['array'] = results['array'][:, :, ::-1]
        return results

    def __repr__(self) -> str:
        return f'FlipClip(probability={self.probability})'
