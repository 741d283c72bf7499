"""Rows of several demos, each of other simulated patients → gains with intervals, and a chart."""
from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from lddm_aug.experiments.demo.scores import METRICS, PAIRS
from lddm_aug.files import atomic_write
from lddm_aug.json_files import read_json
from lddm_aug.visualization.interval_chart import Bar, draw_differences

KEY = ('phantom_seed', 'recognizer_seed', 'training_set')
NAMES = {'real': 'real only', 'still_mix': 'repeated stills', 'lddm_mix': 'LDDM clips',
         'oracle': 'true clips'}
LEVEL = 0.95
ROWS = [{'phantom_seed': (int, None), 'recognizer_seed': int, 'training_set': str,
         'accuracy': float, 'auc': (float, None)}]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Gain:
    """A paired difference, over all simulated data sets.

    Attributes:
        training_set, over: which training sets are compared.
        metric: accuracy or auc.
        value: mean over the data sets.
        low, high: Student's 95 % interval of the mean; None with one data set.
        of_phantom: difference on each data set, mean over the recognizer seeds.
    """
    training_set: str
    over: str
    metric: str
    value: float
    low: float | None
    high: float | None
    of_phantom: Mapping[int, float]

    @property
    def bar(self) -> Bar:
        """In points."""
        low, high = (None if end is None else 100 * end for end in (self.low, self.high))
        return Bar(f'{NAMES[self.training_set]} − {NAMES[self.over]}', 100 * self.value, low, high,
                   [100 * value for value in self.of_phantom.values()])


def read_runs(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of demos, sorted, from their folders or from a file that was written before.

    Raises:
        FileNotFoundError: if a path has no results.
        ValueError: if a file has another form, a demo was a quick one or on own data, or a row
            occurs twice.
    """
    rows: dict[tuple, dict[str, Any]] = {}
    for path in paths:
        file = path / 'results.json' if path.is_dir() else path
        if not file.is_file():
            raise FileNotFoundError(f'{file}: there are no results of a demo; run it first')
        form = {'rows': ROWS, 'note': str} if path.is_dir() else ROWS
        content = read_json(file, form, 'run the demo again')
        if path.is_dir():
            if content['note']:
                raise ValueError(f'{file}: a quick demo has no figures to summarize; run it '
                                 'without --quick')
            content = content['rows']
        for row in content:
            key = tuple(row[name] for name in KEY)
            if row['phantom_seed'] is None:
                raise ValueError(f'{file}: a summary is of simulated patients, but this demo was '
                                 'on own data')
            if key in rows:
                raise ValueError(f'{file}: phantom seed {key[0]}, recognizer seed {key[1]} on '
                                 f'{key[2]} occurs twice; name each demo once')
            rows[key] = row
    return [rows[key] for key in sorted(rows)]


def gains_of(rows: Sequence[Row]) -> list[Gain]:
    """Every comparison in both metrics, where the rows hold it."""
    gains = []
    for name, over in PAIRS:
        for metric in METRICS:
            of_phantom = _differences(rows, name, over, metric)
            if of_phantom:
                low, high = student_interval(list(of_phantom.values()))
                gains.append(Gain(name, over, metric, fmean(of_phantom.values()), low, high,
                                  of_phantom))
    return gains


def student_interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """95 % interval of the mean; None for a single value."""
    if len(values) < 2:
        return None, None
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values)
    return float(np.mean(values) - half), float(np.mean(values) + half)


def write_summary(rows: Sequence[Row], out: Path) -> list[str]:
    """Write the rows, and beside them a chart of the gains; lines of a Markdown table of them."""
    gains = gains_of(rows)
    if not gains:
        raise ValueError('write_summary: the rows hold no two training sets to compare')
    lines = [json.dumps(row) for row in rows]
    chart = draw_differences([gain.bar for gain in gains if gain.metric == 'accuracy'],
                             'difference in accuracy, in points',
                             'Differences in accuracy between training sets')
    out.parent.mkdir(parents=True, exist_ok=True)
    for file, text in ((out, '[\n' + ',\n'.join(lines) + '\n]\n'),
                       (out.with_suffix('.svg'), chart)):
        with atomic_write(file) as opened:
            opened.write(text.encode())
    return markdown(gains)


def markdown(gains: Sequence[Gain]) -> list[str]:
    """A line per comparison, a column per metric, in points."""
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for gain in gains:
        texts[gain.bar.name][gain.metric] = gain.bar.text
    metrics = [metric for metric in METRICS if any(metric in cells for cells in texts.values())]
    header = ['difference in points [95 %]', *metrics]
    return ['| ' + ' | '.join(header) + ' |', '|' + '---|' * len(header),
            *('| ' + ' | '.join([name, *(cells.get(metric, '') for metric in metrics)]) + ' |'
              for name, cells in texts.items())]


def _differences(rows: Sequence[Row], name: str, over: str, metric: str) -> dict[int, float]:
    """Per phantom seed, the mean over the recognizer seeds that both training sets have."""
    scores = {tuple(row[key] for key in KEY): row[metric] for row in rows
              if row.get(metric) is not None}
    paired: dict[int, list[float]] = defaultdict(list)
    for (phantom, seed, training_set), score in scores.items():
        if training_set == name and (phantom, seed, over) in scores:
            paired[phantom].append(score - scores[phantom, seed, over])
    return {phantom: fmean(values) for phantom, values in sorted(paired.items())}
