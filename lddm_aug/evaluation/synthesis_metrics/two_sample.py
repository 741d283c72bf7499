"""Can a small classifier distinguish generated clips from real ones, in groups that it never saw?

What distinguishes them, a recognizer that is trained on both will use as a shortcut.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.clip_statistics import STATISTICS
from lddm_aug.evaluation.synthesis_metrics.base import (
    Evaluation,
    Row,
    SynthesisMetric,
    register_metric,
)


@register_metric
class TwoSampleAUC(SynthesisMetric):
    """Of a classifier that sees the clips' statistics and the features of `fd`, if it is given.

    Beside the figure: `two_sample_of` (each kind of numbers alone) and `two_sample_giveaways`.
    """

    name, title, better = 'two_sample_auc', 'AUC', 'lower'
    networks = ('fd',)

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        if len({*evaluation.groups}) < 2:
            evaluation.notes.append('two_sample_auc: needs held-out clips of two groups')
            return dict(two_sample_auc=None, two_sample_auc_interval=None)
        sides = evaluation.generated, evaluation.real
        ours, theirs = (clips.described.statistics for clips in sides)
        generated, real = dict(statistics=ours), dict(statistics=theirs)
        network = evaluation.networks.get('fd')
        if network is not None:
            generated['features'], real['features'] = (
                features.reshape(len(features), -1, features.shape[-1])[:, 0]   # the first network
                for features in (clips.features(network) for clips in sides))
        test = two_sample_test(generated, real, evaluation.groups, **evaluation.resampling)
        return dict(two_sample_auc=test['auc'], two_sample_auc_interval=test['interval'],
                    two_sample_of=test['of'],
                    two_sample_giveaways=giveaways(ours, theirs, list(STATISTICS)))

    def rows(self, results: Mapping[str, Any]) -> list[Row]:
        if results.get(self.name) is None:
            return []
        best = results['two_sample_giveaways'][0]
        return [self.row('two-sample AUC', results[self.name], results[f'{self.name}_interval'],
                         f'.5 is perfect; {best["name"]} alone gives {best["auc"]:.2f}')]


FOLDS = 5
COMPONENTS = 16           # of each kind of features, so that few clips don't drown in many numbers
STRENGTH = 0.1            # C of the logistic regression: the smaller, the more it is held back


def two_sample_test(generated: Mapping[str, NDArray], real: Mapping[str, NDArray],
                    groups: Sequence[str], resamples: int = 200, seed: int = 0) -> dict[str, Any]:
    """Logistic regression on what describes the clips, scored on held-out groups.

    Args:
        generated: name → (N, D) numbers of the N generated clips.
        real: the same of the real clip behind each.
        groups: of these N.
        resamples: of the interval.

    Returns:
        dict(auc, interval, of): .5 is perfect; `of` holds the AUC of each kind alone.

    Raises:
        ValueError: if there are less than two groups.
    """
    if len({*groups}) < 2:
        raise ValueError('two_sample_test: learns on some groups and is scored on others, but '
                         'all clips are of one; give more')
    kinds = {name: np.concatenate([generated[name], real[name]]) for name in real}
    doubled = [*groups, *groups]
    is_generated = np.repeat([1, 0], len(groups))
    scores = _held_out_scores(list(kinds.values()), is_generated, doubled, seed)
    return dict(
        auc=float(roc_auc_score(is_generated, scores)),
        interval=group_interval(lambda i: float(roc_auc_score(is_generated[i], scores[i])),
                                doubled, resamples, seed, bounds=(0, 1)),
        of={name: float(roc_auc_score(
            is_generated, _held_out_scores([values], is_generated, doubled, seed)))
            for name, values in kinds.items()} if len(kinds) > 1 else {})


def giveaways(generated: NDArray, real: NDArray, names: Sequence[str]) -> list[dict[str, Any]]:
    """How well each single number distinguishes the two, the best first.

    Args:
        generated, real: (N, len(names)).

    Returns:
        dict(name, auc, generated, real): AUC from .5 to 1; medians of both.
    """
    is_generated = np.repeat([1, 0], [len(generated), len(real)])
    both = np.concatenate([generated, real])
    aucs = [roc_auc_score(is_generated, column) for column in both.T]
    rows = [dict(name=name, auc=float(max(auc, 1 - auc)), generated=float(np.median(ours)),
                 real=float(np.median(theirs)))
            for name, auc, ours, theirs in zip(names, aucs, generated.T, real.T, strict=True)]
    return sorted(rows, key=lambda row: row['auc'], reverse=True)


def _held_out_scores(kinds: Sequence[NDArray], is_generated: NDArray, groups: Sequence[str],
                     seed: int) -> NDArray[np.float64]:
    """Each clip's score by a classifier that saw no clip of its group."""
    scores = np.zeros(len(is_generated))
    folds = GroupKFold(min(FOLDS, len({*groups})), shuffle=True, random_state=seed)
    for train, test in folds.split(scores, is_generated, groups):
        seen, unseen = [], []
        for values in kinds:
            # centred, N clips span N − 1 dimensions: of one more, whitening makes noise
            components = min(COMPONENTS, values.shape[1], len(train) - 1)
            reduce = make_pipeline(StandardScaler(), PCA(components, whiten=True,
                                                         svd_solver='full'))
            seen.append(reduce.fit_transform(values[train]))
            unseen.append(reduce.transform(values[test]))
        classifier = LogisticRegression(C=STRENGTH, max_iter=1000)
        classifier.fit(np.hstack(seen), is_generated[train])
        scores[test] = classifier.decision_function(np.hstack(unseen))
    return scores
