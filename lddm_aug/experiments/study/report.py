"""Tables and plots → one HTML file that needs nothing beside it, and Markdown with its plots."""
from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from lddm_aug.experiments.study.tables import Lines, Results, Table, all_blocks
from lddm_aug.files import atomic_write
from lddm_aug.visualization.markdown import escaped
from lddm_aug.visualization.previews import data_uri, render_page

GREY = '#808890'                                     # reads on light and on dark


def write_report(out: Path, page: Path, text: Path, seeds: Sequence[int] | None = None) -> None:
    """Write the report of a study.

    Args:
        out: the study's lines.
        page: the HTML file to write.
        text: the Markdown file to write; its plots go beside it.
        seeds: of the trainings that count; all by default.
    """
    results = Results.read(out, seeds=seeds)
    write_blocks(page, text, f'Do synthetic clips help? `{out.stem}`', describe(results, out),
                 all_blocks(results))


def write_blocks(page: Path, text: Path, title: str, sentences: Sequence[str],
                 blocks: Sequence[Table | Lines]) -> None:
    """Write tables and plots.

    Args:
        page: the HTML file to write.
        text: the Markdown file to write; its plots go beside it.
        title: of both, in Markdown.
        sentences: a list above the blocks.
    """
    plots = {block.title: draw(block) for block in blocks if isinstance(block, Lines)}
    html = render_page(
        Path(__file__).with_name('report.html'), title=title.replace('`', ''),
        sentences=sentences, blocks=blocks,
        plots={title: data_uri('image/svg+xml', plot) for title, plot in plots.items()})
    for path in (page, text):
        path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'# {title}', '', *(f'- {escaped(each)}' for each in sentences)]
    numbers = {title: number for number, title in enumerate(plots, 1)}
    for block in blocks:
        lines += ['', f'## {escaped(block.title)}', '', escaped(block.note), '']
        if isinstance(block, Table):
            lines += markdown(block)
        else:
            plot = text.with_name(f'{text.stem}_{numbers[block.title]}.svg')
            with atomic_write(plot) as file:
                file.write(plots[block.title])
            lines.append(f'![{escaped(block.title)}]({plot.name})')
    for path, content in ((page, html), (text, '\n'.join(lines) + '\n')):
        with atomic_write(path) as file:
            file.write(content.encode())


def describe(results: Results, out: Path) -> list[str]:
    """What was run, and how to read the intervals."""
    runs = list(results.rows)
    iterations = {recognizer: sorted({row['iterations'] for run, row in results.rows.items()
                                      if run.recognizer == recognizer})
                  for recognizer in results.named('recognizer')}
    uneven = [name for name, counts in iterations.items() if len(counts) > 1]
    tested = sorted({row['n_test'] for row in results.rows.values()})
    seeds = Counter(len(results.seeds(run.recognizer, run.training_set, run.ratio,
                                      run.synthetic_per_real)) for run in runs)
    forms = sorted({row.get('form', '') for row in results.rows.values()} - {''})
    return [
        f'{len(runs)} trainings ({out.name}), {min(seeds)} to {max(seeds)} seeds each; '
        f'{tested[0]} to {tested[-1]} test videos of {len(results.resamples.groups)} patients '
        f'(groups) in all; recognizers in their {" and ".join(forms)} form; '
        f'mixes with {results.usual_times:g} synthetic clips per real one.',
        'Iterations, the same for every training set: '
        + ', '.join(f'{name} {"/".join(map(str, counts))}' for name, counts in iterations.items())
        + (f'. NOT the same within {", ".join(uneven)}: such rows must not be compared.'
           if uneven else '.'),
        'A seed draws split, generator, clips and recognizer. Intervals are percentiles of a '
        'bootstrap that resamples seeds and patients, crossed (the pigeonhole bootstrap, '
        'Owen 2007), and the same resamples serve every figure, so differences are paired. '
        'In this bootstrap the variance of what seeds do as a whole comes out a share of 1/seeds '
        'too small, that of the noise of a single training up to three times too '
        'large: where trainings are noisy, intervals are too wide.',
        'Many comparisons stand below: of twenty without any difference, one is marked * by '
        'chance.',
    ]


def markdown(table: Table) -> list[str]:
    """Lines of a Markdown table."""
    def line(cells: list[str]) -> str:
        return '| ' + ' | '.join(map(escaped, cells)) + ' |'

    return [line(table.header), '|' + '---|' * len(table.header), *map(line, table.rows)]


def draw(block: Lines) -> bytes:
    """A plot as SVG, the same bytes every time."""
    figure = Figure(figsize=(6.4, 3.6), layout='constrained')
    axes = figure.subplots()
    axes.axhline(0, color=GREY, linewidth=0.8)
    for number, (name, points) in enumerate(block.points.items()):
        x, y, low, high = zip(*points, strict=True)
        shift = 1 + 0.006 * (number - len(block.points) / 2)         # bars beside each other
        axes.errorbar([each * shift for each in x], y,
                      yerr=[[a - b for a, b in zip(y, low, strict=True)],
                            [b - a for a, b in zip(y, high, strict=True)]],
                      label=name, marker='o', markersize=4, capsize=2, linewidth=1.2)
    axes.set_xlabel(block.x, color=GREY)
    axes.set_ylabel(block.y, color=GREY)
    axes.tick_params(colors=GREY)
    axes.spines[['top', 'right']].set_visible(False)
    axes.spines[['left', 'bottom']].set_color(GREY)
    figure.legend(loc='outside right center', frameon=False, labelcolor=GREY, fontsize=8)
    buffer = io.BytesIO()
    with rc_context({'svg.hashsalt': 'lddm_aug'}):
        figure.savefig(buffer, format='svg', transparent=True, metadata={'Date': None})
    return buffer.getvalue()
