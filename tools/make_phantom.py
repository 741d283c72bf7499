"""Simulate labelled ultrasound sweeps and stills, so that everything runs with no download.

    python tools/make_phantom.py --out data/phantom
"""
from __future__ import annotations

import argparse

from lddm_aug.cli import friendly_errors
from lddm_aug.preparation.phantom import write_phantom


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default='data/phantom', help='folder to write')
    parser.add_argument('--size', type=int, default=64, help='height and width of a frame')
    parser.add_argument('--frames', type=int, default=60, help='frames of a sweep')
    parser.add_argument('--train', type=int, default=48, help='patients with a video, for training')
    parser.add_argument('--test', type=int, default=40, help='patients with a video, for testing')
    parser.add_argument('--stills', type=int, default=96, help='patients with one still')
    parser.add_argument('--seed', type=int, default=0, help='another seed gives other patients')
    parser.add_argument('--jobs', type=int, default=2, help='processes')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with friendly_errors():
        write_phantom(**vars(args))


if __name__ == '__main__':
    main()
