"""The file of Table 1's rows, and how it is printed beside the paper's."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from lddm_aug.evaluation.cost import FLOP_CONVENTION
from lddm_aug.evaluation.synthesis_metrics import registered_metrics
from lddm_aug.files import atomic_write
from lddm_aug.json_files import read_json
from lddm_aug.versions import run_versions

# what is compared by default, in this order
GENERATORS = ('lddm', 'cinn', 'cinn_paper', 'repeat_still', 'random_warp', 'motion_transfer')
# Chen, Shi et al. 2024, Table 1: BUSV, conditioned on the first frame; which DIV isn't stated.
PAPER = {'cinn': dict(fvd=58.98, dtfvd=0.62, lpips=0.33, div=2.23),
         'lddm': dict(fvd=53.82, dtfvd=0.58, lpips=0.32, div=1.07)}
COSTS = {'gflop_per_clip': 'GFLOP', 'clips_per_second': 'clips/s'}


def read_results(file: Path, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the file, or nothing yet.

    Args:
        protocol: what all rows have in common: rows that differ in it cannot be compared.

    Raises:
        ValueError: if the file holds something else, or rows of another protocol.
    """
    if not file.is_file():
        return dict(rows=[], sampler_steps=[], temperatures=[], paper=PAPER, protocol=protocol)
    results = load_results(file)
    now, before = json.loads(json.dumps(protocol)), results['protocol']
    if before != now and any(results[key] for key in ('rows', 'sampler_steps', 'temperatures')):
        changed = sorted(key for key in before | now if now.get(key) != before.get(key))
        raise ValueError(f'Table1: the rows in {file} were measured in another way '
                         f'({", ".join(changed)} differ); name another --out, or remove it')
    return results | dict(paper=PAPER, protocol=protocol)


def load_results(file: Path) -> dict[str, Any]:
    """What stands in the file, measured in whatever way.

    Raises:
        FileNotFoundError: if it isn't there.
        ValueError: if it holds something else.
    """
    row = {'generator': str, 'seed': object, 'identity': str}
    try:
        return dict(temperatures=[]) | read_json(file, {
            'rows': [row], 'sampler_steps': [row], 'temperatures?': [row], 'protocol': dict},
            'it was changed')
    except ValueError as error:
        raise ValueError(f'Table1: {file} holds no results of this tool ({error}); name '
                         'another --out, or remove it') from error


def add_row(file: Path, kind: str, row: dict[str, Any], protocol: Mapping[str, Any],
            command: str) -> dict[str, Any]:
    """Put a row into the file, beside those that other commands wrote meanwhile → what it holds.

    Args:
        kind: `rows`, `sampler_steps` or `temperatures`.
        row: it takes the place of the older one, and stands in the paper's order.
        protocol: as for `read_results`.
        command: with which it was made.

    Raises:
        ValueError: as `read_results`.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f'.{file.name}.lock')):
        results = read_results(file, protocol)
        _put(results[kind], row)
        results |= dict(command=command, versions=run_versions())
        with atomic_write(file) as out:
            out.write(json.dumps(results, indent=1).encode() + b'\n')
    return results


def _put(rows: list[dict[str, Any]], row: dict[str, Any]) -> None:
    def place(row: Mapping[str, Any]) -> tuple:
        return order.index(row['generator']), row['seed'], sampling_of(row) or 0

    order = in_order(each['generator'] for each in [*rows, row])
    rows[:] = sorted([other for other in rows if place(other) != place(row)] + [row], key=place)


def in_order(names: Iterable[str]) -> list[str]:
    """Names of generators without repetitions: the usual ones in the paper's order, then others."""
    found = set(names)
    return [*(name for name in GENERATORS if name in found), *sorted(found - {*GENERATORS})]


def sampling_of(row: Mapping[str, Any]) -> float | None:
    """The steps, or the temperature, of a row that stands beside the table; None for its own."""
    return row.get('steps', row.get('temperature'))


def format_table1(results: Mapping[str, Any]) -> str:
    """The mean over seeds of every figure, ± its standard deviation; then the paper's rows."""
    rows, columns = results['rows'], table_columns()
    shown = [key for key in columns if any(row.get(key) is not None for row in rows)]
    lines = [['generator', 'seeds', *(columns[key] for key in shown)]]
    for name in in_order(row['generator'] for row in rows):
        same = [row for row in rows if row['generator'] == name]
        lines.append([name, str(len(same)), *(mean_over_seeds(same, key) for key in shown)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [' '.join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines]
    for name, figures in PAPER.items():
        text.append(f'the paper, {name}: ' + ', '.join(
            f'{columns[key]} {value:g}' for key, value in figures.items()))
    return '\n'.join([*text, *_conclusions(results)])


def table_columns() -> dict[str, str]:
    """Key of a row → heading."""
    return {metric.name: metric.title for metric in registered_metrics() if metric.title} | COSTS


def mean_over_seeds(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    """A figure of one generator ± its standard deviation; a dash where it can't be given."""
    values = [row[key] for row in rows if row.get(key) is not None]
    machines = {row.get('machine') for row in rows}
    if not values or (key == 'clips_per_second' and len(machines) > 1):
        return '-'
    spread = f'±{np.std(values, ddof=1):.2g}' if len(values) > 1 else ''
    return f'{np.mean(values):.3g}{spread}'


def _conclusions(results: Mapping[str, Any]) -> Iterator[str]:
    """What the figures are called, and how LDDM and its baseline compare."""
    rows = results['rows']
    for metric in registered_metrics():
        variants = sorted({row[metric.variant] for row in rows if row.get(metric.variant)})
        if variants not in ([], [metric.title]):
            yield f'{metric.title}: {", ".join(variants)}'
    for metric in registered_metrics():
        yield from metric.conclusions(rows)
    yield f'GFLOP: per clip, {FLOP_CONVENTION}; clips/s: one process on one thread or one GPU'
    fd = {name: [row['fd'] for row in rows if row['generator'] == name and row['fd'] is not None]
          for name in PAPER}
    if all(fd.values()):
        yield (f"LDDM's FD is {np.mean(fd['lddm']) / np.mean(fd['cinn']):.2f} × cINN's; "
               f"the paper's FVD is {PAPER['lddm']['fvd'] / PAPER['cinn']['fvd']:.2f} ×")
    for machine in sorted({row['machine'] for row in rows if 'machine' in row}):
        rates = {name: [row['clips_per_second'] for row in rows
                        if (row['generator'], row.get('machine')) == (name, machine)]
                 for name in ('lddm', 'cinn_paper')}
        if all(rates.values()):
            ratio = np.mean(rates['lddm']) / np.mean(rates['cinn_paper'])
            yield (f'LDDM makes {ratio:.1f} × as many clips per second as the published cINN, '
                   f'on {machine}')
    for row in results['sampler_steps']:
        yield f'LDDM, seed {row["seed"]}, {row["steps"]} steps: ' + '; '.join(
            f'{title} {row[figure]:.3g}, {row[f"{figure}_default"]:.3g} with '
            f'{row["default_steps"]} ({row[f"{figure}_change"]:+.1%})'
            for figure, title in (('fd', 'FD'), ('fd_tempo', 'FD-tempo')) if figure in row)
    for temperature in sorted({row['temperature'] for row in results.get('temperatures', ())}):
        calm = [row for row in results['temperatures'] if row['temperature'] == temperature]
        yield f'LDDM at temperature {temperature:g}, {len(calm)} seeds: ' + ', '.join(
            f'{title} {mean_over_seeds(calm, key)}' for key, title in table_columns().items()
            if any(row.get(key) is not None for row in calm))
