"""Measure speed: of clips, of trainings, of mixing, of a store, each beside its baseline.

    lddm-aug benchmark synthesis --out synthesis.json
    lddm-aug benchmark synthesis --recipe lddm/lddm --sizes 64 128 --frames 16 32
    lddm-aug benchmark training --profile

What is compared takes turns, so that a busy machine meets all alike.  Rows hold medians, the least
and the largest ratio, the machine and the versions.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lddm_aug.commands.arguments import add_device, add_step, at_least, typed

ROWS_OF_PROFILE = 25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be measured, each with its settings."""
    kinds = parser.add_subparsers(dest='kind', required=True, metavar='WHAT',
                                  title='what to measure, each with --help')
    synthesis = add_step(kinds, 'synthesis', """Clips per second, against cINN's decoder.

    lddm-aug benchmark synthesis --sizes 64 128

The models are those of BUSV's recipes, with random weights.
""")
    synthesis.add_argument('--recipe', default='lddm/lddm_distilled', metavar='RECIPE',
                           help='name of a recipe; default: %(default)s')
    synthesis.add_argument('--sizes', nargs='+', type=at_least(1), default=[128],
                           metavar='PIXELS', help='default: 128')
    synthesis.add_argument('--frames', nargs='+', type=at_least(1), default=[16], metavar='T',
                           help='default: 16')
    training = add_step(kinds, 'training', """Seconds of an iteration, and the share in data.

    lddm-aug benchmark training --recipe lddm/lddm

The stages are trained for some iterations on videos of noise.
""")
    training.add_argument('--recipe', default='lddm/lddm', metavar='RECIPE',
                          help='name of a recipe; default: %(default)s')
    training.add_argument('--size', type=at_least(1), default=64, metavar='PIXELS',
                          help='default: %(default)s')
    training.add_argument('--iterations', type=at_least(2), default=20, metavar='N',
                          help='of every stage; default: %(default)s')
    synthesis.add_argument('--repeats', type=at_least(1), default=7, metavar='N',
                           help='turns of each; default: %(default)s')
    for kind in (synthesis, training):
        kind.add_argument('--out', type=Path, metavar='JSON', help='file for the rows')
        kind.add_argument('--profile', action='store_true',
                          help='print also what the time goes into, by operator')
        add_device(kind)


def run(args: argparse.Namespace) -> None:
    """Measure, print a line for each row, and write the rows where --out names a file."""
    import json

    import torch

    from lddm_aug.files import atomic_write
    from lddm_aug.versions import run_versions

    if args.device == 'cpu':
        torch.set_num_threads(1)
    if args.profile:
        with torch.profiler.profile() as profiler:
            rows = _measure(args)
        print(profiler.key_averages().table('self_cpu_time_total', row_limit=ROWS_OF_PROFILE))
    else:
        rows = _measure(args)
    for row in rows:
        print(_line(row))
    if args.out:
        versions = run_versions()
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(args.out) as file:
            file.write(json.dumps([row | dict(versions=versions) for row in rows],
                                  indent=1).encode())


def _measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    import tempfile

    import torch

    device, command = torch.device(args.device), typed()
    if args.kind == 'synthesis':
        from lddm_aug.experiments.benchmark.synthesis import measure_synthesis
        return measure_synthesis(args.recipe, args.sizes, args.frames, args.repeats, device,
                                 command)
    from lddm_aug.experiments.benchmark.training import measure_training
    with tempfile.TemporaryDirectory() as folder:
        return measure_training(folder, args.recipe, args.size, args.iterations, device, command)


def _line(row: dict[str, Any]) -> str:
    text = f'{row["what"]}: {row["value"]:.4g} {row["unit"]}'
    if row['baseline'] is None:
        return text
    text += f', {row["ratio"]:.3g} times {row["baseline"]:.4g}'
    return text + (f' ({row["low"]:.3g} to {row["high"]:.3g})' if 'low' in row else '')
