"""Figures with intervals in which seeds and patients both vary.

A seed draws the split, the generator, its clips and the recognizer; a test patient occurs under
several seeds.  The two are crossed, so both are resampled, independently of each other, and every
figure of a report is computed on the same resamples: the pigeonhole bootstrap (Owen 2007,
*The pigeonhole bootstrap*, Annals of Applied Statistics 1).  Differences are therefore paired, by
seed and by patient.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METRICS = ('accuracy', 'f1_macro', 'auc')
LEVEL = 0.95


@dataclass(frozen=True)
class Scores:
    """What a recognizer predicted for its test videos.

    Attributes:
        groups: (N,) whose video it is.
        labels: (N,) true class.
        probabilities: (N, K) of each class.
    """
    groups: NDArray
    labels: NDArray
    probabilities: NDArray


@dataclass(frozen=True)
class Resamples:
    """How often each seed and each group was drawn, (B, number of them)."""
    seeds: Mapping[int, NDArray]
    groups: Mapping[str, NDArray]

    @classmethod
    def draw(cls, seeds: Sequence[int], groups: Sequence[str], count: int = 2000,
             seed: int = 0) -> Resamples:
        random = np.random.default_rng(seed)

        def drawn(names: Sequence) -> dict:
            names = sorted({*names})
            counts = random.multinomial(len(names), [1 / len(names)] * len(names), size=count)
            return dict(zip(names, counts.T, strict=True))

        return cls(drawn(seeds), drawn(groups))


@dataclass(frozen=True)
class Estimate:
    """A figure, and what it would have been with other seeds and patients.

    Attributes:
        value: of what was observed.
        draws: (B,) of the resamples.
    """
    value: float
    draws: NDArray

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, percentiles of the resamples; nan where none can be computed."""
        finite = self.draws[np.isfinite(self.draws)]
        if len(finite) == 0:
            return float('nan'), float('nan')
        low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)

    def __sub__(self, other: Estimate) -> Estimate:
        return Estimate(self.value - other.value, self.draws - other.draws)

    def __truediv__(self, other: Estimate) -> Estimate:
        with np.errstate(divide='ignore', invalid='ignore'):
            return Estimate(float(np.divide(self.value, other.value)), self.draws / other.draws)


def estimate(by_seed: Mapping[int, Scores], metric: str, resamples: Resamples) -> Estimate:
    """The mean over seeds of a metric."""
    values, draws, weights = [], [], []
    for seed, scores in by_seed.items():
        times = np.stack([resamples.groups[group] for group in scores.groups], axis=1)   # (B, N)
        every = np.vstack([np.ones_like(times[:1]), times])
        value, *drawn = weighted_metric(metric, scores, every)
        values.append(value)
        draws.append(drawn)
        weights.append(resamples.seeds[seed])
    with np.errstate(invalid='ignore', divide='ignore'):
        # a seed that wasn't drawn doesn't count, also where its figure is undefined
        counted = np.where(np.equal(weights, 0), 0, np.multiply(draws, weights))
        mean = np.sum(counted, axis=0) / np.sum(weights, axis=0)
    return Estimate(float(np.mean(values)), mean)


def average(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of several figures of the same resamples, as of the four recognizers."""
    return Estimate(float(np.mean([each.value for each in estimates])),
                    np.mean([each.draws for each in estimates], axis=0))


def weighted_metric(metric: str, scores: Scores, weights: NDArray) -> NDArray:
    """(B, N) weights of the videos → (B,) figures; nan where the videos can't give one."""
    if metric == 'auc':
        return _auc(scores, weights)
    confusions = confusion(scores, weights)                                    # (B, K, K)
    right = np.diagonal(confusions, axis1=1, axis2=2)                          # (B, K)
    with np.errstate(invalid='ignore', divide='ignore'):
        if metric == 'accuracy':
            return right.sum(axis=1) / confusions.sum(axis=(1, 2))
        if metric == 'f1_macro':                     # of the classes that occur or were predicted
            occurs = confusions.sum(axis=1) + confusions.sum(axis=2)
            of_class = np.where(occurs > 0, 2 * right / occurs, 0)
            return of_class.sum(axis=1) / (occurs > 0).sum(axis=1)
    raise ValueError(f'weighted_metric: metric must be one of {", ".join(METRICS)}, '
                     f'but got {metric!r}')


def confusion(scores: Scores, weights: NDArray) -> NDArray:
    """(B, N) weights → (B, K, K): how often videos of a class (row) were predicted as another."""
    classes = scores.probabilities.shape[1]
    predicted = scores.probabilities.argmax(axis=1)
    cell = np.eye(classes * classes)[scores.labels * classes + predicted]           # (N, K²)
    return (weights @ cell).reshape(-1, classes, classes)


def _auc(scores: Scores, weights: NDArray) -> NDArray:
    """Of two classes, the second against the first; ties count half."""
    positive = scores.labels == 1
    if scores.probabilities.shape[1] != 2:
        return np.full(len(weights), np.nan)
    score = scores.probabilities[:, 1]
    above = np.sign(score[positive, None] - score[None, ~positive]) / 2 + 0.5    # (P, N)
    of_positive, of_negative = weights[:, positive], weights[:, ~positive]
    with np.errstate(invalid='ignore', divide='ignore'):
        return (np.sum(of_positive @ above * of_negative, axis=1)
                / (of_positive.sum(axis=1) * of_negative.sum(axis=1)))
