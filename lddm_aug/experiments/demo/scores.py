"""What trainings and tests left behind → the figures that are reported."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from lddm_aug.experiments.study.statistics import Estimate, Resamples, Scores, estimate
from lddm_aug.json_files import read_json_lines

AGAIN = 'test again'
METRICS = ('accuracy', 'auc')
# a training set, and what it is compared with
PAIRS = (('still_mix', 'real'), ('lddm_mix', 'real'), ('oracle', 'real'), ('lddm_mix', 'still_mix'))


def read_scores(scores: Mapping[str, float], predictions: Path,
                classes: Sequence[str]) -> dict[str, Any]:
    """What is reported of a test."""
    rows = [*read_json_lines(predictions, {'filename': str, 'label': str, 'predicted': str}, AGAIN)]
    truth, said = ([row[key] for row in rows] for key in ('label', 'predicted'))
    names = ['accuracy', 'f1_macro', 'f1_weighted']
    if len(classes) == 2:
        names += ['auc', 'sensitivity', 'specificity']
    return {**{name: round(scores[f'video/{name}'], 4) for name in names},
            **{f'group_{name}': round(scores[f'group/{name}'], 4) for name in names[:2]
               if f'group/{name}' in scores},
            'n_test': len(rows),
            'confusion': confusion_matrix(truth, said, labels=list(classes)).tolist()}


def rows_of(recognition: Sequence[Mapping[str, Any]], phantom_seed: int | None
            ) -> list[dict[str, Any]]:
    """One row per training, for the summary of several runs; AUC is None for more classes."""
    return [{'phantom_seed': phantom_seed, 'recognizer_seed': row['seed'],
             'training_set': row['training_set'], 'accuracy': row['accuracy'],
             'auc': row.get('auc')} for row in recognition]


def read_probabilities(predictions: Path, classes: Sequence[str]) -> Scores:
    """The scores of every test video.

    Raises:
        ValueError: if a line is damaged, or of another class.
    """
    rows = [*read_json_lines(predictions, {'group': object, 'label': str,
                                           'scores': dict.fromkeys(classes, float)}, AGAIN)]
    unknown = [row['label'] for row in rows if row['label'] not in classes]
    if unknown:
        raise ValueError(f'{predictions} has the label {unknown[0]!r}, which is none of '
                         f'{", ".join(classes)}; {AGAIN}')
    return Scores(np.array([str(row['group']) for row in rows]),
                  np.array([classes.index(row['label']) for row in rows]),
                  np.array([[row['scores'][name] for name in classes] for row in rows]))


def compare(scores: Mapping[str, Mapping[int, Scores]]) -> dict[str, Any]:
    """Scores by training set and recognizer seed → means and paired differences, with intervals.

    Test patients and recognizer seeds are resampled, the same for all training sets.
    """
    first = next(iter(scores.values()))
    groups = next(iter(first.values())).groups
    two_classes = next(iter(first.values())).probabilities.shape[1] == 2
    resamples = Resamples.draw(list(first), groups.tolist())
    estimates = {name: {metric: estimate(by_seed, metric, resamples)
                        for metric in METRICS[:2 if two_classes else 1]}
                 for name, by_seed in scores.items()}
    return {
        'means': [{'training_set': name, 'metric': metric, **_described(value)}
                  for name, of_metric in estimates.items()
                  for metric, value in of_metric.items()],
        'gains': [{'training_set': name, 'over': over, 'metric': metric,
                   **_described(estimates[name][metric] - estimates[over][metric])}
                  for name, over in PAIRS if {name, over} <= {*estimates}
                  for metric in estimates[name]]}


def _described(value: Estimate) -> dict[str, float | None]:
    figures = zip(('value', 'low', 'high'), (value.value, *value.interval), strict=True)
    return {key: None if math.isnan(figure) else round(figure, 4) for key, figure in figures}


def read_curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every stage's training loss, as MMEngine logged it; empty where it logged none."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for log in sorted(folder.glob('*/*/vis_data/scalars.json')):
        points = []
        for logged in read_json_lines(log, {'loss': float, 'step': int}, '', skip=True):
            points.append((logged['step'], logged['loss']))
        curves.setdefault(log.parents[2].name, []).extend(points)
    return {stage: points for stage, points in curves.items() if len(points) > 1}
