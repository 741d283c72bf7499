"""Results → one HTML file that needs nothing beside it: no script, no network, no other file."""
from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest

from lddm_aug.visualization.previews import Preview, data_uri, render_page

TRAINING_SETS = {
    'real': 'real videos only',
    'still_mix': 'real + repeated stills',
    'lddm_mix': 'real + LDDM clips',
}


def write_report(path: Path, results: Mapping[str, Any], files: Mapping[str, str],
                 previews: Sequence[Preview] = (),
                 curves: Mapping[str, Sequence[tuple[int, float]]] | None = None,
                 num_frames: int = 16) -> None:
    """Write `results` (see flow.py) as a page.

    Args:
        files: where the generator's `package` and the `store` of its clips are.
        previews: clips to look at.
        curves: per stage of the generator's training, (iteration, loss) in order.
        num_frames: T, frames in a clip.
    """
    extra = _extra_columns(results)
    page = render_page(
        Path(__file__).with_name('report.html'), previews,
        **{'note': '', **results,
           'recognition': [_table_row(row, extra) for row in results['recognition']]},
        title='Do generated clips help to recognize videos?',
        source=results['data']['source'],
        files=files,
        finding=findings(results),
        two_classes=len(results['data']['classes']) == 2,
        extra_columns=list(extra.values()),
        curves={stage: _draw_curve(points) for stage, points in (curves or {}).items()},
        num_frames=num_frames)
    path.write_text(page, encoding='utf-8')


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a proportion."""
    interval = binomtest(correct, total).proportion_ci(0.95, method='wilson')
    return float(interval.low), float(interval.high)


def findings(results: Mapping[str, Any]) -> dict[str, Any]:
    """What the figures say in words, and what they can't say."""
    rows = {row['training_set']: row for row in results['recognition']}
    against = rows['lddm_mix']['against']
    scores = ', '.join(f'{TRAINING_SETS[name]} {row["accuracy"]:.2f}' for name, row in rows.items())
    comparisons = [
        f'With LDDM clips against {TRAINING_SETS[name]}: right on {row["gained"]} videos where the '
        f'other is wrong, wrong on {row["lost"]} where the other is right '
        f'(exact paired test, p = {row["p"]:.2f}).' for name, row in against.items()]
    verdict = ('A small p from one seed is a hint, not a result: repeat with other seeds.'
               if any(row['p'] < 0.05 for row in against.values()) else
               'This run cannot tell the training sets apart.')
    lead = results['autoencoder']['psnr_db'] - results['autoencoder']['still_psnr_db']
    return {
        'headline': f'Accuracy on {rows["lddm_mix"]["n_test"]} held-out test videos of '
                    f'{results["data"]["test_groups"]} groups: {scores}.',
        'comparisons': comparisons,
        'caution': f'{_without_looking(results)} {verdict} It is one seed and a short training on '
                   'few videos, and videos of one group count as independent here, so the true '
                   'uncertainty is larger still.',
        'generator': f'Rebuilding clips of groups it never saw, the autoencoder is {abs(lead):.1f} '
                     f'dB {"better" if lead >= 0 else "worse"} than the still repeated, which is '
                     'what a generator that learnt nothing about motion would reach.'}


def _without_looking(results: Mapping[str, Any]) -> str:
    """What one answer for every video would reach, and which recognizers do just that."""
    confusions = {TRAINING_SETS[row['training_set']]: np.asarray(row['confusion'])
                  for row in results['recognition']}
    of_class = next(iter(confusions.values())).sum(axis=1)
    commonest = results['data']['classes'][of_class.argmax()]
    stuck = [name for name, confusion in confusions.items()
             if np.count_nonzero(confusion.sum(axis=0)) == 1]
    return (f'Saying {commonest} every time would reach {of_class.max() / of_class.sum():.2f}.'
            + (f' Trained on {" and on ".join(stuck)}, the recognizer gave every video the same '
               'class: it has learnt nothing to speak of.' if stuck else ''))


def _extra_columns(results: Mapping[str, Any]) -> dict[str, str]:
    """Key and heading of the scores that every row has and that say something new."""
    rows = results['recognition']
    known = {'auc': 'AUC', 'sensitivity': 'Sensitivity', 'specificity': 'Specificity'}
    if results['data']['test_groups'] < rows[0]['n_test']:
        known['group_accuracy'] = 'Accuracy per group'
    return {key: name for key, name in known.items() if all(key in row for row in rows)}


def _table_row(row: Mapping[str, Any], extra: Mapping[str, str]) -> dict[str, Any]:
    correct = int(np.trace(np.asarray(row['confusion'])))
    low, high = wilson_interval(correct, row['n_test'])
    return {**row, 'low': low, 'high': high,
            'name': TRAINING_SETS.get(row['training_set'], row['training_set']),
            'extra': [f'{row[key]:.2f}' for key in extra]}


def _draw_curve(points: Sequence[tuple[int, float]]) -> str:
    """A chart as SVG, in a middle grey that reads on light and on dark."""
    grey = '#808890'
    steps, losses = np.asarray(points, dtype=float).T
    figure = Figure(figsize=(3.4, 2), layout='constrained')
    axes = figure.subplots()
    axes.plot(steps, losses, color='#2a9fc4')
    axes.set_xlabel('iteration', color=grey, fontsize=9)
    axes.tick_params(colors=grey, labelsize=8)
    axes.spines[['top', 'right']].set_visible(False)
    axes.spines[['left', 'bottom']].set_color(grey)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='svg', transparent=True)
    return data_uri('image/svg+xml', buffer.getvalue())
