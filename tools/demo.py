"""The main job in one command: a generator, its clips, three recognizers and a report.

    python tools/demo.py                                              on the phantom
    python tools/demo.py --videos videos.csv --stills stills.csv      on your own data

Stopped, it goes on where it was when it is called again in the same way.
"""
from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from lddm_aug.cli import friendly_errors
from lddm_aug.experiments.demo.flow import QUICK, Budget, Demo, run

CONFIGS = Path(__file__).parents[1] / 'mmaction_configs'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--videos', type=Path, metavar='CSV',
                        help='columns path, label, group and, if the split is given, split '
                             '(train or test)')
    parser.add_argument('--stills', type=Path, metavar='CSV',
                        help='columns path, label, group and, for a frame of a video, frame')
    parser.add_argument('--data-root', type=Path, metavar='DIR',
                        help="folder the paths are relative to; default: each table's own")
    parser.add_argument('--skip-bad', action='store_true',
                        help='leave out files that cannot be used; the report lists them')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), metavar='DIR',
                        help='default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='of everything random; default: 0')
    parser.add_argument('--fresh', action='store_true', help='do again what was done before')
    parser.add_argument('--quick', action='store_true',
                        help='hardly any training: shows that everything runs, nothing else')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with friendly_errors():
        results = run(Demo(
            configs=CONFIGS, work_dir=args.work_dir, command=shlex.join(['python', *sys.argv]),
            videos=args.videos, stills=args.stills, data_root=args.data_root,
            skip_bad=args.skip_bad, seed=args.seed, fresh=args.fresh,
            budget=QUICK if args.quick else Budget()))
        print('\ntraining set    accuracy  F1 macro')
        for row in results['recognition']:
            print(f'{row["training_set"]:<14}  {row["accuracy"]:>8.2f}  {row["f1_macro"]:>8.2f}')
        print(f'\n{args.work_dir / "report.html"}')


if __name__ == '__main__':
    main()
