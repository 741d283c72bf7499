"""Stores of clips that the tests read."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

import lddm_aug  # noqa: F401  registers what the tests build
from lddm_aug.data.annotations import Annotation
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.synthesis.synthesize import synthesize

CLASSES = ('benign', 'malignant')


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., str]:
    """(clips per class, one number each) → a store of clips that repeat their stills."""
    def make(*counts: int, classes: Sequence[str] = CLASSES, name: str = 'store') -> str:
        folder = tmp_path / f'{name}_stills'
        folder.mkdir()
        rows = []
        for label, count in zip(classes, counts, strict=True):
            for number in range(count):
                path = folder / f'{label}{number}.png'
                cv2.imwrite(str(path), np.full((16, 16), len(rows), np.uint8))
                rows.append(Annotation(path, label, f'still-{path.stem}', None, None, 0))
        generator = RepeatStill(size=16)
        generator.groups = ('trained-on',)
        generator.package_sha256 = 'of a package'
        synthesize(generator, rows, tmp_path / name, progress=False)
        return str(tmp_path / name)
    return make


@pytest.fixture
def store(make_store: Callable[..., str]) -> str:
    """A store with three benign clips and two malignant ones."""
    return make_store(3, 2)
