"""Draw the splits of a prepared data set: patients whole, classes in proportion.

    lddm-aug split data/busv                                      7:3, 5:5 and 3:7
    lddm-aug split data/busv --seeds 0 1 2 --folds 5
    SPLIT=3_7_seed1 lddm-aug train tsm_busv_real

It divides the table videos.csv, or stills.csv where there is no other, and writes files such as
splits/7_3_seed0.csv beside it.
"""
from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lddm_aug.commands.arguments import at_least

if TYPE_CHECKING:
    from lddm_aug.data.annotations import Annotation

RISK = ('By video, not by patient: videos of one patient can stand in training and in test, so a '
        'network can recognize the patient instead of the disease, and its scores come out too '
        'high. Take such splits only to compare with work that did the same, and say so. Training '
        'refuses them unless DataGuardHook is given allow_leakage=True.')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, metavar='DIR',
                        help='with the table videos.csv or stills.csv')
    how = parser.add_mutually_exclusive_group()
    how.add_argument('--ratios', nargs='+', default=['7:3', '5:5', '3:7'], metavar='TRAIN:TEST',
                     help='default: 7:3 5:5 3:7')
    how.add_argument('--folds', type=int, metavar='K', help='each of K parts the test once')
    parser.add_argument('--seeds', nargs='+', type=at_least(0), default=[0], metavar='N',
                        help='one split each; default: 0')
    parser.add_argument('--audit', type=Path, metavar='JSON',
                        help='of lddm-aug audit: keep together what it found to show the same')
    parser.add_argument('--data-root', type=Path, metavar='DIR',
                        help="folder the paths are relative to; default: the table's own")
    parser.add_argument('--by-video', action='store_true',
                        help="the paper's way, which lets a patient stand on both sides; the "
                             'files are named so')


def run(args: argparse.Namespace) -> None:
    from lddm_aug.data.annotations import read_annotations
    from lddm_aug.data.audit_record import AuditRecord
    from lddm_aug.data.splits import (
        draw_folds,
        draw_ratio,
        join_groups,
        parse_ratio,
        write_split,
    )

    tables = [args.folder / name for name in ('videos.csv', 'stills.csv')]
    table = next((table for table in tables if table.is_file()), tables[0])
    rows = read_annotations(table, args.data_root)
    root = (args.data_root or args.folder).resolve()
    # relative, so that a data set that moves takes its splits along
    paths = [row.path.relative_to(root).as_posix() for row in rows]
    labels, groups = [row.label for row in rows], [row.group for row in rows]
    with_stills: set[str] = set()
    if table.name == 'videos.csv' and tables[1].is_file():
        with_stills = {row.group for row in read_annotations(tables[1], args.data_root)}
    if args.audit:
        groups = join_groups(groups, AuditRecord.read(args.audit).same_rows(rows))
    if args.by_video:
        print(RISK)
        groups = [str(row.path) for row in rows]
        with_stills = set()
    training = {group for row, group in zip(rows, groups, strict=True)
                if row.group in with_stills}
    if training:
        print(f'{len(training)} groups have stills, which are training data, and so stay '
              'in training')

    for seed in args.seeds:
        if args.folds:
            splits = {f'fold_{fold}_of_{args.folds}': split for fold, split in
                      enumerate(draw_folds(labels, groups, args.folds, seed, training), 1)}
        else:
            splits = {ratio.replace(':', '_'): draw_ratio(labels, groups, parse_ratio(ratio),
                                                          seed, training)
                      for ratio in args.ratios}
        for name, split in splits.items():
            name += f'_seed{seed}' + ('_by_video' if args.by_video else '')
            write_split(args.folder / 'splits' / f'{name}.csv', paths, split)
            _show(name, rows, groups, split)


def _show(name: str, rows: Sequence[Annotation], groups: Sequence[str],
          split: Sequence[str]) -> None:
    counts = Counter(zip(split, (row.label for row in rows), strict=True))
    for part in ('train', 'test'):
        in_part = {group for group, side in zip(groups, split, strict=True) if side == part}
        shares = ', '.join(f'{counts[part, label]} {label}'
                           for label in sorted({row.label for row in rows}))
        print(f'{name:24} {part:5}  {shares}; {len(in_part)} groups')
