"""All that is asked of a GPU, in a few minutes: clips in large batches, and a recognizer's step."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lddm_aug.experiments.benchmark.mixing import measure_mixing
from lddm_aug.experiments.benchmark.synthesis import measure_synthesis

RECIPE = 'lddm/lddm_distilled'


def measure_device(folder: str | Path, size: int = 128, batch_sizes: Sequence[int] = (8, 64),
                   recognizer: str = 'tsm', clips: int = 16, repeats: int = 5,
                   device: torch.device | None = None, command: str = '') -> list[dict[str, Any]]:
    """Clips per second in float32 and bfloat16 by batch, and a recognizer's step by ways to mix.

    Args:
        folder: for data, an empty one.
        size: of the clips, in pixels.
        batch_sizes: clips that are made at once, by LDDM and by cINN.
        recognizer: a file in _base_/models.
        clips: of its step, an even number.
        repeats: turns of each.
        device: the CPU by default.
        command: that is to stand in the rows.

    Returns:
        The rows of `measure_synthesis` and `measure_mixing`, and the largest rates.
    """
    device = device or torch.device('cpu')
    rows: list[dict[str, Any]] = []
    for bf16 in (False, True):
        rows += measure_synthesis(RECIPE, [size], [16], repeats, device, command, batch_sizes,
                                  bf16)
    rows += measure_mixing(folder, recognizer, size, clips, repeats, 1, 0, str(device), command,
                           RECIPE)
    return [*{row['what']: row for row in rows}.values()]         # the rate of memory once
