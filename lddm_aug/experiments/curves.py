"""How well generators did on held-out clips while they were trained: rows, a table and a chart."""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lddm_aug.engine.generator_training import SUMMARY
from lddm_aug.files import atomic_write
from lddm_aug.json_files import read_json
from lddm_aug.visualization.line_chart import draw_curves
from lddm_aug.visualization.markdown import escaped

STAGE, FIGURE, STILL = 'autoencoder', 'psnr_db', 'still_psnr_db'
FORM = {'iter': int, FIGURE: float}
Row = Mapping[str, Any]


def read_curves(sources: Iterable[tuple[str, Path]]) -> list[dict[str, Any]]:
    """Rows of trainings: `training`, `iter` and what that validation gave.

    Args:
        sources: a name and the work dir of a generator's training; or any name and a file that
            `write_curves` wrote, whose names stay.

    Raises:
        FileNotFoundError: if a work dir has no finished training.
        ValueError: if a file has another form, a training wasn't validated, or two have one name.
    """
    rows: list[dict[str, Any]] = []
    for name, path in sources:
        if path.is_dir():
            file = path / SUMMARY
            if not file.is_file():
                raise FileNotFoundError(f'{file}: there is no finished training of a generator; '
                                        'run lddm-aug train-generator first')
            stages = read_json(file, {STAGE: {'validation': [FORM]}}, 'train the generator again')
            found = [dict(training=name, **row) for row in stages[STAGE]['validation']]
        else:
            found = read_json(path, [dict(FORM, training=str)], 'draw the curves again')
        if not found:
            raise ValueError(f'{path}: its autoencoder was never validated; train it with a '
                             'smaller autoencoder.train_cfg.val_interval')
        twice = {row['training'] for row in found} & {row['training'] for row in rows}
        if twice:
            raise ValueError(f'{path}: the name {min(twice)!r} occurs twice; give each training '
                             'its own, as NAME=DIR')
        rows += found
    return rows


def write_curves(rows: Sequence[Row], out: Path) -> list[str]:
    """Write the rows, and a chart beside them; lines of a Markdown table of them."""
    curves = _by_training(rows)
    still = {f'repeated still, {row[STILL]:.2f} dB': row[STILL] for row in rows if STILL in row}
    chart = draw_curves({name: list(points.items()) for name, points in curves.items()},
                        'training step', 'PSNR on held-out clips, dB',
                        still if len(still) == 1 else None)
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = ',\n'.join(json.dumps(row, ensure_ascii=False) for row in rows)
    for file, text in ((out, f'[\n{lines}\n]\n'), (out.with_suffix('.svg'), chart)):
        with atomic_write(file) as opened:
            opened.write(text.encode())
    return markdown(curves)


def markdown(curves: Mapping[str, Mapping[int, float]]) -> list[str]:
    """A line per training, a column per step."""
    steps = sorted({step for points in curves.values() for step in points})
    cells = [['PSNR in dB, by training step', *map(str, steps)],
             *([escaped(name), *(f'{points[step]:.2f}' if step in points else '' for step in steps)]
               for name, points in curves.items())]
    head, *lines = ['| ' + ' | '.join(line) + ' |' for line in cells]
    return [head, '|' + '---|' * (len(steps) + 1), *lines]


def _by_training(rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    """PSNR by iteration, by training in their order."""
    curves: dict[str, dict[int, float]] = {}
    for row in sorted(rows, key=lambda row: row['iter']):
        curves.setdefault(row['training'], {})[row['iter']] = row[FIGURE]
    order = list(dict.fromkeys(row['training'] for row in rows))
    return {name: curves[name] for name in order}
