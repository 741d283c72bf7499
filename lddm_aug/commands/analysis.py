"""Print how large and how costly models are, as a Markdown table.

    lddm-aug analysis
    lddm-aug analysis tdn_busv_real atmnet_busv_real
    lddm-aug analysis --time lddm/lddm lddm/cinn_paper --size 128
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.commands.arguments import add_data, choose_data
from lddm_aug.extras import require_extra


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the configs, the file of the table and whether speed is measured."""
    parser.add_argument('configs', nargs='*', metavar='CONFIG',
                        help='names of configs, or their files; default: all')
    parser.add_argument('--out', type=Path, metavar='FILE',
                        help='write the table into this file as well')
    parser.add_argument('--time', action='store_true',
                        help='measure also how many clips per second the generators make')


    add_data(parser)


def run(args: argparse.Namespace) -> None:
    """Print the table of costs, and write it where --out names a file."""
    require_extra('report', 'counting multiply-adds', 'fvcore')
    from lddm_aug.configs import config_names, find_config
    from lddm_aug.experiments.analysis import analyse, to_markdown
    from lddm_aug.files import atomic_write

    choose_data(args)
    configs = [find_config(name) for name in args.configs] or [
        find_config(name) for name in config_names()]
    table = to_markdown(analyse(configs, timed=args.time, skip=not args.configs))
    print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(args.out) as file:
            file.write(f'{table}\n'.encode())
