"""Make the paper's Tables 1 and 2 from BUSV and BUSI as they are downloaded.

    lddm-aug paper --busv BUSV --busi Dataset_BUSI_with_GT
    lddm-aug paper --busv BUSV --busi Dataset_BUSI_with_GT --quick    does everything run here?

It prepares both, looks for what is wrong with them, draws the splits, trains generators and
recognizers, and writes paper.html, paper.md, table1.json and table2.jsonl into --out.  In full it
takes a GPU and days; interrupted, it resumes when it is called again in the same way.
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from lddm_aug.commands.arguments import add_device, at_least, typed
from lddm_aug.extras import require_extra


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two data sets and the rows of both tables."""
    parser.add_argument('--busv', type=Path, required=True, metavar='DIR',
                        help='the videos as downloaded: holds rawframes/')
    parser.add_argument('--busi', type=Path, required=True, metavar='DIR',
                        help='the stills as downloaded: holds benign/ and malignant/')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/paper'), metavar='DIR',
                        help='default: %(default)s')
    parser.add_argument('--quick', action='store_true',
                        help='minutes in place of days: small networks that learn nothing, few '
                             'rows, in the folder quick of --out; the options below still count')
    parser.add_argument('--generators', nargs='+', metavar='NAME', help='rows of Table 1')
    parser.add_argument('--recognizers', nargs='+', metavar='NAME', help='of Table 2')
    parser.add_argument('--training-sets', nargs='+', metavar='NAME', help='of Table 2')
    parser.add_argument('--ratios', nargs='+', metavar='TRAIN:TEST',
                        help='of Table 2; Table 1 is of the first; default: 7:3 5:5 3:7')
    parser.add_argument('--seeds', nargs='+', type=at_least(0), metavar='N',
                        help='of both; more can be added later; default: 0 1 2')
    parser.add_argument('--synthetic-per-real', type=float, metavar='X',
                        help='of the mixes; default: 1')
    parser.add_argument('--jobs', type=at_least(1), default=1, metavar='N',
                        help='trainings of Table 2 at a time; default: %(default)s')
    parser.add_argument('--threads', type=at_least(1), metavar='N',
                        help='of each; default: as many as there are cores, divided by the jobs')
    add_device(parser)


def add_slow_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the networks that are registered."""
    from lddm_aug.commands.network_arguments import add_network_arguments

    add_network_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Make Tables 1 and 2, and print where they are."""
    require_extra('audit', 'the search for pictures that look alike')
    require_extra('report', 'the page')
    from lddm_aug.commands.network_arguments import load_networks
    from lddm_aug.experiments.paper.flow import QUICK, Paper, make_paper

    if not args.quick and args.device == 'cpu':
        print('There is no GPU: without --quick this takes weeks.', flush=True)
    if args.vgg:
        os.environ['VGG'] = args.vgg                 # with which the published cINN learns, too
    given: dict[str, Any] = {
        name: value for name in ('generators', 'recognizers', 'training_sets', 'ratios', 'seeds',
                                 'synthetic_per_real')
        if (value := getattr(args, name)) is not None}
    settings = (QUICK if args.quick else {}) | given
    print(make_paper(Paper(
        busv=args.busv, busi=args.busi, out=args.out, networks=load_networks(args),
        device=args.device, jobs=args.jobs,
        threads=args.threads or max(1, (os.cpu_count() or 1) // args.jobs), command=typed(),
        **settings)))
