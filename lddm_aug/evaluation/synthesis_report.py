"""An evaluation as a table, as JSON, as plots and as a page."""
from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lddm_aug.evaluation.clip_set import ClipSet
from lddm_aug.evaluation.clip_statistics import STATISTICS
from lddm_aug.evaluation.synthesis_metrics import Row, registered_metrics
from lddm_aug.files import atomic_write
from lddm_aug.functional.pixels import clip_to_uint8, to_unit
from lddm_aug.visualization.previews import Preview, data_uri, render_page

RESULTS = 'evaluation.json'
PAGE = 'evaluation.html'
COLUMNS = 4                                          # of small plots
COLOURS = {'generated': '#2a9fc4', 'real': '#808890'}


def table_rows(results: Mapping[str, Any]) -> list[Row]:
    """The figures that were measured, with what must stand beside each."""
    return [row for metric in registered_metrics() for row in metric.rows(results)]


def print_table(results: Mapping[str, Any]) -> str:
    """The rows as text, in columns, and the notes below."""
    rows = [Row('figure', 'value', '95 % interval'), *table_rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f'{row.figure:<{widths[0]}}  {row.value:>{widths[1]}}  {row.interval:<{widths[2]}}  '
             f'{row.remark}'.rstrip() for row in rows]
    return '\n'.join([*lines, '', *results['notes']]).rstrip()


def write_report(folder: Path, results: Mapping[str, Any], generated: ClipSet, real: ClipSet,
                 training: ClipSet, title: str) -> None:
    """Write evaluation.json, statistics.png, memorisation.png and evaluation.html into a folder.

    Args:
        results: of `evaluate_synthesis`.
        generated, real, training: the clips that it saw; the closest pairs are shown.
        title: what was evaluated, for the reader.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots = {'statistics': _draw_boxes(results['temporal']),
             'memorisation': _draw_boxes(results['memorisation'])}
    for name, png in plots.items():
        with atomic_write(folder / f'{name}.png') as file:
            file.write(png)
    page = render_page(
        Path(__file__).with_name('synthesis_report.html'),
        closest_pairs(results, generated, real, training), title=title, rows=table_rows(results),
        giveaways=results.get('two_sample_giveaways', [])[:6], meanings=STATISTICS,
        plots={name: data_uri('image/png', png) for name, png in plots.items()},
        notes=results['notes'], protocol=results['protocol'], networks=results['networks'])
    for name, text in ((RESULTS, json.dumps(results, indent=1)), (PAGE, page)):
        with atomic_write(folder / name) as file:
            file.write(text.encode())


def closest_pairs(results: Mapping[str, Any], generated: ClipSet, real: ClipSet,
                  training: ClipSet) -> list[Preview]:
    """Generated clips beside their nearest training clips, in every way of looking."""
    def frames(clips: ClipSet, index: int) -> Any:
        return clip_to_uint8(to_unit(clips.clips[index]))

    return [
        Preview(f'distance {pair["distance"]:.2f}, by {way}', generated.labels[pair['clip']],
                {'generated': frames(generated, pair['clip']),
                 'nearest training clip': frames(training, pair['training_clip']),
                 'real, same still': frames(real, pair['clip'])})
        for way, found in results['memorisation'].items() for pair in found['closest']]


def _draw_boxes(rows: Mapping[str, Any]) -> bytes:
    """Small plots side by side, in each the quantiles of generated and of real clips, as PNG."""
    count = -(-len(rows) // COLUMNS)
    figure = Figure(figsize=(2.3 * min(COLUMNS, len(rows)), 1.9 * count + 0.4),
                    layout='constrained', dpi=110)
    cells = figure.subplots(count, min(COLUMNS, len(rows)), squeeze=False).ravel()
    for axes in cells[len(rows):]:
        axes.set_visible(False)
    for axes, (name, row) in zip(cells, rows.items(), strict=False):
        boxes = [dict(zip(('whislo', 'q1', 'med', 'q3', 'whishi'), row[kind], strict=True),
                      label=kind, fliers=[]) for kind in COLOURS]
        drawn = axes.bxp(boxes, showfliers=False, patch_artist=True, widths=0.6,
                         medianprops=dict(color='black'))
        for box, colour in zip(drawn['boxes'], COLOURS.values(), strict=True):
            box.set_facecolor(colour)
        axes.set_xticks([])
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[['top', 'right']].set_visible(False)
    figure.legend([Patch(color=colour) for colour in COLOURS.values()], list(COLOURS),
                  loc='outside lower center', ncols=2, fontsize=8, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
