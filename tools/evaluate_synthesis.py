"""How good are a generator's clips? Compares them with real clips of held-out groups.

    python tools/train.py mmaction_configs/r3d_phantom_real.py
    python tools/evaluate_synthesis.py work_dirs/lddm/phantom/package \\
        --videos data/phantom/videos.csv --split test --train-split train \\
        --fd-config mmaction_configs/r3d_phantom_real.py \\
        --fd-checkpoint work_dirs/r3d_phantom_real/iter_200.pth --out work_dirs/evaluation
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.cli import add_device_argument, friendly_errors
from lddm_aug.evaluation.clip_set import generate_clip_set, read_split
from lddm_aug.evaluation.network_arguments import add_network_arguments, load_networks
from lddm_aug.evaluation.recognizer_features import RecognizerFeatures
from lddm_aug.evaluation.synthesis import evaluate_synthesis
from lddm_aug.evaluation.synthesis_metrics import SynthesisOptions
from lddm_aug.evaluation.synthesis_report import PAGE, print_table, write_report
from lddm_aug.generators.package import load_package


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('package', help='folder of a generator package')
    parser.add_argument('--videos', required=True, metavar='CSV',
                        help='columns path, label, group and, without --split-file, split')
    parser.add_argument('--split', default='test', help='held-out videos; default: test')
    parser.add_argument('--train-split', default='train',
                        help='videos that the generator was trained on; default: train')
    parser.add_argument('--split-file', metavar='CSV', help='of tools/make_splits.py')
    parser.add_argument('--data-root', help="folder the paths are relative to; default: the CSV's")
    parser.add_argument('--reference-fps', type=float, metavar='FPS',
                        help='of the data set that the generator was trained on, if it has one; '
                             'needs the column fps; default: all videos have the same rate')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR')
    networks = add_network_arguments(parser)
    networks.add_argument('--fd-config', metavar='CONFIG', help='recognizer for FD-<its name>')
    networks.add_argument('--fd-checkpoint', metavar='PTH', help='its checkpoint')
    parser.add_argument('--segments', type=int, default=2, metavar='N',
                        help='clips of each held-out video; default: 2')
    parser.add_argument('--train-segments', type=int, default=3, metavar='N',
                        help='clips of each training video; default: 3')
    parser.add_argument('--perceptual-frames', type=int, default=0, metavar='N',
                        help='frames of a clip for LPIPS and VGG; default: all but the first')
    parser.add_argument('--seed', type=int, default=0)
    add_device_argument(parser)
    return parser.parse_args()


def load_recognizer(args: argparse.Namespace, frame_stride: float
                    ) -> dict[str, RecognizerFeatures]:
    if (args.fd_config is None) != (args.fd_checkpoint is None):
        raise ValueError('--fd-config and --fd-checkpoint belong together; give both or neither')
    if args.fd_config is None:
        return {}
    return dict(fd=RecognizerFeatures(args.fd_config, args.fd_checkpoint, frame_stride,
                                      args.device))


def main() -> None:
    args = parse_args()
    with friendly_errors():
        options = SynthesisOptions(seed=args.seed, perceptual_frames=args.perceptual_frames)
        generator = load_package(args.package, args.device)
        stride = generator.frame_stride
        networks = load_networks(args, stride) | load_recognizer(args, stride)
        real, training = (
            read_split(args.videos, split, generator, segments, args.seed, args.data_root,
                       args.split_file, args.reference_fps)
            for split, segments in ((args.split, args.segments),
                                    (args.train_split, args.train_segments)))
        generated = generate_clip_set(generator, real, args.seed)
        results = evaluate_synthesis(generator, real, training, networks, options, generated)
        write_report(args.out, results, generated, real, training,
                     f'{type(generator).__name__} of {args.package}')
        print(print_table(results))
        print(f'\n{args.out / PAGE}')


if __name__ == '__main__':
    main()
