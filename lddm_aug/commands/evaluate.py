r"""Compare a generator's clips with real clips of held-out groups.

    lddm-aug train --recognizer r3d --data phantom
    lddm-aug evaluate work_dirs/lddm/phantom/package --videos data/phantom/videos.csv \
        --fd-config work_dirs/r3d_phantom_real/recognizer.py \
        --fd-checkpoint work_dirs/r3d_phantom_real/iter_200.pth --out work_dirs/evaluation --card
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lddm_aug.commands.arguments import (
    A_PACKAGE,
    add_data_root,
    add_device,
    add_reference_fps,
)
from lddm_aug.extras import require_extra

if TYPE_CHECKING:
    from lddm_aug.evaluation.recognizer_features import RecognizerFeatures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the package, the videos and what is compared."""
    parser.add_argument('package', metavar='PACKAGE', help=A_PACKAGE)
    parser.add_argument('--videos', required=True, metavar='CSV',
                        help='columns path, label, group and, without --split-file, split')
    parser.add_argument('--split', default='test', metavar='NAME',
                        help='held-out videos; default: %(default)s')
    parser.add_argument('--train-split', default='train', metavar='NAME',
                        help='videos that the generator was trained on; default: %(default)s')
    parser.add_argument('--split-file', metavar='CSV', help='of lddm-aug split')
    add_data_root(parser)
    add_reference_fps(parser)
    parser.add_argument('--out', required=True, type=Path, metavar='DIR')
    parser.add_argument('--card', action='store_true',
                        help="put the figures into the package's model card as well")
    parser.add_argument('--fd-config', metavar='CONFIG',
                        help='recognizer for FD-<its name>: its name or its file')
    parser.add_argument('--fd-checkpoint', metavar='PTH', help='its checkpoint')
    parser.add_argument('--segments', type=int, default=2, metavar='N',
                        help='clips of each held-out video; default: %(default)s')
    parser.add_argument('--train-segments', type=int, default=3, metavar='N',
                        help='clips of each training video; default: %(default)s')
    parser.add_argument('--perceptual-frames', type=int, default=0, metavar='N',
                        help='frames of a clip for LPIPS and VGG; default: all but the first')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='default: %(default)s')
    add_device(parser)


def add_slow_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the networks that are registered."""
    from lddm_aug.commands.network_arguments import add_network_arguments

    add_network_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Measure the clips of a package, write the report and print its table."""
    require_extra('report', 'the report', 'matplotlib')
    from lddm_aug.commands.network_arguments import load_networks
    from lddm_aug.evaluation.clip_set import generate_clip_set, read_split
    from lddm_aug.evaluation.synthesis import evaluate_synthesis
    from lddm_aug.evaluation.synthesis_metrics import SynthesisOptions
    from lddm_aug.evaluation.synthesis_report import PAGE, print_table, table_rows, write_report
    from lddm_aug.generators.hub import is_on_hub
    from lddm_aug.generators.model_card import write_figures
    from lddm_aug.generators.package import load_package, read_card

    if args.card and is_on_hub(args.package):
        raise ValueError(f'--card: {args.package} is on the Hub; pull it into a folder, and push '
                         'that again')
    options = SynthesisOptions(seed=args.seed, perceptual_frames=args.perceptual_frames)
    generator = load_package(args.package, args.device)
    stride = generator.frame_stride
    networks = load_networks(args, stride) | _load_recognizer(args, stride)
    real, training = (
        read_split(args.videos, split, generator, segments, args.seed, args.data_root,
                   args.split_file, args.reference_fps)
        for split, segments in ((args.split, args.segments),
                                (args.train_split, args.train_segments)))
    generated = generate_clip_set(generator, real, args.seed)
    results = evaluate_synthesis(generator, real, training, networks, options, generated)
    write_report(args.out, results, generated, real, training,
                 f'{type(generator).__name__} of {args.package}')
    if args.card:
        write_figures(Path(args.package), read_card(args.package), len(real),
                      len({*real.groups}), [row._asdict() for row in table_rows(results)])
    print(print_table(results))
    print(f'\n{args.out / PAGE}')


def _load_recognizer(args: argparse.Namespace, frame_stride: float
                     ) -> dict[str, RecognizerFeatures]:
    from lddm_aug.configs import find_config
    from lddm_aug.evaluation.recognizer_features import RecognizerFeatures

    if (args.fd_config is None) != (args.fd_checkpoint is None):
        raise ValueError('--fd-config and --fd-checkpoint belong together; give both or neither')
    if args.fd_config is None:
        return {}
    return dict(fd=RecognizerFeatures(str(find_config(args.fd_config)), args.fd_checkpoint,
                                      frame_stride, args.device))
