"""The Fréchet distance between two clouds of features."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.recognizer_features import FeatureNetwork
from lddm_aug.evaluation.synthesis_metrics.base import (
    MORE_CLIPS,
    Evaluation,
    Row,
    SynthesisMetric,
    evenly_spaced,
    register_metric,
)


class FrechetDistance(SynthesisMetric):
    """Between generated and held-out clips.

    Beside the figure: `_network` (its name), `_clips` (N), `_features` (D), `_real` (what real
    clips of the training groups have in the generator's place) and, of several networks, over which
    the figure is the mean, `_each`.

    Args:
        network: name of that in whose features the distance is taken.
    """

    better = 'lower'

    def __init__(self, name: str, title: str, network: str) -> None:
        self.name = name
        self.title = title
        self.networks = (network,)
        self.variant = f'{name}_network'

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        network, name = evaluation.networks.get(*self.networks), self.name
        if network is None:
            evaluation.notes.append(f'{name}: no network was given')
            return {name: None, f'{name}_interval': None, self.variant: None}
        if len(evaluation.real) < 2:
            evaluation.notes.append(
                f'{name}: needs two held-out clips, but got one; {MORE_CLIPS}')
            return {name: None, f'{name}_interval': None, self.variant: network.name}
        ours, theirs = (clips.features(network)
                        for clips in (evaluation.generated, evaluation.real))
        clips, *several, features = theirs.shape
        if clips <= features:
            evaluation.notes.append(
                f'{name}: {clips} clips are not more than {features} features; the distance is too '
                f'large by a part that shrinks with more clips; {MORE_CLIPS}')
        each = {f'{name}_each': [frechet_distance(ours[:, k], theirs[:, k])
                                 for k in range(*several)]} if several else {}
        return {
            name: frechet_distance(ours, theirs),
            f'{name}_interval': group_interval(
                lambda clips: frechet_distance(ours[clips], theirs[clips]), evaluation.groups,
                bounds=(0, np.inf), **evaluation.resampling),
            self.variant: network.name, f'{name}_clips': clips, f'{name}_features': features,
            **each, f'{name}_real': self._of_real_clips(evaluation, network, theirs)}

    def _of_real_clips(self, evaluation: Evaluation, network: FeatureNetwork, theirs: NDArray
                       ) -> float | None:
        """The distance of real clips of the training groups."""
        if len(evaluation.training) < 2:
            evaluation.notes.append(f'{self.name}_real: needs two training clips, but got one; '
                                    'raise --train-segments, or add videos')
            return None
        others = evenly_spaced(len(evaluation.training), len(evaluation.real))
        return frechet_distance(evaluation.training.features(network, others), theirs)

    def rows(self, results: Mapping[str, Any]) -> list[Row]:
        if results.get(self.name) is None:
            return []
        clips, features = self._clips_and_features(results)
        few = ' (fewer clips than features)' if clips <= features else ''
        reached = results[f'{self.name}_real']
        others = '' if reached is None else f'; real clips of the training groups: {reached:.3g}'
        return [self.row(results[self.variant], results[self.name],
                         results[f'{self.name}_interval'],
                         f'N = {clips}, D = {features}{few}{others}')]

    def conclusions(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        sizes = {self._clips_and_features(row) for row in rows if row.get(f'{self.name}_clips')}
        for clips, features in sorted(sizes):
            few = ' (fewer clips than features: too large)' if clips <= features else ''
            yield f'{self.title}: of N = {clips} clips, in D = {features} features{few}'

    def _clips_and_features(self, results: Mapping[str, Any]) -> tuple[int, int]:
        return results[f'{self.name}_clips'], results[f'{self.name}_features']


register_metric(FrechetDistance('fd', 'FD', 'fd'))
register_metric(FrechetDistance('fd_tempo', 'FD-tempo', 'fd_tempo'))
register_metric(FrechetDistance('fvd', 'FVD', 'i3d'))
register_metric(FrechetDistance('dtfvd', 'DTFVD', 'dti3d'))


def frechet_distance(ours: NDArray, theirs: NDArray) -> float:
    """Between normal distributions fitted to (N, D) and (M, D) features; Heusel et al. 2017, eq. 6.

        d² = ‖m − m'‖² + Tr(C + C' − 2 (C C')^½)

    With centred features A and B, C = AᵀA and C' = BᵀB (the factors 1/(N − 1) put into them), the
    eigenvalues of C C' are the squared singular values of A Bᵀ.  So the trace of the root is their
    sum: no root of a matrix is taken, and none can fail where N < D and the matrix is singular.

    Of (N, K, D) features, those of K networks, it is the mean of their distances.

    Raises:
        ValueError: if the features aren't two such arrays of finite numbers.
    """
    if ours.ndim == theirs.ndim == 3 and ours.shape[1] == theirs.shape[1]:
        return float(np.mean([frechet_distance(ours[:, k], theirs[:, k])
                              for k in range(ours.shape[1])]))
    _check(ours, theirs)
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    mean_gap = ours.mean(axis=0) - theirs.mean(axis=0)            # (D,)
    a, b = _root(ours), _root(theirs)
    root_trace = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    squared = mean_gap @ mean_gap + np.sum(a ** 2) + np.sum(b ** 2) - 2 * root_trace
    return max(float(squared), 0.)                                # rounding, where both are equal


def _root(features: NDArray) -> NDArray:
    """(N, D) → (min(N, D), D) matrix whose AᵀA is the covariance."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    if len(centred) > centred.shape[1]:
        centred = np.asarray(np.linalg.qr(centred, mode='r'))
    return centred


def _check(ours: NDArray, theirs: NDArray) -> None:
    shapes = f'{ours.shape} and {theirs.shape}'
    if ours.ndim != 2 or theirs.ndim != 2 or ours.shape[1] != theirs.shape[1] or min(
            len(ours), len(theirs)) < 2:
        raise ValueError('frechet_distance: needs (N, D) and (M, D) features with N, M ≥ 2, but '
                         f'got {shapes}; take both from one network, and from more clips')
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise ValueError(f'frechet_distance: features of shapes {shapes} must be finite; the '
                         'generator or the feature network has diverged')
