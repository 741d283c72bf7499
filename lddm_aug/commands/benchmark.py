"""Measure speed, each figure beside its baseline, and what is lost where runs are killed.

    lddm-aug benchmark synthesis --out synthesis.json
    lddm-aug benchmark synthesis --recipe lddm/lddm --sizes 64 128 --frames 16 32
    lddm-aug benchmark device --device cuda --out gpu.json
    lddm-aug benchmark training --profile
    lddm-aug benchmark store --clips 100000
    lddm-aug benchmark recovery --kills 50

What is compared takes turns, so that a busy machine meets all alike.  Rows hold medians, the least
and the largest ratio, the machine and the versions.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lddm_aug.commands.arguments import add_device, add_step, at_least, typed

ROWS_OF_PROFILE = 25
KILLED = ('synthesis', 'merge', 'ray', 'training')


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
    synthesis.add_argument('--batch-sizes', nargs='+', type=at_least(1), default=[], metavar='N',
                           help='clips made at once, by both; default: as generators do')
    synthesis.add_argument('--bf16', action='store_true', help='both compute in bfloat16')
    device = add_step(kinds, 'device', """All that is asked of a GPU, in a few minutes.

    lddm-aug benchmark device --device cuda --out gpu.json

Clips of two steps in batches, in float32 and in bfloat16, against cINN's decoder; then the training
step of TSM with ResNet-50, 8 frames of 224², by where half of its clips are made.
""")
    for name, default, what in (('size', 128, 'pixels of the clips'),
                                ('clips', 16, "of the recognizer's step")):
        device.add_argument(f'--{name}', type=at_least(2), default=default, metavar='N',
                            help=f'{what}; default: %(default)s')
    device.add_argument('--batch-sizes', nargs='+', type=at_least(1), default=[8, 64], metavar='N',
                        help='clips made at once; default: 8 64')
    device.add_argument('--recognizer', default='tsm', metavar='NAME',
                        help='a file in _base_/models; default: %(default)s')
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
    mixing = add_step(kinds, 'mixing', """A recognizer's training step, by where its clips are made.

    lddm-aug benchmark mixing --batch-size 16

Half of each batch is synthetic: from a store, from workers, or from the training device.
""")
    mixing.add_argument('--recognizer', default='tsm', metavar='NAME',
                        help='a file in _base_/models; default: %(default)s')
    mixing.add_argument('--recipe', default='lddm/lddm', metavar='RECIPE',
                        help='of the generator that makes clips; default: %(default)s')
    for name, default, what in (
            ('size', 128, "pixels of the clips, before the recognizer's own pipeline"),
            ('batch-size', 16, 'clips of a step'),
            ('steps', 1, 'steps of a turn; with workers 12 or more')):
        mixing.add_argument(f'--{name}', type=at_least(1), default=default, metavar='N',
                            help=f'{what}; default: %(default)s')
    mixing.add_argument('--workers', type=at_least(0), default=0, metavar='N',
                        help='processes of each loader; default: %(default)s')
    evaluation = add_step(kinds, 'evaluation', """Seconds per clip of metrics and of the audit.

    lddm-aug benchmark evaluation --clips 16

Each stands beside the part that it can't spare: the network alone, reading the files alone.
""")
    for name, least, default, what in (('size', 32, 64, 'pixels'), ('frames', 16, 16, 'of a clip'),
                                       ('clips', 2, 16, 'generated, and as many real')):
        evaluation.add_argument(f'--{name}', type=at_least(least), default=default, metavar='N',
                                help=f'{what}; default: %(default)s')
    store = add_step(kinds, 'store', """Opening, checking and joining large stores; memory.

    lddm-aug benchmark store --clips 1000000
""")
    store.add_argument('--clips', type=at_least(1000), default=1_000_000, metavar='N',
                       help='of the large store; default: %(default)s')
    store.add_argument('--stills', nargs='*', type=at_least(1), default=[2_000, 20_000],
                       metavar='N', help='whose clips are synthesized; default: 2000 20000')
    formats = add_step(kinds, 'formats', """Forms that a store could have: size, speed, kills.

    lddm-aug benchmark formats --clips 1024

Zarr and Lance are measured where they are installed.  Prints two tables.
""")
    formats.add_argument('--clips', type=at_least(16), default=2048, metavar='N',
                         help='default: %(default)s')
    formats.add_argument('--rows', nargs='+', type=at_least(100), default=[100_000, 1_000_000],
                         metavar='N', help='default: 100000 1000000')
    recovery = add_step(kinds, 'recovery', """What kill -9 at random moments leaves.

    lddm-aug benchmark recovery --kills 50 --out scale.json

Runs are killed, and begun again until they end.  Then they must have made the bytes of an
undisturbed run.  Ray is killed where it is installed.  Needs Linux.
""")
    recovery.add_argument('--kills', type=at_least(1), default=50, metavar='N',
                          help='of each kind of run; default: %(default)s')
    recovery.add_argument('--what', nargs='+', choices=KILLED, default=KILLED, metavar='KIND',
                          help=f'kinds of runs; default: {" ".join(KILLED)}')
    recovery.add_argument('--minutes', type=at_least(1), default=10**6, metavar='N',
                          help='after which a kind of run is killed no more; default: no limit')
    recovery.add_argument('--seed', type=int, default=0, metavar='N',
                          help='of the moments; default: %(default)s')
    recovery.add_argument('--out', type=Path, metavar='JSON',
                          help='file for the rows; others in it stay')
    for kind in (synthesis, device, mixing, evaluation):
        kind.add_argument('--repeats', type=at_least(1), default=7, metavar='N',
                          help='turns of each; default: %(default)s')
    for kind in (synthesis, device, mixing, training, evaluation):
        kind.add_argument('--profile', nargs='?', type=Path, const=Path('-'), metavar='FILE',
                          help='print also what the time goes into, by operator, or write it into '
                               'a file')
        add_device(kind)
    for kind in (synthesis, device, mixing, training, evaluation, store):
        kind.add_argument('--out', type=Path, metavar='JSON',
                          help='file for the rows; others in it stay')


def run(args: argparse.Namespace) -> None:
    """Measure, print a line for each row, and write the rows where --out names a file."""
    import tempfile

    import torch

    from lddm_aug.files import atomic_write
    from lddm_aug.result_rows import put_rows
    from lddm_aug.versions import run_versions

    with tempfile.TemporaryDirectory() as folder:
        if args.kind == 'formats':
            from lddm_aug.experiments.benchmark.store_formats import measure
            print(measure(Path(folder), args.clips, args.rows))
            return
        if args.kind == 'recovery':
            _kill_runs(args, Path(folder))
            return
        if getattr(args, 'device', '') == 'cpu':
            torch.set_num_threads(1)
        profile = getattr(args, 'profile', None)
        if profile is not None:
            with torch.profiler.profile() as profiler:
                rows = _measure(args, Path(folder))
            where = 'cpu' if args.device == 'cpu' else 'device'
            table = profiler.key_averages().table(f'self_{where}_time_total',
                                                  row_limit=ROWS_OF_PROFILE)
            if str(profile) == '-':
                print(table)
            else:
                profile.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(profile) as file:
                    file.write(table.encode())
        else:
            rows = _measure(args, Path(folder))
    for row in rows:
        print(_line(row))
    if args.out:
        versions = run_versions()
        put_rows(args.out, [row | dict(versions=versions) for row in rows])


def _kill_runs(args: argparse.Namespace, folder: Path) -> None:
    from lddm_aug.commands import run_tool
    from lddm_aug.experiments.benchmark.recovery import measure_recovery
    from lddm_aug.result_rows import put_rows

    rows = measure_recovery(folder, run_tool, args.what, args.kills, args.seed, typed(),
                            args.minutes)
    for row in rows:
        print(f'{row["what"]}: {row["value"]} {row["unit"]}, {row["failed"]} of {row["tried"]} '
              'failed')
    if args.out:
        put_rows(args.out, rows)


def _measure(args: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    import torch

    command = typed()
    if args.kind == 'store':
        from lddm_aug.experiments.benchmark.store import measure_store
        return measure_store(folder, args.clips, args.stills, command)
    if args.kind == 'mixing':
        from lddm_aug.experiments.benchmark.mixing import measure_mixing
        return measure_mixing(folder, args.recognizer, args.size, args.batch_size, args.repeats,
                              args.steps, args.workers, args.device, command, args.recipe)
    device = torch.device(args.device)
    if args.kind == 'synthesis':
        from lddm_aug.experiments.benchmark.synthesis import measure_synthesis
        return measure_synthesis(args.recipe, args.sizes, args.frames, args.repeats, device,
                                 command, args.batch_sizes, args.bf16)
    if args.kind == 'device':
        from lddm_aug.experiments.benchmark.device import measure_device
        return measure_device(folder, args.size, args.batch_sizes, args.recognizer, args.clips,
                              args.repeats, device, command)
    if args.kind == 'evaluation':
        from lddm_aug.experiments.benchmark.evaluation import measure_evaluation
        return measure_evaluation(folder, args.size, args.frames, args.clips, args.repeats, device,
                                  command)
    from lddm_aug.experiments.benchmark.training import measure_training
    return measure_training(folder, args.recipe, args.size, args.iterations, device, command)


def _line(row: dict[str, Any]) -> str:
    text = f'{row["what"]}: {row["value"]:.4g} {row["unit"]}'
    if row['baseline'] is None:
        return text
    text += f', {row["ratio"]:.3g} times {row["baseline"]:.4g}'
    return text + (f' ({row["low"]:.3g} to {row["high"]:.3g})' if 'low' in row else '')
