"""What is compared with what: a study's lines → tables and plots."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from lddm_aug.datasets.training_sets import TRAINING_SETS
from lddm_aug.experiments.study.plan import Run, known_recognizers
from lddm_aug.experiments.study.records import read_rows, scores_file
from lddm_aug.experiments.study.statistics import (
    METRICS,
    Estimate,
    Resamples,
    Scores,
    average,
    confusion,
    estimate,
)
from lddm_aug.experiments.study.training_sets import BASELINES, CONTROLS, REAL
from lddm_aug.json_files import require_form

ALL = 'all of them'
NAMES = {'accuracy': 'Accuracy', 'f1_macro': 'F1 (macro)', 'auc': 'AUC'}
RECOGNIZER_NAMES = {'c3d': 'C3D', 'tsm': 'TSM', 'tdn': 'TDN', 'atmnet': 'ATMNet'}
STILL, ORACLE = 'still_mix', 'oracle'
NONE = '–'


def recognizer_name(recognizer: str) -> str:
    """As it is shown."""
    return RECOGNIZER_NAMES.get(recognizer, recognizer)


@dataclass
class Table:
    """A table of text; `lead` of its columns name the row."""
    title: str
    note: str
    header: list[str]
    rows: list[list[str]]
    lead: int = 2


@dataclass
class Lines:
    """A plot: per name, (x, y, low, high) in order of x."""
    title: str
    note: str
    x: str
    y: str
    points: dict[str, list[tuple[float, float, float, float]]]


@dataclass
class Results:
    """All that a study's files hold.

    Attributes:
        rows: each training's line.
        scores: each training's test videos.
        classes: names in the order of their labels.
        resamples: the same for every figure.
    """
    rows: dict[Run, dict[str, Any]]
    scores: dict[Run, Scores]
    classes: list[str]
    resamples: Resamples
    _cache: dict[tuple, Estimate | None] = field(default_factory=dict)

    @classmethod
    def read(cls, out: Path, count: int = 2000, seeds: Sequence[int] | None = None) -> Results:
        """Read a study's lines and scores.

        Args:
            seeds: of the trainings that count; all by default.

        Raises:
            FileNotFoundError: if there are none.
            ValueError: if a line is damaged, no training is of these seeds, or the scores of one
                are missing.
        """
        if not out.is_file():
            raise FileNotFoundError(f'{out}: there is no such study; make it with '
                                    'lddm-aug study run')
        rows = {run: row for run, row in read_rows(out).items()
                if seeds is None or run.seed in seeds}
        kept = read_rows(scores_file(out), needed=('classes', 'videos'))
        missing = [run.name for run in rows if run not in kept]
        again = f'from {out.name}, and lddm-aug study run makes them again'
        if not rows:
            of_these = '' if seeds is None else f' with seeds {", ".join(map(str, seeds))}'
            raise ValueError(f'{out} holds no training{of_these} yet; make some with '
                             'lddm-aug study run')
        if missing:
            raise ValueError(f'{scores_file(out)} lacks the scores of {len(missing)} trainings: '
                             f'{missing[0]}; remove their lines {again}')
        classes = next(iter(kept.values()))['classes']
        scores = {}
        for run in rows:
            try:
                scores[run] = _scores(kept[run]['videos'], classes)
            except (ValueError, IndexError, TypeError) as error:
                raise ValueError(f'{scores_file(out)}: the scores of {run.name} are damaged '
                                 f'({error}); remove its line {again}') from error
        groups = {group for each in scores.values() for group in each.groups}
        return cls(rows, scores, classes,
                   Resamples.draw([run.seed for run in rows], sorted(groups), count))

    def named(self, attribute: str) -> list[Any]:
        """What occurs, in the order in which it is shown."""
        order: dict[str, Sequence] = {'recognizer': known_recognizers(),
                                      'training_set': [*TRAINING_SETS]}
        found = {getattr(run, attribute) for run in self.rows}
        if attribute == 'ratio':
            return sorted(found, key=lambda ratio: -self.videos(ratio))
        known = [name for name in order.get(attribute, ()) if name in found]
        return known + sorted(found - {*known})

    def videos(self, ratio: str) -> float:
        """Real training videos, on average over seeds."""
        counts = [row['n_train'] for run, row in self.rows.items()
                  if run.ratio == ratio and row.get('n_train')]
        return float(np.mean(counts)) if counts else 0.

    @property
    def usual_times(self) -> float:
        """Synthetic clips per real one in most of the mixes, and in all tables but one."""
        counts = Counter(run.synthetic_per_real for run in self.rows
                         if run.synthetic_per_real is not None)
        return min(counts, key=lambda times: (-counts[times], times), default=1.)

    def seeds(self, recognizer: str, training_set: str, ratio: str,
              times: float | None = None) -> dict[int, Scores]:
        """Of the mixes, those at `times` synthetic clips per real one, or at the usual number."""
        return {run.seed: scores for run, scores in self.scores.items()
                if (run.recognizer, run.training_set, run.ratio)
                == (recognizer, training_set, ratio)
                and run.synthetic_per_real in (None, times or self.usual_times)}

    def figure(self, metric: str, recognizer: str, training_set: str, ratio: str,
               times: float | None = None) -> Estimate | None:
        """A metric's mean over seeds; of all recognizers, over these as well."""
        return self.difference(metric, recognizer, training_set, None, ratio, times)

    def difference(self, metric: str, recognizer: str, training_set: str, other: str | None,
                   ratio: str, times: float | None = None,
                   beside: str | None = None) -> Estimate | None:
        """Between two training sets, over the seeds that both were run with; None if without.

        Args:
            beside: a third training set, which these seeds must have been run with as well.
        """
        key = metric, recognizer, training_set, other, ratio, times, beside
        if key not in self._cache:
            self._cache[key] = self._difference(*key)
        return self._cache[key]

    def _difference(self, metric: str, recognizer: str, training_set: str, other: str | None,
                    ratio: str, times: float | None, beside: str | None) -> Estimate | None:
        if recognizer == ALL:
            each = [self.difference(metric, name, training_set, other, ratio, times, beside)
                    for name in self.named('recognizer')]
            found = [one for one in each if one is not None]
            return average(found) if found and len(found) == len(each) else None
        ours = self.seeds(recognizer, training_set, ratio, times)
        theirs = ours if other is None else self.seeds(recognizer, other, ratio)
        third = ours if beside is None else self.seeds(recognizer, beside, ratio)
        both = sorted({*ours} & {*theirs} & {*third})
        if not both:
            return None
        figure = estimate({seed: ours[seed] for seed in both}, metric, self.resamples)
        if other is None:
            return figure
        return figure - estimate({seed: theirs[seed] for seed in both}, metric, self.resamples)

    def recovered(self, metric: str, recognizer: str, training_set: str, floor: str,
                  ratio: str) -> Estimate | None:
        """Which part of what lies between a floor and the oracle; None if nothing surely does.

        Over the seeds that all three were run with.
        """
        ours = self.difference(metric, recognizer, training_set, floor, ratio, beside=ORACLE)
        oracle = self.difference(metric, recognizer, ORACLE, floor, ratio, beside=training_set)
        if ours is None or oracle is None or not oracle.interval[0] > 0:
            return None
        return ours / oracle

    @property
    def metrics(self) -> list[str]:
        return [metric for metric in METRICS if metric != 'auc' or len(self.classes) == 2]

    @property
    def recognizers(self) -> list[str]:
        names = self.named('recognizer')
        return names + [ALL] * (len(names) > 1)


def _scores(videos: dict[str, list], classes: list[str]) -> Scores:
    require_form(videos, {str: [(str, [float])]}, 'it', 'measure it again')
    rows = list(videos.values())
    if not all([*map(type, row)] == [str, str, list] for row in rows):
        raise ValueError('a video needs its group, its label and its probabilities')
    probabilities = np.array([row[2] for row in rows], dtype=float)
    if probabilities.shape != (max(1, len(rows)), len(classes)):
        raise ValueError(f'{len(rows)} videos need a number for each of {len(classes)} classes')
    return Scores(np.array([row[0] for row in rows]),
                  np.array([classes.index(row[1]) for row in rows]), probabilities)


def all_blocks(results: Results) -> list[Table | Lines]:
    """What a report shows, in order."""
    blocks: list[Table | Lines] = [table_2(results)]
    if 'auc' in results.metrics:
        blocks.append(means(results, 'auc'))
    blocks += [differences(results, metric) for metric in results.metrics]
    if ORACLE in results.named('training_set'):
        blocks += [recoveries(results, metric) for metric in results.metrics]
    blocks += [gains_by_data(results, metric) for metric in ('accuracy', results.metrics[-1])]
    blocks.append(growth(results))
    if len({run.synthetic_per_real for run in results.rows} - {None}) > 1:
        blocks += [gains_by_ratio(results, metric) for metric in ('accuracy', results.metrics[-1])]
    blocks.append(confusions(results))
    return [block for block in blocks
            if (block.rows if isinstance(block, Table) else block.points)]


def table_2(results: Results) -> Table:
    """The paper's layout: F1 / accuracy in %, per recognizer, training set and ratio."""
    return _by_ratio(results, ('f1_macro', 'accuracy'), 'F1 / accuracy',
                     'Macro F1 / accuracy in % of the test videos, mean over seeds [95 %].')


def means(results: Results, metric: str) -> Table:
    """A metric in %, in the same layout."""
    return _by_ratio(results, (metric,), NAMES[metric],
                     f'{NAMES[metric]} in %, mean over seeds [95 %].')


def _by_ratio(results: Results, metrics: Sequence[str], title: str, note: str) -> Table:
    ratios, rows = results.named('ratio'), []
    for recognizer in results.recognizers:
        for name in results.named('training_set'):
            found = [[results.figure(metric, recognizer, name, ratio) for metric in metrics]
                     for ratio in ratios]
            if any(each is not None for cell in found for each in cell):
                rows.append([recognizer_name(recognizer), name,
                             *(' / '.join(NONE if each is None else _percent(each)
                                          for each in cell) for cell in found)])
    return Table(title, note, ['recognizer', 'trained on', *map(str, ratios)], rows)


def differences(results: Results, metric: str) -> Table:
    """Every training set against real only, each control and baseline, and others like it."""
    present = results.named('training_set')
    columns: dict[str, list[str | None]] = {
        f'− {name}': [name] * len(present)
        for name in (REAL, *CONTROLS, *BASELINES) if name in present}
    columns |= {f'− {title}': others for title, others in (
        ('without options', [_with_options(name, of=None) for name in present]),
        ('still_mix with them', [_with_options(name, of=STILL) for name in present]))
        if {*others} & {*present}}
    rows = []
    for recognizer in results.recognizers:
        for ratio in results.named('ratio'):
            for name, *others in zip(present, *columns.values(), strict=True):
                found = [None if other in (name, None) else
                         results.difference(metric, recognizer, name, other, ratio)
                         for other in others]
                if name != REAL and any(each is not None for each in found):
                    rows.append([recognizer_name(recognizer), ratio, name,
                                 *(NONE if each is None else _points(each) for each in found)])
    return Table(f'{NAMES[metric]}: against real only, the controls and the baselines',
                 'Differences in points [95 %], paired by seed and patient; * marks those whose '
                 'interval leaves 0 out.',
                 ['recognizer', 'ratio', 'trained on', *columns], rows, lead=3)


def _with_options(training_set: str, of: str | None) -> str | None:
    """What it is without its options, or `of` with them; None if it has none."""
    base, _, options = training_set.partition('+')
    return None if not options else base if of is None else f'{of}+{options}'


def recoveries(results: Results, metric: str) -> Table:
    """How much of the oracle's gain a training set recovers."""
    floors = [name for name in (REAL, STILL) if name in results.named('training_set')]
    rows = []
    for recognizer in results.recognizers:
        for ratio in results.named('ratio'):
            for name in results.named('training_set'):
                found = [None if name == floor else
                         results.recovered(metric, recognizer, name, floor, ratio)
                         for floor in floors]
                if name not in (REAL, ORACLE) and any(each is not None for each in found):
                    rows.append([recognizer_name(recognizer), ratio, name,
                                 *(NONE if each is None else _percent(each) for each in found)])
    return Table(f"{NAMES[metric]}: how much of the oracle's gain is recovered",
                 'In % [95 %]: 0 is the floor, 100 what the true clips behind the stills gain. '
                 f'{NONE}: the oracle itself is not surely above this floor, so there is nothing '
                 'to divide by.',
                 ['recognizer', 'ratio', 'trained on', *(f'above {floor}' for floor in floors)],
                 rows, lead=3)


def gains_by_data(results: Results, metric: str) -> Lines:
    """Gain over real only against the number of real training videos."""
    points: dict[str, list] = defaultdict(list)
    for name in results.named('training_set'):
        for ratio in reversed(results.named('ratio')):
            gain = results.difference(metric, results.recognizers[-1], name, REAL, ratio)
            if name != REAL and gain is not None:
                points[name].append((results.videos(ratio), *_point(gain)))
    return Lines(f'{NAMES[metric]}: gain over real only, by how much real data there is',
                 f'{_of(results.named("recognizer"))}; points over real only, 95 % intervals.',
                 'real training videos', f'{NAMES[metric]}, points', dict(points))


def growth(results: Results) -> Table:
    """Is the gain larger with the least real data than with more?"""
    rows = []
    *more, least = results.named('ratio')
    for metric, name, ratio in product(results.metrics, results.named('training_set'), more):
        gains = [results.difference(metric, results.recognizers[-1], name, REAL, each)
                 for each in (least, ratio)]
        if name == REAL or gains[0] is None or gains[1] is None:
            continue
        change = gains[0] - gains[1]
        low, high = change.interval
        rows.append([NAMES[metric], name, ratio, _points(change),
                     'grows' if low > 0 else 'shrinks' if high < 0 else 'within noise'])
    return Table('Does the gain grow as real data shrinks?',
                 f'{_of(results.named("recognizer"))}: the gain over real only at {least} minus '
                 'that at another ratio, in points [95 %], each over the seeds that were run '
                 'there. A gain also grows where real only falls behind: compare the controls.',
                 ['metric', 'trained on', f'{least} minus', 'difference', 'the gain'], rows, lead=3)


def gains_by_ratio(results: Results, metric: str) -> Lines:
    """Gain over real only against synthetic clips per real one, at the least real data."""
    ratio = results.named('ratio')[-1]
    points: dict[str, list] = {}
    averaged: dict[str, list[str]] = defaultdict(list)
    for name in results.named('training_set'):
        gains = _gains_at_several(results, metric, name, ratio)
        shared = [times for times in next(iter(gains.values()), ())
                  if all(times in each for each in gains.values())]
        if len(shared) > 1:
            points[name] = [(times, *_point(average([each[times] for each in gains.values()])))
                            for times in shared]
            averaged[_of(gains)].append(name)
    who = '; '.join(f'{recognizers} ({", ".join(names)})'
                    for recognizers, names in averaged.items())
    return Lines(f'{NAMES[metric]}: gain over real only, by synthetic clips per real one',
                 f'{who}, at {ratio}; points over real only, 95 % intervals. Each point is of the '
                 'seeds that were run there.',
                 'synthetic clips per real clip', f'{NAMES[metric]}, points', points)


def _gains_at_several(results: Results, metric: str, training_set: str,
                      ratio: str) -> dict[str, dict[float, Estimate]]:
    """Of each recognizer trained at two or more: gain by synthetic clips per real one, in order."""
    at = sorted({run.synthetic_per_real for run in results.rows if run.training_set == training_set
                 and run.synthetic_per_real is not None})
    gains = {recognizer: {times: gain for times in at if (gain := results.difference(
                 metric, recognizer, training_set, REAL, ratio, times)) is not None}
             for recognizer in results.named('recognizer')}
    return {recognizer: each for recognizer, each in gains.items() if len(each) > 1}


def confusions(results: Results) -> Table:
    """Counts over all seeds: what the videos of each class were predicted to be."""
    rows = []
    for recognizer in results.named('recognizer'):
        for ratio in results.named('ratio'):
            for name in results.named('training_set'):
                by_seed = results.seeds(recognizer, name, ratio)
                if by_seed:
                    counts = sum(confusion(scores, np.ones((1, len(scores.labels))))[0]
                                 for scores in by_seed.values())
                    rows.append([recognizer_name(recognizer), ratio, name,
                                 *(', '.join(f'{count:.0f}' for count in row) for row in counts)])
    names = ', '.join(results.classes)
    return Table('Confusion matrices', f'Summed over seeds. Each cell: how many videos of the '
                 f"column's true class were predicted to be {names}.",
                 ['recognizer', 'ratio', 'trained on', *(f'true {name}' for name in
                                                         results.classes)], rows, lead=3)


def _of(recognizers: Iterable[str]) -> str:
    names = [recognizer_name(name) for name in recognizers]
    return f'Mean of {", ".join(names)}' if len(names) > 1 else names[0]


def _point(each: Estimate) -> tuple[float, float, float]:
    low, high = each.interval
    return 100 * each.value, 100 * low, 100 * high


def _percent(each: Estimate) -> str:
    value, low, high = _point(each)
    return f'{value:.1f} [{low:.1f} – {high:.1f}]'


def _points(each: Estimate) -> str:
    value, low, high = _point(each)
    return f'{value:+.1f} [{low:+.1f}, {high:+.1f}]' + ('*' if low > 0 or high < 0 else '')
