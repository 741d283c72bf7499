"""Turn labelled stills into a store of clips.

    lddm-aug synthesize work_dirs/lddm/phantom/package --stills stills.csv --out store

Interrupted, it resumes where it was when it is called again in the same way.
"""
from __future__ import annotations

import argparse

from lddm_aug.commands.arguments import A_PACKAGE, add_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('package', metavar='PACKAGE', help=A_PACKAGE)
    parser.add_argument('--stills', required=True, metavar='CSV',
                        help='columns path, label, group and, for a frame of a video, frame')
    parser.add_argument('--out', required=True, metavar='STORE',
                        help='a new folder, or an unfinished store of the same clips')
    parser.add_argument('--data-root', metavar='DIR',
                        help="folder the paths are relative to; default: the table's own")
    parser.add_argument('--per-still', type=int, default=1, metavar='N',
                        help='clips made from each still; default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='default: %(default)s')
    add_device(parser)
    parser.add_argument('--batch-size', type=int, default=8, metavar='N',
                        help='clips made at once; default: %(default)s')
    parser.add_argument('--workers', type=int, metavar='N',
                        help='processes that make clips on the CPU; default: one per core')


def run(args: argparse.Namespace) -> None:
    import torch

    from lddm_aug.data.annotations import read_annotations
    from lddm_aug.evaluation.cost import describe_cost
    from lddm_aug.generators.package import load_package
    from lddm_aug.synthesis.synthesize import synthesize

    generator = load_package(args.package, args.device)
    rows = read_annotations(args.stills, args.data_root)
    cores = torch.get_num_threads() if args.device == 'cpu' else 0
    summary = synthesize(
        generator, rows, args.out, per_still=args.per_still, seed=args.seed,
        batch_size=args.batch_size, workers=cores if args.workers is None else args.workers)
    if summary.made:
        print(f'{summary.made} clips in {summary.seconds:.1f} s '
              f'({summary.clips_per_second:.2f} per second, {describe_cost(generator)}); '
              f'{args.out} holds {summary.clips}')
    else:
        print(f'nothing to do: {args.out} holds all {summary.clips} clips')
