"""A table's stills, read as a generator takes them, and handed to the one that makes clips."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lddm_aug.data.annotations import Annotation
from lddm_aug.datasets.transforms.load_still import LoadStill
from lddm_aug.generators.base import Generator
from lddm_aug.synthesis.plan import StillRequest
from lddm_aug.synthesis.synthesize import Summary, synthesize


def synthesize_stills(generator: Generator, rows: Iterable[Annotation], out: str | Path,
                      **options: Any) -> Summary:
    """Make clips of the stills that a table lists, and keep them in the store `out`.

    Args:
        rows: of the table.
        options: of `synthesize`.
    """
    read = LoadStill(generator.size, generator.channels)

    def load(still: StillRequest) -> np.ndarray:
        return read.transform({'filename': still.path, 'frame': still.frame})['still']

    stills = [StillRequest(row.path, row.frame, row.label, row.group) for row in rows]
    return synthesize(generator, stills, load, out, **options)
