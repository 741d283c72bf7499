"""The Fréchet distance between two clouds of features."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
