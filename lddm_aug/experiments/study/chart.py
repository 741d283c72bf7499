"""When do generated clips help?  The README's chart, drawn from the lines of our own studies."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from lddm_aug.experiments.study.statistics import Estimate
from lddm_aug.experiments.study.tables import ALL, NAMES, STILL, Results
from lddm_aug.experiments.study.training_sets import REAL

GREY, COLOURS = '#808890', {'real videos alone': '#4c8fd6', 'repeated stills': '#e08a3c'}
WIDTH, LEFT, TOP, STEP = 720, 260, 54, 54            # pixels
LOWEST, HIGHEST = -25, 25                            # points


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
        for name, other in zip(COLOURS, (REAL, STILL), strict=True):
            gain = studies[setting.study].difference(setting.metric, ALL, setting.training_set,
                                                     other, setting.ratio)
            if gain is None:
                raise ValueError(f'{results / setting.study}.jsonl lacks trainings of '
                                 f'{setting.training_set} or {other} at {setting.ratio}')
            gains[setting][name] = gain
    return gains


def points(gain: Estimate) -> str:
    """As it stands in the README: +5.3 [+1.3, +9.5]."""
    low, high = gain.interval
    return f'{100 * gain.value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]'.replace('-', '−')


def draw_chart(gains: dict[Setting, dict[str, Estimate]]) -> str:
    """A row for each setting and an interval for each comparison, as SVG."""
    bottom = TOP + STEP * len(gains)
    parts = [_text(LEFT, 16, 'gain by generated clips, points, with 95 % interval, over')]
    for number, (name, colour) in enumerate(COLOURS.items()):
        parts += [f'<circle cx="{LEFT + 6 + 170 * number}" cy="32" r="4" fill="{colour}"/>',
                  _text(LEFT + 16 + 170 * number, 36, name)]
    for value in (-20, -10, 0, 10, 20):
        label = f'{value:+d}'.replace('-', '−') if value else '0'
        parts.append(_text(_x(value), bottom + 14, label, 'middle'))
    parts.append(f'<line x1="{_x(0):g}" y1="{TOP - 8}" x2="{_x(0):g}" y2="{bottom}" '
                 f'stroke="{GREY}"/>')
    for row, (setting, by_name) in enumerate(gains.items()):
        top = TOP + STEP * row
        parts += [_text(0, top + 14, setting.title, weight='bold'),
                  _text(0, top + 32, NAMES[setting.metric])]
        for place, (name, gain) in enumerate(by_name.items()):
            y, (low, high), colour = top + 9 + 18 * place, gain.interval, COLOURS[name]
            parts += [
                f'<line x1="{_x(100 * low):.1f}" y1="{y}" x2="{_x(100 * high):.1f}" y2="{y}" '
                f'stroke="{colour}" stroke-width="2"/>',
                f'<circle cx="{_x(100 * gain.value):.1f}" cy="{y}" r="4" fill="{colour}"/>',
                _text(WIDTH, y + 4, points(gain), 'end')]
    inside = '\n'.join(parts)
    height = bottom + 20
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12" '
            f'fill="{GREY}">\n{inside}\n</svg>\n')


def _x(value: float) -> float:
    """Where a number of points stands between the titles and the figures."""
    return LEFT + (value - LOWEST) / (HIGHEST - LOWEST) * (WIDTH - 130 - LEFT)


def _text(x: float, y: float, text: str, anchor: str = 'start', weight: str = 'normal') -> str:
    return (f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}">'
            f'{escape(text)}</text>')
