"""Compare how well generators did on held-out clips while they were trained.

    lddm-aug curves scratch=work_dirs/a fine_tuned=work_dirs/b --out curves.json

Prints a Markdown table of the autoencoder's PSNR, and writes the rows and a chart beside them.
"""
from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the trainings and the file of their rows."""
    parser.add_argument('trainings', nargs='+', type=_named, metavar='[NAME=]DIR',
                        help='--work-dir of lddm-aug train-generator, named in table and chart by '
                             'its folder or by NAME; or a file that was written so')
    parser.add_argument('--out', type=Path, default=Path('curves.json'), metavar='JSON',
                        help='file for the rows; a chart goes beside it; default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Write rows and chart, and print the table."""
    from lddm_aug.experiments.curves import read_curves, write_curves

    print('\n'.join(write_curves(read_curves(args.trainings), args.out)))


def _named(text: str) -> tuple[str, Path]:
    name, _, folder = text.rpartition('=')
    return name or Path(folder).name, Path(folder)
