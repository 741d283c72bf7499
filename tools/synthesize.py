"""Turn labelled stills into a store of clips.

    python tools/synthesize.py work_dirs/lddm/phantom/package --stills stills.csv --out store

Stopped, it goes on where it was when it is called again in the same way.
"""
from __future__ import annotations

import argparse

import torch

from lddm_aug.cli import add_device_argument, friendly_errors
from lddm_aug.data.annotations import read_annotations
from lddm_aug.evaluation.cost import describe_cost
from lddm_aug.generators.package import load_package
from lddm_aug.synthesis.synthesize import synthesize


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('package', help='folder of a generator package')
    parser.add_argument('--stills', required=True, metavar='CSV',
                        help='columns path, label, group and, for a frame of a video, frame')
    parser.add_argument('--out', required=True, metavar='STORE',
                        help='a new folder, or an unfinished store of the same clips')
    parser.add_argument('--data-root', help="folder the paths are relative to; default: the CSV's")
    parser.add_argument('--per-still', type=int, default=1, metavar='N',
                        help='clips made from each still; default: 1')
    parser.add_argument('--seed', type=int, default=0)
    add_device_argument(parser)
    parser.add_argument('--batch-size', type=int, default=8, help='clips made at once; default: 8')
    parser.add_argument('--workers', type=int, metavar='N',
                        help='processes that make clips on the CPU; default: one per core')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with friendly_errors():
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


if __name__ == '__main__':
    main()
