r"""Look for what is wrong with a data set before anything is trained on it.

    lddm-aug audit data/busv/videos.csv data/busi/stills.csv
    lddm-aug audit data/busv/videos.csv --splits data/busv/splits/7_3_seed0.csv \
        --generator work_dirs/lddm/busv/package

Writes audit.json and audit.html, by default into the folder audit beside the first table, where
training looks for them.  Ends with status 1 where training and test share a patient or a picture.
"""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from lddm_aug.commands.arguments import add_data_root, at_least


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the tables, and what decides which groups are trained on."""
    parser.add_argument('tables', nargs='+', type=Path, metavar='TABLE',
                        help='columns path, label, group and perhaps frame and split; where one '
                             'table is divided, one without splits holds training data')
    parser.add_argument('--splits', type=Path, metavar='CSV',
                        help='of lddm-aug split: divides the first table')
    parser.add_argument('--generator', metavar='PACKAGE',
                        help='whose training groups must not be tested on')
    add_data_root(parser, "each table's own")
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='default: the folder audit beside the first table')
    parser.add_argument('--counts', type=Path, metavar='JSON',
                        help='write here how many items are how, without the name of any, and '
                             'draw a chart beside it')
    parser.add_argument('--min-frames', type=at_least(1), default=16, metavar='N',
                        help='a shorter video is a fault; default: %(default)s')
    parser.add_argument('--jobs', type=at_least(1), default=os.cpu_count() or 1, metavar='N',
                        help='processes; default: one per core, here %(default)s')


def run(args: argparse.Namespace) -> None:
    """Write audit.json and audit.html; exit with status 1 where anything is shared."""
    from lddm_aug.audit.audit import audit, list_items, write_audit
    from lddm_aug.audit.counts import count_findings, write_counts
    from lddm_aug.audit.report import summarize, write_report
    from lddm_aug.data.audit_record import PLACE
    from lddm_aug.generators.package import load_package

    out = args.out or args.tables[0].parent / PLACE.parent
    items = list_items(args.tables, args.data_root, args.splits)
    groups = load_package(args.generator).groups if args.generator else ()
    found = audit(items, args.min_frames, args.jobs, groups)
    write_audit(out / PLACE.name, found, args.tables, args.splits)
    write_report(out / 'audit.html', found)
    if args.counts:
        write_counts(args.counts, count_findings(found))
    print('\n'.join(summarize(found)))
    print(f'See {out / "audit.html"}')
    if found['leaks']:
        sys.exit(1)
