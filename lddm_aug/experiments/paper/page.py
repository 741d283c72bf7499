"""Both tables beside the paper's: rows of Table 1 and a study's lines → HTML and Markdown."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lddm_aug.evaluation.synthesis_metrics import registered_metrics
from lddm_aug.experiments.paper.published import TRAINING_SETS, published
from lddm_aug.experiments.study.report import describe, write_blocks
from lddm_aug.experiments.study.tables import (
    NONE,
    Results,
    Table,
    differences,
    means,
    recognizer_name,
    table_2,
)
from lddm_aug.experiments.table1.results import (
    PAPER,
    in_order,
    mean_over_seeds,
    table_columns,
)

DIGITS = 3                                           # that count, of a figure in Table 1


def write_page(page: Path, text: Path, title: str, rows: Sequence[Mapping[str, Any]], lines: Path,
               sentences: Sequence[str]) -> None:
    """Write both tables, what their figures are, and how training sets compare.

    Args:
        page: the HTML file.
        text: the Markdown file.
        title: of both.
        rows: of Table 1.
        lines: of Table 2's trainings.
        sentences: what was done, above the tables.
    """
    results = Results.read(lines)
    blocks = [
        table_1(rows), table_1_by_seed(rows), beside_the_paper(results),
        *(means(results, metric) for metric in results.metrics if metric == 'auc'),
        *(differences(results, metric) for metric in results.metrics)]
    write_blocks(page, text, title, [*sentences, *describe(results, lines)],
                 [each for each in blocks if each.rows])


def table_1(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The mean over seeds ± their standard deviation, the paper's rows below."""
    columns, shown = table_columns(), _shown(rows)
    cells = []
    for name in in_order(row['generator'] for row in rows):
        same = [row for row in rows if row['generator'] == name]
        cells.append([name, str(len(same)), *(mean_over_seeds(same, key) for key in shown)])
    cells += [[f'{name} (paper)', NONE, *(
        f'{figures[key]:g}' if key in figures else NONE for key in shown)]
        for name, figures in PAPER.items()]
    variants = sorted({f'{metric.title} is {variant}' for metric in registered_metrics()
                       for row in rows if (variant := row.get(metric.variant))
                       and variant != metric.title})
    higher = ', '.join(metric.title for metric in registered_metrics()
                       if metric.title and metric.better == 'higher')
    return Table('Table 1: how good are the clips?',
                 'Conditioned on the first frame of held-out clips; mean over seeds ± standard '
                 f'deviation. Lower is better but for {higher}; the paper does not say which DIV '
                 f'it means. {"; ".join(variants)}.',
                 ['generator', 'seeds', *(columns[key] for key in shown)], cells)


def table_1_by_seed(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Each seed's figures, with what they might be on other patients."""
    columns = table_columns()
    shown = [key for key in columns if any(row.get(f'{key}_interval') for row in rows)]
    place = {name: i for i, name in enumerate(in_order(row['generator'] for row in rows))}
    ordered = sorted(rows, key=lambda row: (row['seed'], place[row['generator']]))
    return Table('Table 1, seed by seed',
                 'A seed draws the split and the training. Intervals are 95 %, over test groups. '
                 'Distances are in networks of that seed, so compare them within a seed.',
                 ['seed', 'generator', *(columns[key] for key in shown)],
                 [[str(row['seed']), row['generator'], *(_figure(row, key) for key in shown)]
                  for row in ordered])


def beside_the_paper(results: Results) -> Table:
    """Table 2 in the paper's layout, with its figures between ours."""
    ours = table_2(results)
    names = {recognizer_name(name): name for name in results.recognizers}
    ratios = ours.header[2:]
    header = [*ours.header[:2], *(cell for ratio in ratios
                                  for cell in (ratio, f'{ratio}, paper'))]
    rows = [[recognizer, training_set, *(
        cell for ratio, figure in zip(ratios, figures, strict=True)
        for cell in (figure, published(names.get(recognizer, ''), training_set, ratio) or NONE))]
        for recognizer, training_set, *figures in ours.rows]
    *_, unconditional = TRAINING_SETS
    return Table('Table 2: do the clips help? F1 / accuracy',
                 f"{ours.note} The paper's rows are {', '.join(TRAINING_SETS)}: in {unconditional} "
                 'the generator has the still alone, as in the paper; in lddm_mix it also has its '
                 "class. The paper's figures are of one run, and were read from a damaged print: "
                 f'a ? follows a doubtful digit, {NONE} what could not be read or is not there.',
                 header, rows)


def _shown(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paper's figures, measured or not, and the others that were measured."""
    of_paper = {key for figures in PAPER.values() for key in figures}
    return [key for key in table_columns()
            if key in of_paper or any(row.get(key) is not None for row in rows)]


def _figure(row: Mapping[str, Any], key: str) -> str:
    value, interval = row.get(key), row.get(f'{key}_interval')
    if value is None:
        return NONE
    low_high = '' if interval is None else ' [{:.{d}g}, {:.{d}g}]'.format(*interval, d=DIGITS)
    return f'{value:.{DIGITS}g}{low_high}'
