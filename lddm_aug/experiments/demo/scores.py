"""What trainings and tests left behind → the figures that are reported."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from lddm_aug.json_files import parse_json


def read_scores(scores: Mapping[str, float], predictions: Path,
                classes: Sequence[str]) -> dict[str, Any]:
    """What is reported of a test."""
    rows = [parse_json(line, {'filename': str, 'label': str, 'predicted': str},
                       f'{predictions}, line {number}', 'test again')
            for number, line in enumerate(predictions.read_text().splitlines(), start=1)]
    truth, said = ([row[key] for row in rows] for key in ('label', 'predicted'))
    names = ['accuracy', 'f1_macro', 'f1_weighted']
    if len(classes) == 2:
        names += ['auc', 'sensitivity', 'specificity']
    return {**{name: round(scores[f'video/{name}'], 4) for name in names},
            **{f'group_{name}': round(scores[f'group/{name}'], 4) for name in names[:2]
               if f'group/{name}' in scores},
            'n_test': len(rows),
            'confusion': confusion_matrix(truth, said, labels=list(classes)).tolist(),
            'correct': {row['filename']: row['label'] == row['predicted'] for row in rows}}


def compare(ours: Mapping[str, bool], other: Mapping[str, bool]) -> dict[str, float]:
    """Exact McNemar test: of the videos on which just one of the two is right, who has more?"""
    gained = sum(ours[name] and not other[name] for name in ours)
    lost = sum(other[name] and not ours[name] for name in ours)
    p = binomtest(gained, gained + lost).pvalue if gained + lost else 1.
    return {'gained': gained, 'lost': lost, 'p': round(float(p), 4)}


def read_curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every stage's training loss, as MMEngine logged it; empty where it logged none."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for log in sorted(folder.glob('*/*/vis_data/scalars.json')):
        points = []
        for line in log.read_text().splitlines():
            with suppress(ValueError):               # a run was killed while it wrote this line
                logged = json.loads(line)
                if 'loss' in logged:
                    points.append((logged['step'], logged['loss']))
        curves.setdefault(log.parents[2].name, []).extend(points)
    return {stage: points for stage, points in curves.items() if len(points) > 1}
