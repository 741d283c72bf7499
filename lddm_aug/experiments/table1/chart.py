"""How far are each generator's clips from real ones?  The chart of Table 1's rows."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lddm_aug.experiments.table1.results import in_order
from lddm_aug.visualization.interval_chart import Bar, draw_values

NAMES = {'lddm': 'LDDM', 'cinn': "cINN, on LDDM's autoencoder", 'cinn_paper': 'cINN as published',
         'repeat_still': 'the still repeated', 'random_warp': 'random warps of the still',
         'motion_transfer': 'motion transfer'}
REAL = 'real clips, training patients'


def draw_distances(results: Mapping[str, Any]) -> str:
    """Fréchet distance of every generator to real clips, the nearest first, as SVG.

    A dot is the mean over seeds, a small circle one seed.

    Args:
        results: with `rows`, as `read_results` gives them.

    Raises:
        ValueError: if no row has a Fréchet distance.
    """
    bars = distances(results)
    if not bars:
        raise ValueError('draw_distances: no row has a Fréchet distance (fd); measure one first')
    return draw_values(sorted(bars, key=lambda bar: bar.value),
                       'Fréchet distance to real clips: lower is nearer',
                       f'Fréchet distance to real clips, {results["protocol"]["data"]}')


def distances(results: Mapping[str, Any]) -> list[Bar]:
    """A bar for real clips of the training patients, then one per generator."""
    rows = [row for row in results['rows'] if row.get('fd') is not None]
    real = sorted({row['fd_real'] for row in rows if row.get('fd_real') is not None})
    bars = [Bar(REAL, float(np.mean(real)), shown=f'{np.mean(real):.1f}')] if real else []
    for name in in_order(row['generator'] for row in rows):
        seeds = [row['fd'] for row in rows if row['generator'] == name]
        spread = f' ± {np.std(seeds, ddof=1):.1f}' if len({*seeds}) > 1 else ''
        bars.append(Bar(NAMES.get(name, name), float(np.mean(seeds)),
                        dots=seeds if len({*seeds}) > 1 else (),
                        shown=f'{np.mean(seeds):.1f}{spread}'))
    return bars
