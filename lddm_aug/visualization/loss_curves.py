"""Losses that trainings logged: read from their folders, and plotted."""
from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from lddm_aug.json_files import read_json_lines

POINTS = 60                                          # of a curve, at most
Curve = dict[str, Sequence[float]]                   # 'iter' and each loss, point by point


def read_losses(work_dir: Path) -> Curve:
    """Every loss that an MMEngine training logged in a folder, and its iterations.

    A resumed training has several logs; the later one counts for an iteration in both.  A curve
    has at most `POINTS` points.
    """
    logged: dict[int, Mapping[str, Any]] = {}
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for values in read_json_lines(log, {'iter': int, 'loss': float}, '', skip=True):
            logged[values['iter']] = {name: value for name, value in values.items()
                                      if name.startswith('loss') and isinstance(value, float | int)}
    iterations = sorted(logged)[::max(1, -(-len(logged) // POINTS))]
    names = sorted({name for values in logged.values() for name in values})
    return {'iter': iterations,
            **{name: [float(f'{logged[number].get(name, float("nan")):.5g}')
                      for number in iterations] for name in names}}


def draw_losses(rows: Iterable[Mapping[str, Any]]) -> bytes | None:
    """The losses of rows as SVG: a row of plots per stage, a curve per seed; None without losses.

    Args:
        rows: with generator, seed and `losses`, which are curves by the name of the stage.
    """
    curves: dict[tuple[str, str, str], list[tuple[int, Sequence[float], Sequence[float]]]]
    curves = defaultdict(list)
    for row in rows:
        for stage, curve in row.get('losses', {}).items():
            for name in curve.keys() - {'iter', 'loss'}:
                curves[row['generator'], stage, name].append(
                    (row['seed'], curve['iter'], curve[name]))
    if not curves:
        return None
    lines = sorted({key[:2] for key in curves})
    width = max(sum(key[:2] == line for key in curves) for line in lines)
    figure = Figure(figsize=(2.2 * width, 2.1 * len(lines)), layout='constrained')
    plots = figure.subplots(len(lines), width, squeeze=False)
    for line, axes in zip(lines, plots, strict=True):
        names = sorted(key[2] for key in curves if key[:2] == line)
        for place, name in zip(axes, names, strict=False):
            for seed, steps, values in curves[(*line, name)]:
                place.plot(steps, values, linewidth=1, label=f'seed {seed}')
            place.set_title(f'{line[0]}, {line[1]}\n{name.removeprefix("loss_")}', fontsize=7)
            place.tick_params(labelsize=6)
            place.spines[['top', 'right']].set_visible(False)
        for place in axes[len(names):]:
            place.set_axis_off()
    plots[0, 0].legend(fontsize=6, frameon=False)
    buffer = io.BytesIO()
    with rc_context({'svg.hashsalt': 'lddm_aug'}):
        figure.savefig(buffer, format='svg', metadata={'Date': None})
    return buffer.getvalue()
