"""Make the paper's Table 1 again: train every generator, measure it, print it beside the paper's.

    lddm-aug table1 --data phantom
    lddm-aug table1 --data phantom --generators lddm --seeds 1 --redo     one row again
    lddm-aug table1 --draw docs/results/table1_phantom.json               its chart alone

Interrupted, it resumes where it was when it is called again in the same way.
"""
from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lddm_aug.commands.arguments import add_cfg_options, add_device, typed
from lddm_aug.extras import require_extra


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the data, the generators and what is measured."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--data', metavar='NAME',
                      help='busv, covid_blues, phantom, or a prepared folder')
    what.add_argument('--draw', type=Path, metavar='JSON',
                      help='run nothing: draw the Fréchet distances of rows that were measured, '
                           'beside them')
    parser.add_argument('--generators', nargs='+', metavar='RECIPE',
                        help="names of recipes, or files; default: the paper's and the controls")
    parser.add_argument('--seeds', nargs='+', type=int, default=(0, 1, 2), metavar='N',
                        help='default: 0 1 2')
    parser.add_argument('--size', type=int, metavar='PIXELS', help="default: the data's")
    parser.add_argument('--sampler-steps', nargs='+', type=int, default=(), metavar='N',
                        help="also compare LDDM's own number of steps with these")
    parser.add_argument('--temperatures', nargs='+', type=float, default=(), metavar='X',
                        help='also measure LDDM at these temperatures; below 1 it moves less')
    parser.add_argument('--recognizers', type=int, default=5, metavar='N',
                        help='networks over which the Fréchet distances are averaged, trained '
                             'from as many seeds; default: %(default)s')
    parser.add_argument('--amp', action='store_true',
                        help='train in mixed precision, on a GPU or a CPU with bfloat16')
    add_cfg_options(parser, 'with STAGE. before the key: put into every generator that has this '
                            'stage, as diffusion.train_cfg.max_iters=500')
    parser.add_argument('--redo', action='store_true',
                        help='measure rows again; finished trainings stay')
    parser.add_argument('--work-dir', type=Path, metavar='DIR',
                        help='default: work_dirs/table1/DATA, or DATA_SIZE')
    parser.add_argument('--out', type=Path, metavar='JSON',
                        help='default: docs/results/table1_DATA.json, or table1_DATA_SIZE.json')
    parser.add_argument('--configs', type=Path, metavar='DIR',
                        help='default: those of lddm-aug')
    add_device(parser)


def add_slow_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the networks that are registered."""
    from lddm_aug.commands.network_arguments import add_network_arguments

    add_network_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Make the table, draw the distances and the losses, and print it."""
    if args.draw:
        from lddm_aug.experiments.table1.results import load_results

        print(_draw_distances(load_results(args.draw), args.draw))
        return
    require_extra('report', 'the chart of losses', 'matplotlib')
    from lddm_aug.commands.network_arguments import load_networks
    from lddm_aug.configs import config_root
    from lddm_aug.experiments.table1.results import GENERATORS, format_table1
    from lddm_aug.experiments.table1.table1 import Table1, make_table1, table_name
    from lddm_aug.files import atomic_write
    from lddm_aug.visualization.loss_curves import draw_losses

    name = table_name(args.data, args.size)
    if args.vgg:
        os.environ['VGG'] = args.vgg                 # with which the published cINN learns, too
    out = args.out or Path(f'docs/results/table1_{name}.json')
    results = make_table1(Table1(
        data=args.data, configs=args.configs or config_root(),
        work_dir=args.work_dir or Path('work_dirs/table1') / name,
        out=out,
        generators=args.generators or GENERATORS, seeds=args.seeds, size=args.size, amp=args.amp,
        cfg_options=args.cfg_options,
        sampler_steps=args.sampler_steps, temperatures=args.temperatures, redo=args.redo,
        recognizers=args.recognizers, networks=load_networks(args), device=args.device,
        command=typed()))
    if any(row.get('fd') is not None for row in results['rows']):
        _draw_distances(results, out)
    if (drawn := draw_losses(results['rows'])) is not None:
        with atomic_write(out.with_name(f'{out.stem}_losses.svg')) as file:
            file.write(drawn)
    print(format_table1(results))


def _draw_distances(results: Mapping[str, Any], rows: Path) -> Path:
    """Draw the chart beside the file of the rows; where it lies."""
    from lddm_aug.experiments.table1.chart import draw_distances
    from lddm_aug.files import atomic_write

    drawn = draw_distances(results)
    with atomic_write(chart := rows.with_suffix('.svg')) as file:
        file.write(drawn.encode())
    return chart
