"""Does a generator hand out its training clips?

A generated clip is compared with its nearest real training clip, and how near that is with how
near training clips come to real clips that were held out.  Two ways to look:

- `pixels`: the clips themselves, shrunk, less the average training clip;
- `motion`: their optical flow, shrunk.  A generator that starts from a held-out still can't repeat
  a training clip's pixels, but it can repeat its motion.

Distances are 1 − cos of the angle: 0 is a copy, 1 has nothing in common.  Were lengths counted, a
clip in which nothing moves would be near to all that move little.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.evaluation.bootstrap import mean_interval
from lddm_aug.evaluation.clip_statistics import five_quantiles
from lddm_aug.evaluation.synthesis_metrics.base import (
    Evaluation,
    Row,
    SynthesisMetric,
    register_metric,
)


@register_metric
class Memorisation(SynthesisMetric):
    """See `memorisation_audit`."""

    name, better = 'memorisation', 'lower'

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        generator, training = evaluation.generator, evaluation.training
        groups = {*training.groups}
        known = generator.groups and generator.names_all_groups
        unseen = sorted(groups - {*generator.groups}) if known else []
        if unseen:
            evaluation.notes.append(
                f'memorisation: the generator was not trained on {len(unseen)} of the '
                f'{len(groups)} groups of the training clips ({unseen[0]}, …), and cannot repeat '
                'what it never saw; name the split that it was trained on')
        average = shrunk_pixels(training.clips).mean(axis=0)
        generated, real, trained = (
            dict(pixels=shrunk_pixels(clips.clips) - average, motion=clips.described.motion)
            for clips in (evaluation.generated, evaluation.real, training))
        return {self.name: memorisation_audit(generated, real, trained, evaluation.groups,
                                              **evaluation.resampling)}

    def rows(self, results: Mapping[str, Any]) -> list[Row]:
        return [self.row(f'near a training clip, by {way}', found['near'], found['near_interval'],
                         f'.05 is expected; {found["copies"]} look like copies')
                for way, found in results.get(self.name, {}).items()]


PIXEL_GRID = (8, 16, 16)          # frames, height, width of a clip's pixels once shrunk
EXPECTED = 0.05                   # share of held-out clips that count as near
SHOWN = 8                         # closest pairs that are kept


def shrunk_pixels(clips: Tensor) -> NDArray[np.float32]:
    """(N, C, T, H, W) uint8 clips → (N, 8 · 16 · 16) grey levels."""
    grey = clips.float().mean(dim=1, keepdim=True)
    return F.adaptive_avg_pool3d(grey, PIXEL_GRID).flatten(1).numpy()


def memorisation_audit(generated: Mapping[str, NDArray], held_out: Mapping[str, NDArray],
                       training: Mapping[str, NDArray], groups: Sequence[str],
                       resamples: int = 200, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Per way to look: are generated clips nearer to training clips than held-out ones are?

    Args:
        generated, held_out, training: way to look → (N, …), (N, …), (M, …) numbers.
        groups: of the N held-out clips, and of the clips generated from their first frames.
        resamples: of the interval.

    Returns:
        Way to look → dict: `near`, the share of generated clips nearer to a training clip than
        95 % of the held-out ones are (.05 is expected), and its `near_interval`; `copies`, how
        many are at less than half the distance of every held-out clip; quantiles of the distances,
        `generated` and `real` (held-out); `closest`, pairs of dict(clip, training_clip, distance).
    """
    report = {}
    for way in training:
        ours, nearest = nearest_clips(generated[way], training[way])
        real, _ = nearest_clips(held_out[way], training[way])
        near = (ours < np.quantile(real, EXPECTED)).astype(float)
        order = np.argsort(ours, kind='stable')[:SHOWN]
        report[way] = dict(
            near=float(near.mean()),
            near_interval=mean_interval(near, groups, resamples, seed, bounds=(0, 1)),
            copies=int((ours < real.min() / 2).sum()),
            generated=five_quantiles(ours), real=five_quantiles(real),
            closest=[dict(clip=int(i), training_clip=int(nearest[i]),
                          distance=float(ours[i])) for i in order])
    return report


def nearest_clips(clips: NDArray, training: NDArray
                  ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(N, …), (M, …) → each clip's distance from the nearest of the training clips, and which."""
    distances = 1 - _of_unit_length(clips) @ _of_unit_length(training).T         # (N, M)
    return distances.min(axis=1), distances.argmin(axis=1)


def _of_unit_length(clips: NDArray) -> NDArray[np.float64]:
    """(N, …) → (N, D); a clip of zeros stays one, and so is at distance 1 from every other."""
    flat = clips.reshape(len(clips), -1).astype(np.float64)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
