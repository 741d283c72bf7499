"""Does a generator do what it is told?  Asked against measured, on stills that it never saw.

    lddm-aug steering work_dirs/lddm/phantom/package --data data/phantom
    lddm-aug steering DIR/package --data data/mine --condition-guidance motion=3 --out steering.json

Of every measured condition the rank correlation of what was asked for with what the clips show; how
much the motion of clips varies for which nothing is set; and on simulated sweeps whether a lesion
moves as the class that was told.
"""
from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from lddm_aug.commands.arguments import A_PACKAGE, KeyNumber, add_data_root, add_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the package, the data and the file of the rows."""
    parser.add_argument('package', metavar='PACKAGE', help=A_PACKAGE)
    parser.add_argument('--data', type=Path, required=True, metavar='DIR',
                        help='prepared folder: stills.csv, and videos.csv for true clips')
    parser.add_argument('--split', default='test', metavar='NAME',
                        help='of the held-out videos; default: %(default)s')
    add_data_root(parser)
    parser.add_argument('--condition-guidance', nargs='+', action=KeyNumber, default={},
                        metavar='NAME=W', help='above 1, clips obey this condition more; it counts '
                                               'where values are asked for')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='default: %(default)s')
    add_device(parser)
    parser.add_argument('--out', type=Path, default=Path('steering.json'), metavar='JSON',
                        help='file that the rows are put into; default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Measure, print every figure, and put the rows into the file."""
    from lddm_aug.data.annotations import read_annotations
    from lddm_aug.evaluation.clip_set import read_split
    from lddm_aug.experiments.steering import Stills, measure_steering, put_rows
    from lddm_aug.generators.lddm import LDDMGenerator
    from lddm_aug.generators.package import load_package

    generator = load_package(args.package, args.device)
    if not isinstance(generator, LDDMGenerator) or not generator.conditions:
        raise ValueError(f'{args.package}: cannot be told anything; train LDDM with --conditions')
    stills = Stills.read(read_annotations(args.data / 'stills.csv', args.data_root), generator)
    real = read_split(args.data / 'videos.csv', args.split, generator, segments=2, seed=args.seed,
                      data_root=args.data_root)
    command = shlex.join(['lddm-aug', *sys.argv[1:]])
    rows = []
    for row in measure_steering(generator, stills, real, (args.data / 'phantom.json').is_file(),
                                args.condition_guidance, args.seed):
        between = '' if row['low'] is None else f' [{row["low"]:.3g}, {row["high"]:.3g}]'
        print(f'{row["what"]}: {row["value"]:.3g}{between}, {row["n"]} clips', flush=True)
        rows.append(row | dict(data=args.data.name, command=command))
    put_rows(args.out, rows)
    print(args.out)
