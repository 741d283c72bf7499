import numpy as np
import pytest
from scipy.linalg import sqrtm

from lddm_aug.evaluation.synthesis_metrics.frechet import frechet_distance


def by_matrix_root(ours, theirs):
    """The published formula, word for word, with scipy's root of a matrix."""
    gap = ours.mean(axis=0) - theirs.mean(axis=0)
    a, b = np.cov(ours, rowvar=False), np.cov(theirs, rowvar=False)
    return gap @ gap + np.trace(a + b - 2 * sqrtm(a @ b).real)


def with_exact_moments(random, count, mean, std):
    """(count, D) features whose mean and covariance are just these, the latter diagonal."""
    features = random.normal(size=(count, len(mean)))
    orthonormal, _ = np.linalg.qr(features - features.mean(axis=0))
    return orthonormal * np.sqrt(count - 1) * std + mean


@pytest.mark.parametrize('count, dimensions', [(200, 16), (150, 64), (65, 64)])
def test_it_is_what_scipys_matrix_root_gives(count, dimensions):
    random = np.random.default_rng(0)
    mix = random.normal(size=(dimensions, dimensions))
    ours = random.normal(size=(count, dimensions)) @ mix
    theirs = random.normal(size=(count + 7, dimensions)) + 0.3
    assert frechet_distance(ours, theirs) == pytest.approx(by_matrix_root(ours, theirs), rel=1e-6)


def test_it_is_the_closed_form_of_normal_distributions_with_diagonal_covariance():
    random = np.random.default_rng(0)
    means, stds = random.normal(size=(2, 5)), random.uniform(0.1, 3, size=(2, 5))
    ours = with_exact_moments(random, 40, means[0], stds[0])
    theirs = with_exact_moments(random, 60, means[1], stds[1])
    expected = np.sum((means[0] - means[1]) ** 2) + np.sum((stds[0] - stds[1]) ** 2)
    assert frechet_distance(ours, theirs) == pytest.approx(expected, abs=1e-9)


def test_of_several_networks_it_is_the_mean():
    random = np.random.default_rng(0)
    ours, theirs = random.normal(size=(40, 3, 5)), random.normal(0.5, 2, size=(50, 3, 5))
    expected = np.mean([by_matrix_root(ours[:, k], theirs[:, k]) for k in range(3)])
    assert frechet_distance(ours, theirs) == pytest.approx(expected)


def test_with_fewer_clips_than_features_it_is_that_of_the_space_they_span():
    random = np.random.default_rng(0)
    small = random.normal(size=(2, 12, 5)) + 1
    rotation = np.linalg.qr(random.normal(size=(100, 5)))[0].T     # 5 orthonormal rows of 100
    ours, theirs = small @ rotation
    assert frechet_distance(ours, theirs) == pytest.approx(by_matrix_root(*small), abs=1e-6)


def test_float32_features_are_computed_in_float64():
    random = np.random.default_rng(0)
    ours = (1000 + random.normal(size=(50, 4))).astype(np.float32)
    theirs = (1000 + random.normal(size=(50, 4))).astype(np.float32)
    expected = by_matrix_root(ours.astype(np.float64), theirs.astype(np.float64))
    assert frechet_distance(ours, theirs) == pytest.approx(expected, abs=1e-6)
    assert frechet_distance(ours, ours) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize('ours, theirs, says', [
    (np.zeros((3, 2)), np.zeros((3, 4)), r'got \(3, 2\) and \(3, 4\)'),
    (np.zeros((1, 2)), np.zeros((3, 2)), 'N, M ≥ 2.*from more clips'),
    (np.full((3, 2), np.nan), np.zeros((3, 2)), 'must be finite')])
def test_what_has_no_distance_is_refused(ours, theirs, says):
    with pytest.raises(ValueError, match=says):
        frechet_distance(ours, theirs)
