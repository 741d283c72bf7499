r"""Show real, reconstructed and generated clips side by side, in one HTML file.

    lddm-aug gallery work_dirs/lddm/phantom/package --videos data/phantom/videos.csv \
        --split test --out work_dirs/gallery.html
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.commands.arguments import (
    A_PACKAGE,
    KeyText,
    add_data_root,
    add_device,
    add_reference_fps,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the package, the videos and the page."""
    parser.add_argument('package', metavar='PACKAGE', help=A_PACKAGE)
    parser.add_argument('--videos', required=True, metavar='CSV',
                        help='columns path, label, group and, with --split, split')
    parser.add_argument('--split', metavar='NAME', help='show videos of this split only')
    add_data_root(parser)
    add_reference_fps(parser)
    parser.add_argument('--out', required=True, type=Path, metavar='HTML')
    parser.add_argument('--per-class', type=int, default=6, metavar='N',
                        help='videos shown of each class; default: %(default)s')
    parser.add_argument('--counterfactual', nargs='+', action=KeyText, default={},
                        metavar='NAME=VALUE',
                        help='show the clip of the same still and seed once more for each of '
                             'these, as label=malignant or motion=2, and what changes by it')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='default: %(default)s')
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Write a page of real, reconstructed and generated clips."""
    from lddm_aug.data.annotations import read_annotations, rows_of_split
    from lddm_aug.evaluation.gallery import write_gallery
    from lddm_aug.generators.package import load_package

    generator = load_package(args.package, args.device)
    rows = rows_of_split(read_annotations(args.videos, args.data_root), args.split, args.videos)
    write_gallery(args.out, generator, args.package, rows, args.per_class, args.seed,
                  args.reference_fps,
                  [{name: value} for name, value in args.counterfactual.items()])
    print(f'{args.out} is ready; open it in a browser')
