"""Simulated breast sweeps and stills, so that everything runs with no download.

    lddm-aug prepare phantom --out data/phantom
    lddm-aug prepare phantom --prompts --train 192 --out data/phantom_prompts
"""
from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the numbers of patients, frames and pixels, and the folder."""
    for name, default, text in (
            ('size', 64, 'height and width of a frame, in pixels'),
            ('frames', 60, 'frames of a sweep'),
            ('train', 48, 'patients with a video, for training'),
            ('test', 40, 'patients with a video, for testing'),
            ('stills', 96, 'patients with one still'),
            ('seed', 0, 'another seed gives other patients'),
            ('jobs', 2, 'processes')):
        parser.add_argument(f'--{name}', type=int, default=default, metavar='N',
                            help=f'{text}; default: %(default)s')
    parser.add_argument('--prompts', action='store_true',
                        help='sweeps that keep their direction and strength, and a column prompt '
                             'that says so, for train-generator --conditions prompt=text')
    parser.add_argument('--out', default='data/phantom', metavar='DIR',
                        help='folder to write; default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Write the simulated data set."""
    from lddm_aug.preparation.phantom import write_phantom

    write_phantom(args.out, args.size, args.frames, args.train, args.test, args.stills, args.seed,
                  args.jobs, args.prompts)
