"""Draw the splits of a prepared data set: patients whole, classes in proportion.

    lddm-aug split data/busv                                      7:3, 5:5 and 3:7
    lddm-aug split data/busv --seeds 0 1 2 --folds 5
    lddm-aug train tsm_busv_real --split 3_7_seed1
    lddm-aug split data/busv --roles 60 100 28 --seeds 0 1 2      who gives videos, stills, the test

It divides the table videos.csv, or stills.csv where there is no other, and writes files such as
splits/7_3_seed0.csv beside it.
"""
from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lddm_aug.commands.arguments import add_data_root, at_least

if TYPE_CHECKING:
    from lddm_aug.data.splits import UnsplitTable

RISK = ('By video, not by patient: videos of one patient can stand in training and in test, so a '
        'network can recognize the patient instead of the disease, and its scores come out too '
        'high. Take such splits only to compare with work that did the same, and say so. Training '
        'refuses them unless DataGuardHook is given allow_leakage=True.')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the prepared folder, and the ratios or folds."""
    parser.add_argument('folder', type=Path, metavar='DIR',
                        help='with the table videos.csv or stills.csv')
    how = parser.add_mutually_exclusive_group()
    how.add_argument('--ratios', nargs='+', default=['7:3', '5:5', '3:7'], metavar='TRAIN:TEST',
                     help='default: 7:3 5:5 3:7')
    how.add_argument('--folds', type=int, metavar='K', help='each of K parts the test once')
    how.add_argument('--roles', nargs='*', type=at_least(1), metavar='N',
                     help='deal the groups of all videos anew: so many give videos, so many stills '
                          'and so many the test; default: as many as now')
    parser.add_argument('--seeds', nargs='+', type=at_least(0), default=[0], metavar='N',
                        help='one split each; default: 0')
    parser.add_argument('--audit', type=Path, metavar='JSON',
                        help='of lddm-aug audit: keep together what it found to show the same')
    add_data_root(parser)
    parser.add_argument('--by-video', action='store_true',
                        help="the paper's way, which lets a patient stand on both sides; the "
                             'files are named so')


def run(args: argparse.Namespace) -> None:
    """Write every split into the folder splits, and print its shares of classes."""
    from lddm_aug.data.splits import UnsplitTable, fold_name, ratio_name, write_split

    if args.roles is not None:
        _deal(args)
        return
    table, stills = args.folder / 'videos.csv', args.folder / 'stills.csv'
    if stills.is_file() and not table.is_file():
        table, stills = stills, table
    drawn = UnsplitTable.read(table, stills if stills.is_file() else None, args.audit,
                              args.data_root)
    if args.by_video:
        print(RISK)
        drawn = replace(drawn, groups=[str(row.path) for row in drawn.rows],
                        training_groups=frozenset())
    if drawn.training_groups:
        print(f'{len(drawn.training_groups)} groups have stills, which are training data, and so '
              'stay in training')

    for seed in args.seeds:
        splits = ({fold_name(fold, args.folds, seed): split
                   for fold, split in enumerate(drawn.in_folds(args.folds, seed), 1)}
                  if args.folds else
                  {ratio_name(ratio, seed): drawn.in_ratio(ratio, seed) for ratio in args.ratios})
        for name, split in splits.items():
            name += '_by_video' * args.by_video
            write_split(args.folder / 'splits' / f'{name}.csv', drawn.paths, split)
            _show(name, drawn, split)


def _deal(args: argparse.Namespace) -> None:
    """Write the tables of every deal of roles into the folder roles."""
    from lddm_aug.data.roles import ROLES, draw_roles, read_pool, write_roles

    rows, counts = read_pool(args.folder, args.data_root)
    if args.roles:
        if len(args.roles) != len(ROLES):
            raise ValueError('--roles: takes three numbers of groups, for videos, stills and test, '
                             f'or none, but got {len(args.roles)}')
        counts = dict(zip(ROLES, args.roles, strict=True))
    for seed in args.seeds:
        roles = draw_roles(rows, counts, seed)
        out = args.folder / 'roles' / f'seed{seed}'
        write_roles(out, rows, roles, args.data_root or args.folder)
        for role in ROLES:
            of_role = Counter(row.label for row in rows if roles.get(row.group) == role)
            shares = ', '.join(f'{count} {label}' for label, count in sorted(of_role.items()))
            print(f'{out}  {role:6}  {shares}; {counts[role]} groups')


def _show(name: str, drawn: UnsplitTable, split: Sequence[str]) -> None:
    counts = Counter(zip(split, drawn.labels, strict=True))
    for part in ('train', 'test'):
        in_part = {group for group, side in zip(drawn.groups, split, strict=True) if side == part}
        shares = ', '.join(f'{counts[part, label]} {label}' for label in sorted({*drawn.labels}))
        print(f'{name:24} {part:5}  {shares}; {len(in_part)} groups')
