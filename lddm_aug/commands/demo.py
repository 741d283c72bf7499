"""Run the main job: a generator, its clips, recognizers and a report.

    lddm-aug demo                                                 on simulated sweeps
    lddm-aug demo --quick                                         does everything run here?
    lddm-aug demo --videos videos.csv --stills stills.csv         on your own data
    lddm-aug demo --summarize DIR DIR --out demo.json             several demos together

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
                        help='of split, generator and clips; default: %(default)s')
    parser.add_argument('--phantom-seed', type=int, metavar='N',
                        help='of the simulated patients; default: --seed')
    parser.add_argument('--recognizer-seeds', type=int, nargs='+', metavar='N',
                        help='one training each, on every training set; default: 0 1 2')
    parser.add_argument('--fresh', action='store_true', help='do again what was done before')
    parser.add_argument('--quick', action='store_true',
                        help='a minute in place of twelve: shows that everything works here, and '
                             'trains too little to learn anything')
    parser.add_argument('--summarize', type=Path, nargs='+', metavar='PATH',
                        help='run nothing: bring demos of other --seed together, by their '
                             '--work-dir, or the rows in a file that was written so')
    parser.add_argument('--out', type=Path, default=Path('demo.json'), metavar='JSON',
                        help='file for the rows of --summarize; a chart goes beside it; '
                             'default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Run the demo and print the scores of each training set."""
    require_extra('report', 'the report', 'matplotlib')
    if args.summarize:
        from lddm_aug.experiments.demo.summary import read_runs, write_summary

        print('\n'.join(write_summary(read_runs(args.summarize), args.out)))
        return
    from lddm_aug.experiments.demo import flow

    results = flow.run(flow.Demo(
        work_dir=args.work_dir, command=typed(),
        videos=args.videos, stills=args.stills, data_root=args.data_root,
        skip_bad=args.skip_bad, seed=args.seed,
        phantom_seed=args.phantom_seed, recognizer_seeds=args.recognizer_seeds, fresh=args.fresh,
        budget=flow.QUICK if args.quick else flow.Budget()))
    print('\n'.join(['', *flow.summary_lines(results)]))
    if results['note']:
        print(f'\n{results["note"]}')
    print(f'\n{args.work_dir / "report.html"}')
