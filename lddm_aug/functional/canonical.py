"""Which directions of sentences' vectors go with what clips show: canonical correlations."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupShuffleSplit
from torch import Tensor

PARTS = 32                                           # principal components of clips
RIDGE = 1e-3                                         # share of the variance of all directions
SPLITS = 4                                           # of the groups, in halves

Floats = NDArray[np.float64]


def canonical_directions(vectors: Tensor, clips: Tensor, groups: Sequence[str], rank: int
                         ) -> Tensor:
    """(N, p) vectors and (N, q) figures of their clips → (p, rank) directions of the vectors.

    Those along which vectors and clips correlate most (Hotelling 1936), with a ridge on the vectors
    (Vinod 1976).  The scores along a direction vary by its correlation in groups that it wasn't
    found on, over that of the first: what correlates by chance alone hardly counts.

    Args:
        groups: N of them; with a single one all directions count alike.
        rank: directions at most; where there are fewer, the others are zero.
    """
    given, shown = (each.double().numpy() - each.double().numpy().mean(axis=0)
                    for each in (vectors, clips))
    directions, _ = _fit(given, shown, rank)
    held_out = np.zeros((SPLITS, directions.shape[1]))
    if (number := len({*groups})) > 1:
        halves = GroupShuffleSplit(SPLITS, test_size=0.5, random_state=0)
        for row, (some, others) in zip(held_out, halves.split(given, groups=groups), strict=True):
            of_given, of_shown = _fit(given[some], shown[some], rank)
            for place in range(min(of_given.shape[1], len(row))):
                row[place] = _correlation(given[others] @ of_given[:, place],
                                          shown[others] @ of_shown[:, place])
    # 1 / √number is what unrelated ones correlate by; none counts more than one before it
    weights = np.minimum.accumulate(np.maximum(held_out.mean(axis=0), number ** -0.5))
    result = torch.zeros(vectors.shape[1], rank)
    result[:, :directions.shape[1]] = torch.from_numpy(directions * weights / weights[:1])
    return result


def clip_figures(latents: Sequence[Tensor]) -> Tensor:
    """N (Cz, t, h, w) latents → (N, at most PARTS): principal components of how they move.

    Of the mean and the log energy over time, at each place and in each channel.  One latent may
    stand at several places of the list, and is taken once.
    """
    unique = {id(latent): latent for latent in latents}
    figures = torch.stack([
        torch.cat([latent.mean(dim=1), (latent.square().mean(dim=1) + 1e-6).log()]).flatten()
        for latent in unique.values()])
    parts = min(PARTS, len(figures) - 1, figures.shape[1])
    if parts < 1:
        return torch.zeros(len(latents), 1)
    found = PCA(parts, whiten=True, svd_solver='full' if len(figures) <= PARTS else 'randomized',
                random_state=0).fit_transform(figures.double().numpy())
    places = {key: place for place, key in enumerate(unique)}
    return torch.from_numpy(found[[places[id(latent)] for latent in latents]]).float()


def _fit(given: Floats, shown: Floats, rank: int) -> tuple[Floats, Floats]:
    """(N, p) and (N, q), centred → (p, r) directions, of scores that vary by 1, and (q, r)."""
    covariance = given.T @ given / len(given)
    ridge = RIDGE * np.trace(covariance) * np.eye(len(covariance))
    if not covariance.any():                         # they don't vary
        return np.zeros((given.shape[1], 0)), np.zeros((shown.shape[1], 0))
    slopes = np.linalg.solve(covariance + ridge, given.T @ shown / len(given))
    _, deviations, axes = np.linalg.svd(given @ slopes / len(given) ** 0.5, full_matrices=False)
    kept = deviations[:rank] > 1e-9
    axes = axes[:rank][kept].T
    return slopes @ axes / deviations[:rank][kept], axes


def _correlation(one: Floats, other: Floats) -> float:
    if one.std() * other.std() < 1e-12:
        return 0.
    return float(np.corrcoef(one, other)[0, 1])
