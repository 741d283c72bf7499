"""When do generated clips help?  The README's chart, drawn from the lines of our own studies."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lddm_aug.experiments.study.statistics import Estimate
from lddm_aug.experiments.study.tables import ALL, NAMES, STILL, Results
from lddm_aug.experiments.study.training_sets import REAL
from lddm_aug.visualization.interval_chart import Bar, draw_differences

OTHERS = {'real videos alone': REAL, 'repeated stills': STILL}


@dataclass(frozen=True)
class Setting:
    """A training set with generated clips, in one of our studies."""
    title: str
    study: str
    training_set: str
    ratio: str
    metric: str


SETTINGS = (
    Setting('Simulated, 26 patients, conditional', 'study_phantom', 'lddm_mix', '3:7', 'accuracy'),
    Setting('Simulated, 26 patients, unconditional', 'study_phantom', 'lddm_blind_mix', '3:7',
            'accuracy'),
    Setting('Lungs, 8 patients, conditional', 'study_covid_blues', 'lddm_mix', 'given-8', 'auc'),
    Setting('Lungs, 18 patients, conditional', 'study_covid_blues', 'lddm_mix', 'given', 'auc'))


def read_gains(results: Path) -> dict[Setting, dict[str, Estimate]]:
    """Of each setting, the gain over real videos alone and over repeated stills.

    Args:
        results: folder with the studies' lines and scores.

    Raises:
        ValueError: if a study lacks a setting's trainings.
    """
    studies = {name: Results.read(results / f'{name}.jsonl')
               for name in dict.fromkeys(setting.study for setting in SETTINGS)}
    gains: dict[Setting, dict[str, Estimate]] = {}
    for setting in SETTINGS:
        gains[setting] = {}
        for name, other in OTHERS.items():
            gain = studies[setting.study].difference(setting.metric, ALL, setting.training_set,
                                                     other, setting.ratio)
            if gain is None:
                raise ValueError(f'{results / setting.study}.jsonl lacks trainings of '
                                 f'{setting.training_set} or {other} at {setting.ratio}')
            gains[setting][name] = gain
    return gains


def bar_of(setting: Setting, over: str, gain: Estimate) -> Bar:
    """A gain in points."""
    low, high = gain.interval
    return Bar(setting.title, 100 * gain.value, 100 * low, 100 * high,
               detail=f'{NAMES[setting.metric]}, over {over}')


def draw_chart(gains: dict[Setting, dict[str, Estimate]]) -> str:
    """A row for each setting and comparison, as SVG."""
    return draw_differences([bar_of(setting, over, gain) for setting, by_name in gains.items()
                             for over, gain in by_name.items()],
                            'gain by generated clips, in points, with 95 % interval',
                            'When generated clips help')
