"""How far a figure could lie from what it is, had other groups been in the test."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95


def group_interval(statistic: Callable[[NDArray[np.int64]], float], groups: Sequence[str],
                   resamples: int = 200, seed: int = 0,
                   bounds: tuple[float, float] = (-np.inf, np.inf)) -> list[float] | None:
    """95 % interval of a figure, by resampling whole groups with replacement.

    The interval is what the resampled figures spread around their own mean, laid around the figure
    itself: a resample holds some clips twice, by which a distance between distributions comes out
    too large, and that part is left out.

    Args:
        statistic: figure of the clips with these indices; they may occur more than once.
        groups: one per clip.
        resamples: how many times the groups are drawn.
        bounds: the least and the largest that the figure can be.

    Returns:
        [low, high]; None where there is one group only and nothing to resample.
    """
    members = {group: np.flatnonzero(np.asarray(groups) == group) for group in sorted({*groups})}
    if len(members) < 2:
        return None
    names, random = list(members), np.random.default_rng(seed)
    figures = np.array([
        statistic(np.concatenate([members[names[i]]
                                  for i in random.integers(len(names), size=len(names))]))
        for _ in range(resamples)])
    figures = figures[np.isfinite(figures)]          # an AUC, if a resample holds one class only
    if len(figures) == 0:
        return None
    tails = np.quantile(figures, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - figures.mean()
    interval = statistic(np.arange(len(groups))) + tails
    return [float(value) for value in np.clip(interval, *bounds)]


def mean_interval(values: NDArray, groups: Sequence[str], resamples: int = 200, seed: int = 0,
                  bounds: tuple[float, float] = (-np.inf, np.inf)) -> list[float] | None:
    """Of the mean of one value per clip."""
    return group_interval(lambda clips: float(values[clips].mean()), groups, resamples, seed,
                          bounds)
