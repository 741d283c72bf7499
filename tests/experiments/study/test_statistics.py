from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from lddm_aug.experiments.study.statistics import (
    Estimate,
    Resamples,
    Scores,
    average,
    confusion,
    estimate,
    weighted_metric,
)


def scores_of(right: np.ndarray, groups: np.ndarray | None = None) -> Scores:
    """(N,) whether each video of class 0 is recognized."""
    said = np.where(right, 0, 1)
    return Scores(np.arange(len(right)).astype(str) if groups is None else groups,
                  np.zeros(len(right), int), np.eye(2)[said])


@pytest.mark.parametrize('classes', [2, 3])
def test_weighted_figures_are_scikit_learns(classes):
    random = np.random.default_rng(0)
    labels = random.integers(classes, size=40)
    probabilities = random.dirichlet(np.ones(classes), size=40).round(1)       # with ties
    weights = random.integers(0, 4, (5, 40))
    scores, said = Scores(labels, labels, probabilities), probabilities.argmax(axis=1)
    for row in weights:
        given = {name: weighted_metric(name, scores, row[None])[0]
                 for name in ('accuracy', 'f1_macro', 'auc')}
        assert given['accuracy'] == pytest.approx(accuracy_score(labels, said, sample_weight=row))
        assert given['f1_macro'] == pytest.approx(
            f1_score(labels, said, sample_weight=row, average='macro'))
        if classes == 2:
            assert given['auc'] == pytest.approx(
                roc_auc_score(labels, probabilities[:, 1], sample_weight=row))
        else:
            assert np.isnan(given['auc'])


def test_a_class_that_neither_occurs_nor_is_said_has_no_f1():
    scores = Scores(np.arange(4), np.array([0, 0, 1, 1]), np.eye(3)[[0, 1, 1, 1]])
    by_hand = f1_score([0, 0, 1, 1], [0, 1, 1, 1], average='macro')
    assert weighted_metric('f1_macro', scores, np.ones((1, 4)))[0] == pytest.approx(by_hand)


def test_videos_of_one_class_have_no_auc():
    assert np.isnan(weighted_metric('auc', scores_of(np.ones(3, bool)), np.ones((1, 3)))[0])


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match='metric must be one of accuracy, f1_macro, auc, but got'):
        weighted_metric('luck', scores_of(np.ones(3, bool)), np.ones((1, 3)))


def test_seeds_and_patients_vary_as_the_closed_form_says():
    """Of a mean over a full table (seed, patient), with multinomial weights u of rows, v of
    columns, Var(Σ u_i v_j x_ij) / (RC)² follows from E[u_i u_k] = δ_ik + 1 − 1/R.
    """
    random = np.random.default_rng(1)
    rows, columns = 4, 30
    x = (random.random((rows, columns)) < random.random((rows, 1))).astype(float)
    a, b = 1 - 1 / rows, 1 - 1 / columns
    by_hand = ((x**2).sum() + b * (x.sum(axis=1)**2).sum() + a * (x.sum(axis=0)**2).sum()
               + (a * b - 1) * x.sum()**2) / (rows * columns)**2
    by_seed = {seed: scores_of(x[seed] > 0) for seed in range(rows)}
    resamples = Resamples.draw(list(by_seed), [str(n) for n in range(columns)], count=40000)
    drawn = estimate(by_seed, 'accuracy', resamples)
    assert drawn.value == pytest.approx(x.mean())
    assert drawn.draws.var() == pytest.approx(by_hand, rel=0.05)


def test_with_one_seed_the_interval_of_an_accuracy_is_the_binomials():
    right = np.arange(200) < 140
    resamples = Resamples.draw([0], [str(n) for n in range(200)], count=20000)
    low, high = estimate({0: scores_of(right)}, 'accuracy', resamples).interval
    half = norm.ppf(0.975) * np.sqrt(0.7 * 0.3 / 200)
    assert (low, high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.006)


def test_videos_of_one_patient_count_as_one():
    right = np.repeat(np.arange(20) < 12, 10)
    groups = np.repeat([f'patient {n}' for n in range(20)], 10)
    resamples = Resamples.draw([0], list(groups), count=20000)
    low, high = estimate({0: scores_of(right, groups)}, 'accuracy', resamples).interval
    half = norm.ppf(0.975) * np.sqrt(0.6 * 0.4 / 20)
    assert (low, high) == pytest.approx((0.6 - half, 0.6 + half), abs=0.03)


def test_a_difference_is_paired():
    random = np.random.default_rng(2)
    first = random.random(100) < 0.6
    second = first.copy()
    second[np.flatnonzero(~first)[:10]] = True       # right on ten more, wrong on none
    resamples = Resamples.draw([0], [str(n) for n in range(100)], count=20000)
    gain = (estimate({0: scores_of(second)}, 'accuracy', resamples)
            - estimate({0: scores_of(first)}, 'accuracy', resamples))
    half = norm.ppf(0.975) * np.sqrt(0.1 * 0.9 / 100)
    assert gain.interval == pytest.approx((0.1 - half, 0.1 + half), abs=0.01)
    same = estimate({0: scores_of(first)}, 'accuracy', resamples)
    assert (same - same).interval == (0, 0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Seeds and patients both shift the accuracy; 12 of each, 95 % asked for."""
    random, hits = np.random.default_rng(3), 0
    for trial in range(200):
        chance = 0.7 + 0.06 * random.standard_normal((12, 1)) + 0.1 * random.standard_normal(12)
        right = random.random((12, 12)) < chance.clip(0, 1)
        by_seed = {seed: scores_of(right[seed]) for seed in range(12)}
        resamples = Resamples.draw(list(by_seed), [str(n) for n in range(12)], 300, seed=trial)
        low, high = estimate(by_seed, 'accuracy', resamples).interval
        hits += low <= 0.7 <= high
    assert 180 <= hits < 200                         # some miss: 198 are expected


def test_a_resample_counts_where_only_a_seed_that_it_did_not_draw_has_no_auc():
    labels, said = np.array([0, 0, 1, 1]), np.eye(2)[[0, 1, 0, 1]]
    scores = {0: Scores(np.array(['a', 'b', 'c', 'd']), labels, said),
              1: Scores(np.array(['a', 'b', 'e', 'e']), labels, said)}
    groups = {name: np.array([1]) for name in 'abcd'} | {'e': np.array([0])}
    drawn = estimate(scores, 'auc', Resamples({0: np.array([2]), 1: np.array([0])}, groups))
    assert drawn.draws == pytest.approx([0.5])
    undefined = estimate(scores, 'auc', Resamples({0: np.array([1]), 1: np.array([1])}, groups))
    assert np.isnan(undefined.draws).all()


def test_recognizers_are_averaged_resample_by_resample():
    one, other = Estimate(0.2, np.array([0.1, 0.3])), Estimate(0.4, np.array([0.5, 0.3]))
    both = average([one, other])
    assert both.value == pytest.approx(0.3) and both.draws == pytest.approx([0.3, 0.3])
    part = one / other
    assert part.value == pytest.approx(0.5) and part.draws == pytest.approx([0.2, 1])


def test_a_confusion_counts_by_true_class_and_what_was_said():
    scores = Scores(np.arange(3), np.array([0, 0, 1]), np.eye(2)[[1, 0, 1]])
    assert confusion(scores, np.ones((1, 3)))[0].tolist() == [[1, 1], [0, 1]]
