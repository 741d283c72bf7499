"""Results → one HTML file that needs nothing beside it: no script, no network, no other file."""
from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lddm_aug.files import atomic_write
from lddm_aug.visualization.interval_chart import Bar, draw_differences
from lddm_aug.visualization.previews import Preview, data_uri, render_page

TRAINING_SETS = {
    'real': 'real videos only',
    'still_mix': 'real + repeated stills',
    'lddm_mix': 'real + LDDM clips',
    'oracle': 'real + true clips',
}
METRICS = {'accuracy': 'Accuracy', 'auc': 'AUC'}


def write_report(path: Path, results: Mapping[str, Any], files: Mapping[str, str],
                 previews: Sequence[Preview] = (),
                 curves: Mapping[str, Sequence[tuple[int, float]]] | None = None,
                 num_frames: int = 16) -> None:
    """Write `results` (see flow.py) as a page.

    Args:
        files: where the generator's `package`, the `store` of its clips, the table of `videos` and
            their `root` are.
        previews: clips to look at.
        curves: per stage of the generator's training, (iteration, loss) in order.
        num_frames: T, frames in a clip.
    """
    rows = results['recognition']
    page = render_page(
        Path(__file__).with_name('report.html'), previews,
        **{'note': '', **results},
        title='Do generated clips help to recognize videos?',
        source=results['data']['source'],
        simulated=results['rows'][0]['phantom_seed'] is not None,
        files=files,
        finding=findings(results),
        chart=draw_gains(results),
        metrics={metric: METRICS[metric] for metric in _metrics(results)},
        table=_table(results),
        comparisons=_comparisons(results),
        confusions=_confusions(rows),
        seeds=len({row['seed'] for row in rows}),
        two_classes=len(results['data']['classes']) == 2,
        curves={stage: _draw_curve(points) for stage, points in (curves or {}).items()},
        num_frames=num_frames)
    with atomic_write(path) as file:
        file.write(page.encode())


def findings(results: Mapping[str, Any]) -> dict[str, Any]:
    """What the figures say in words, and what they can't say."""
    accuracy = {row['training_set']: row['value'] for row in results['means']
                if row['metric'] == 'accuracy'}
    gain = find_gain(results, 'lddm_mix', 'real')
    change = (f'accuracy on held-out videos from {_percent(accuracy["real"])} to '
              f'{_percent(accuracy["lddm_mix"])}: {_points(gain)}.')
    if gain['low'] is not None and gain['low'] > 0:
        headline = f'LDDM clips raised {change}'
    elif gain['high'] is not None and gain['high'] < 0:
        headline = f'LDDM clips lowered {change}'
    else:
        headline = f'LDDM clips changed {change} This run cannot tell whether they help.'
    stills = find_gain(results, 'lddm_mix', 'still_mix')
    sentences = [f'Against repeated stills, in which nothing moves, the difference is '
                 f'{_points(stills)}.']
    if 'oracle' in accuracy:
        sentences.append(f'True clips behind the same stills reach '
                         f'{_percent(accuracy["oracle"])}: '
                         'no generator can be expected to do better.')
    lead = results['autoencoder']['psnr_db'] - results['autoencoder']['still_psnr_db']
    return {
        'headline': headline,
        'sentences': sentences,
        'caution': _without_looking(results),
        'generator': f'Rebuilding clips of groups it never saw, the autoencoder is {abs(lead):.1f} '
                     f'dB {"better" if lead >= 0 else "worse"} than the still repeated, which is '
                     'what a generator that learned nothing about motion would reach.'}


def find_gain(results: Mapping[str, Any], training_set: str, over: str,
              metric: str = 'accuracy') -> Mapping[str, Any]:
    """A paired difference of the results."""
    return next(gain for gain in results['gains'] if (
        gain['training_set'], gain['over'], gain['metric']) == (training_set, over, metric))


def draw_gains(results: Mapping[str, Any]) -> str:
    """Every training set's accuracy against real videos only, as SVG."""
    of_seed = {(row['training_set'], row['seed']): row['accuracy']
               for row in results['recognition']}
    bars = []
    for gain in results['gains']:
        if gain['over'] == 'real' and gain['metric'] == 'accuracy':
            dots = [100 * (accuracy - of_seed['real', seed])
                    for (name, seed), accuracy in of_seed.items()
                    if name == gain['training_set']]
            bars.append(_bar(TRAINING_SETS[gain['training_set']], gain, dots))
    return draw_differences(bars, 'accuracy against real videos only, in points',
                            'Difference in accuracy from real videos only')


def _bar(name: str, gain: Mapping[str, Any], dots: Sequence[float] = ()) -> Bar:
    low, high = (None if gain[key] is None else 100 * gain[key] for key in ('low', 'high'))
    return Bar(name, 100 * gain['value'], low, high, dots)


def _points(gain: Mapping[str, Any]) -> str:
    """As +5.3 points [+1.3, +9.5]."""
    value, bracket, interval = _bar('', gain).text.partition(' [')
    return f'{value} points{bracket}{interval}'


def _metrics(results: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(row['metric'] for row in results['means']))


def _table(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line per training set: each metric's mean, and its interval."""
    lines: dict[str, dict[str, Any]] = {}
    for row in results['means']:
        line = lines.setdefault(row['training_set'], {
            'name': TRAINING_SETS[row['training_set']], 'cells': []})
        interval = ('' if row['low'] is None or row['high'] is None else
                    f' [{row["low"]:.2f}–{row["high"]:.2f}]')
        line['cells'].append('–' if row['value'] is None else f'{row["value"]:.2f}{interval}')
    return list(lines.values())


def _comparisons(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line per paired difference: each metric's, in points."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for gain in results['gains']:
        names = [TRAINING_SETS[gain[key]] for key in ('training_set', 'over')]
        line = lines.setdefault((gain['training_set'], gain['over']), {
            'name': ' − '.join(names), 'cells': []})
        line['cells'].append('–' if gain['value'] is None else _bar('', gain).text)
    return list(lines.values())


def _confusions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every training set's confusion matrix, the sum over its seeds."""
    summed: dict[str, np.ndarray] = {}
    for row in rows:
        summed[row['training_set']] = (summed.get(row['training_set'], 0)
                                       + np.asarray(row['confusion']))
    return [{'name': TRAINING_SETS[name], 'counts': counts.tolist()}
            for name, counts in summed.items()]


def _without_looking(results: Mapping[str, Any]) -> str:
    """What one answer for every video would reach, and which recognizers do just that."""
    rows = results['recognition']
    of_class = np.asarray(rows[0]['confusion']).sum(axis=1)
    commonest = results['data']['classes'][of_class.argmax()]
    text = f'Saying {commonest} every time would reach {_percent(of_class.max() / of_class.sum())}.'
    stuck = Counter(TRAINING_SETS[row['training_set']] for row in rows
                    if np.count_nonzero(np.asarray(row['confusion']).sum(axis=0)) == 1)
    if stuck:
        text += (f' {sum(stuck.values())} of {len(rows)} recognizers gave every video the same '
                 'class and learned nothing: '
                 + ', '.join(f'{count} of {name}' for name, count in stuck.items()) + '.')
    return text


def _percent(share: float) -> str:
    return f'{100 * share:.0f} %'


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
