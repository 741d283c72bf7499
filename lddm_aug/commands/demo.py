"""Run the main job: a generator, its clips, three recognizers and a report.

    lddm-aug demo                                                 on simulated sweeps
    lddm-aug demo --quick                                         does everything run here?
    lddm-aug demo --videos videos.csv --stills stills.csv         on your own data

Interrupted, it resumes where it was when it is called again in the same way.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.commands.arguments import add_data_root, typed
from lddm_aug.extras import require_extra


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the tables, the work dir and how much is trained."""
    parser.add_argument('--videos', type=Path, metavar='CSV',
                        help='columns path, label, group and, if the split is given, split '
                             '(train or test); default: simulated sweeps')
    parser.add_argument('--stills', type=Path, metavar='CSV',
                        help='columns path, label, group and, for a frame of a video, frame')
    add_data_root(parser, "each table's own")
    parser.add_argument('--skip-bad', action='store_true',
                        help='leave out files that cannot be used; the report lists them')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), metavar='DIR',
                        help='default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, metavar='N',
                        help='of everything random; default: %(default)s')
    parser.add_argument('--fresh', action='store_true', help='do again what was done before')
    parser.add_argument('--quick', action='store_true',
                        help='a minute in place of twelve: shows that everything works here, and '
                             'trains too little to learn anything')


def run(args: argparse.Namespace) -> None:
    """Run the demo and print the scores of each training set."""
    require_extra('report', 'the report', 'matplotlib')
    from lddm_aug.experiments.demo import flow

    results = flow.run(flow.Demo(
        work_dir=args.work_dir, command=typed(),
        videos=args.videos, stills=args.stills, data_root=args.data_root,
        skip_bad=args.skip_bad, seed=args.seed, fresh=args.fresh,
        budget=flow.QUICK if args.quick else flow.Budget()))
    print('\ntraining set    accuracy  F1 macro')
    for row in results['recognition']:
        print(f'{row["training_set"]:<14}  {row["accuracy"]:>8.2f}  {row["f1_macro"]:>8.2f}')
    if results['note']:
        print(f'\n{results["note"]}')
    print(f'\n{args.work_dir / "report.html"}')
