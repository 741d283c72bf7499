"""Motion, flicker, sharpness, speckle: how far their distributions are from those of real clips."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.clip_statistics import STATISTICS, five_quantiles, statistic_gap
from lddm_aug.evaluation.synthesis_metrics.base import (
    MORE_CLIPS,
    Evaluation,
    Row,
    SynthesisMetric,
    register_metric,
)


@register_metric
class TemporalGaps(SynthesisMetric):
    """Statistic → gap, gap_interval, quantiles of generated and real clips.

    A gap is counted in standard deviations of real clips.
    """

    name, better = 'temporal', 'lower'

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        ours = evaluation.generated.described.statistics         # (N, statistics)
        theirs = evaluation.real.described.statistics
        rows = {name: dict(**_gap(evaluation, a, b), generated=five_quantiles(a),
                           real=five_quantiles(b))
                for name, a, b in zip(STATISTICS, ours.T, theirs.T, strict=True)}
        alike = [name for name, row in rows.items() if row['gap'] is None]
        if alike:
            evaluation.notes.append(
                'temporal: a gap is counted in standard deviations of real clips, which are all '
                f'alike in {", ".join(alike)}; {MORE_CLIPS}')
        return {self.name: rows}

    def rows(self, results: Mapping[str, Any]) -> list[Row]:
        gaps = {name: row for name, row in results.get(self.name, {}).items()
                if row['gap'] is not None}
        if not gaps:
            return []
        widest = max(gaps, key=lambda name: gaps[name]['gap'])
        return [self.row(f'widest gap: {widest}', gaps[widest]['gap'],
                         gaps[widest]['gap_interval'], 'in standard deviations of real clips')]


def _gap(evaluation: Evaluation, ours: NDArray[np.float64], theirs: NDArray[np.float64]
         ) -> dict[str, Any]:
    if np.ptp(theirs) == 0:
        return dict(gap=None, gap_interval=None)
    spread = float(theirs.std())

    def gap(clips: NDArray) -> float:
        return statistic_gap(ours[clips], theirs[clips], spread)

    return dict(gap=statistic_gap(ours, theirs, spread), gap_interval=group_interval(
        gap, evaluation.groups, bounds=(0, np.inf), **evaluation.resampling))
