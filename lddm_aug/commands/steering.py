"""Does a generator do what it is told?  Asked against measured, on stills that it never saw.

    lddm-aug steering work_dirs/lddm/phantom/package --data data/phantom
    lddm-aug steering DIR/package --data data/mine --condition-guidance motion=3 --out steering.json
    lddm-aug steering DIR/package --data data/mine --sampler DPMSolverMultistep --steps 100
    lddm-aug steering DIR/package --data data/long --frames 64               are long clips as good?

Of every measured condition the rank correlation of what was asked for with what the clips show; how
much the motion of clips varies for which nothing is set, and whether they are as sharp and varied
at their borders as real ones; and on simulated sweeps whether a lesion moves as the class that was
told, and whether what a sentence of no training names is right.  With --frames, longer clips alone:
the change at seams, sharpness and, seen by a recognizer, the distance of every window to real ones.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lddm_aug.commands.arguments import (
    A_PACKAGE,
    KeyNumber,
    add_data_root,
    add_device,
    add_sampler,
    at_least,
    chosen_sampler,
    typed,
)

if TYPE_CHECKING:
    from lddm_aug.generators.lddm import LDDMGenerator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the package, the data and the file of the rows."""
    parser.add_argument('package', metavar='PACKAGE', help=A_PACKAGE)
    parser.add_argument('--data', type=Path, required=True, metavar='DIR',
                        help='prepared folder: stills.csv, and videos.csv for true clips')
    parser.add_argument('--split', default='test', metavar='NAME',
                        help='of the held-out videos; default: %(default)s')
    add_data_root(parser)
    parser.add_argument('--stills', type=at_least(2), metavar='N',
                        help='take so many of stills.csv, evenly spaced; default: all')
    parser.add_argument('--condition-guidance', nargs='+', action=KeyNumber, default={},
                        metavar='NAME=W', help='above 1, clips obey this condition more; it counts '
                                               'where values are asked for')
    add_sampler(parser)
    parser.add_argument('--frames', type=at_least(2), metavar='N',
                        help='of longer clips; takes the videos that are as long, and needs '
                             'neither stills.csv nor conditions')
    parser.add_argument('--fd-config', metavar='CONFIG',
                        help='recognizer that sees windows of longer clips: its name or its file')
    parser.add_argument('--fd-checkpoint', nargs='+', metavar='PTH',
                        help='its checkpoint; the mean over several')
    parser.add_argument('--samples', type=at_least(1), default=4, metavar='N',
                        help='longer clips of each first frame; default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='default: %(default)s')
    add_device(parser)
    parser.add_argument('--out', type=Path, default=Path('steering.json'), metavar='JSON',
                        help='file that the rows are put into; default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Measure, print every figure, and put the rows into the file."""
    from lddm_aug.generators.lddm import LDDMGenerator
    from lddm_aug.generators.package import load_package
    from lddm_aug.result_rows import put_rows

    generator = load_package(args.package, args.device)
    if not isinstance(generator, LDDMGenerator):
        raise ValueError(f'{args.package}: is a {type(generator).__name__}, which is neither told '
                         'anything nor goes on; train LDDM')
    generator = generator.with_sampler(**chosen_sampler(args))
    rows = []
    for row in (_told if args.frames is None else _long)(args, generator):
        between = '' if row['low'] is None else f' [{row["low"]:.3g}, {row["high"]:.3g}]'
        print(f'{row["what"]}: {row["value"]:.3g}{between}, {row["n"]} clips', flush=True)
        rows.append(row | dict(sampler=generator.sampler.as_dict(), data=args.data.name,
                               command=typed()))
    put_rows(args.out, rows, key=('what', 'command'))
    print(args.out)


def _told(args: argparse.Namespace, generator: LDDMGenerator) -> Iterator[dict[str, Any]]:
    from lddm_aug.data.annotations import read_annotations
    from lddm_aug.evaluation.clip_set import read_split
    from lddm_aug.evaluation.synthesis_metrics.base import evenly_spaced
    from lddm_aug.experiments.held_out_stills import Stills
    from lddm_aug.experiments.steering import measure_steering
    from lddm_aug.experiments.sweeps import Sweeps

    if not generator.conditions:
        raise ValueError(f'{args.package}: cannot be told anything; train LDDM with --conditions')
    rows = read_annotations(args.data / 'stills.csv', args.data_root)
    if args.stills is not None:
        rows = [rows[place] for place in evenly_spaced(len(rows), args.stills)]
    stills = Stills.read(rows, generator)
    real = read_split(args.data / 'videos.csv', args.split, generator, segments=2, seed=args.seed,
                      data_root=args.data_root)
    yield from measure_steering(generator, stills, real, Sweeps.read(args.data, stills),
                                args.condition_guidance, args.seed)


def _long(args: argparse.Namespace, generator: LDDMGenerator) -> Iterator[dict[str, Any]]:
    from lddm_aug.configs import find_config
    from lddm_aug.evaluation.clip_set import read_split
    from lddm_aug.evaluation.recognizer_features import RecognizerFeatures, SeveralRecognizers
    from lddm_aug.experiments.long_clips import frames_needed, measure_long_clips

    if (args.fd_config is None) != (args.fd_checkpoint is None):
        raise ValueError('--fd-config and --fd-checkpoint belong together; give both or neither')
    network = None if args.fd_config is None else SeveralRecognizers([
        RecognizerFeatures(str(find_config(args.fd_config)), checkpoint, generator.frame_stride,
                           args.device) for checkpoint in args.fd_checkpoint])
    longer = generator.with_length(args.frames)
    real = read_split(args.data / 'videos.csv', args.split, longer, segments=2, seed=args.seed,
                      data_root=args.data_root, min_frames=frames_needed(longer))
    yield from measure_long_clips(longer, real, generator.num_frames, network, args.seed,
                                  args.samples)
