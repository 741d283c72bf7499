"""Scans that the tests simulate: speckle, a lesion, and what happens to copies."""
from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest


@pytest.fixture
def scan() -> Callable[..., np.ndarray]:
    def make(seed: int, height: int = 256, width: int = 256) -> np.ndarray:
        """(H, W) uint8 tissue of its own, with a dark lesion somewhere."""
        draw = np.random.default_rng(seed)
        coarse = cv2.resize(draw.random((5, 5)), (width, height), interpolation=cv2.INTER_CUBIC)
        speckle = cv2.GaussianBlur(draw.rayleigh(1., (height, width)), (0, 0), 1.5)
        y, x = np.mgrid[:height, :width]
        at_y, at_x = draw.uniform(0.3, 0.7, 2) * (height, width)
        lesion = np.exp(-(((y - at_y) / 40) ** 2 + ((x - at_x) / 50) ** 2))
        tissue = 90 * speckle * (0.3 + coarse) * (1 - 0.8 * lesion)
        return tissue.clip(0, 255).astype(np.uint8)
    return make
