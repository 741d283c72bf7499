"""Directions of vectors that go with what clips show, on what is known to."""
import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import CCA
from torch.testing import assert_close

from lddm_aug.functional.canonical import canonical_directions, clip_figures


def related(number=400, noise=1.0, seed=0):
    """Vectors (N, 12), figures (N, 6), and two axes of the vectors that decide two figures."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    hidden = rng.normal(size=(number, 12)) * np.geomspace(3, 0.3, 12)
    shown = rng.normal(size=(number, 6))
    shown[:, 0] += 2 / noise * hidden[:, 11] / 0.3   # what varies least tells most
    shown[:, 1] += 1 / noise * hidden[:, 3] / np.geomspace(3, 0.3, 12)[3]
    return (torch.from_numpy(hidden @ axes.T + 5).float(), torch.from_numpy(shown).float(),
            torch.from_numpy(axes[:, [11, 3]]).float())


def test_directions_are_those_of_another_library():
    vectors, figures, _ = related()
    groups = [f'p{number // 4}' for number in range(len(vectors))]
    found = canonical_directions(vectors, figures, groups, rank=2)
    scores = (vectors - vectors.mean(dim=0)) @ found
    theirs = CCA(n_components=2, max_iter=5000).fit(vectors.numpy(), figures.numpy()).transform(
        vectors.numpy())
    for ours, other in zip(scores.T.numpy(), theirs.T, strict=True):
        assert abs(np.corrcoef(ours, other)[0, 1]) > 0.99


def test_what_tells_nothing_hardly_counts():
    vectors, figures, axes = related(number=2000)
    groups = [f'p{number // 2}' for number in range(len(vectors))]
    scores = (vectors - vectors.mean(dim=0)) @ canonical_directions(vectors, figures, groups, 5)
    deviations = scores.std(dim=0)
    # correlations of 2/√5 and 1/√2, over the first; the rest as much as chance
    assert_close(deviations[:2], torch.tensor([1., (0.5 / 0.8) ** 0.5]), rtol=0.03, atol=0)
    assert (deviations[2:] < 0.1).all()
    alone = scores[:, :2].abs().argmax(dim=1)
    assert {*alone.tolist()} == {0, 1}
    moved = axes.T @ canonical_directions(vectors, figures, groups, 5)
    assert moved[0, 0].abs() > 3 * moved[0, 2:].abs().max()


def test_groups_keep_a_correlation_by_chance_from_counting():
    # each patient has a sentence and a look of its own, so they correlate within what was fitted
    rng = np.random.default_rng(0)
    vectors = torch.from_numpy(np.repeat(rng.normal(size=(200, 12)), 5, axis=0)).float()
    figures = torch.from_numpy(np.repeat(rng.normal(size=(200, 6)), 5, axis=0)).float()
    vectors[:, 0] = figures[:, 0]                    # but for one axis, which tells
    groups = [f'p{number // 5}' for number in range(1000)]
    deviations = (vectors @ canonical_directions(vectors, figures, groups, 4)).std(dim=0)
    assert deviations[0] == pytest.approx(1, abs=0.01) and (deviations[1:] < 0.3).all()


@pytest.mark.parametrize('number', [1, 2, 3])
def test_few_clips_or_vectors_that_do_not_vary_are_no_fault(number):
    constant = canonical_directions(torch.ones(number, 5), torch.randn(number, 2), ['p'] * number,
                                    rank=16)
    assert constant.shape == (5, 16) and not constant.any()
    torch.manual_seed(0)
    varying = canonical_directions(torch.randn(number, 5), torch.randn(number, 2),
                                   [*'pqr'[:number]], rank=16)
    assert varying.isfinite().all()


def test_figures_tell_clips_apart_by_how_they_move_and_a_latent_is_taken_once():
    torch.manual_seed(0)
    calm, lively = torch.randn(2, 30, 4, 2, 3, 3).unbind()
    latents = [*calm, *(3 * lively)]
    figures = clip_figures(latents)
    assert_close(figures.T @ figures / 60, torch.eye(figures.shape[1]), atol=0.05, rtol=0)
    first = figures[:, 0]
    assert max(first[:30]) < min(first[30:]) or min(first[:30]) > max(first[30:])
    again = clip_figures([latent for latent in latents for _ in range(3)])
    assert_close(again[::3], figures)
    assert_close(again[::3], again[1::3])
    assert not clip_figures(latents[:1] * 4).any()
