"""Types of arguments, and arguments that several subcommands take; none imports PyTorch."""
from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lddm_aug.classes import split_names
from lddm_aug.conditions import KINDS

A_PACKAGE = 'a trained generator: its folder, or hf://user/name[@revision]'
LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')      # as MMEngine names them


def add_step(steps: Any, name: str, text: str,
             parents: Sequence[argparse.ArgumentParser] = ()) -> argparse.ArgumentParser:
    """A step of a subcommand, with its help; the text's first line stands in the list of steps.

    Args:
        steps: what `add_subparsers` returned.
    """
    return steps.add_parser(name, help=text.partition('\n')[0].rstrip('.'), description=text,
                            parents=parents, formatter_class=argparse.RawDescriptionHelpFormatter)


def at_least(least: int) -> Callable[[str], int]:
    """For an option that counts something: whole numbers from `least` on."""
    def whole_number(text: str) -> int:
        if not text.lstrip('-').isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f'must be a whole number from {least} on, but got '
                                             f'{text!r}')
        return int(text)
    return whole_number


def place(text: str) -> Any:
    """For an option that names a path or a URL: a Path would make one slash of two."""
    return text if '://' in text else Path(text)


# keys whose values are names, and no numbers
NAMES = re.compile(r'(^|\.)(classes|conditions\.[^.]+)$')


class KeyValue(argparse.Action):
    """MMEngine's DictAction, but a word without `=` is named, and the names of classes stay names.

    DictAction would make numbers of the classes 0 and 01, and take the blanks out of a name.
    """

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, option_string: str | None = None) -> None:
        from mmengine.config import DictAction  # slow

        for value in values:
            if '=' not in value:
                parser.error(f'{option_string} takes key=value, but got {value}')
        named = {key: text for key, text in (value.split('=', 1) for value in values)
                 if NAMES.search(key) and text != 'None' and text not in KINDS}
        others = [value for value in values if value.split('=', 1)[0] not in named]
        read = DictAction(self.option_strings, self.dest)
        for value in others:
            try:
                read(parser, namespace, [value], option_string)
            except (AssertionError, RecursionError):
                parser.error(f'{option_string}: the brackets of {value[:80]} do not match; a list '
                             'is key="[a,b]" or key=a,b')
        setattr(namespace, self.dest, (getattr(namespace, self.dest) or {}) | {
            key: split_names(text) for key, text in named.items()})


class KeyText(argparse.Action):
    """Words of the form name=value, as a dict of texts."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, option_string: str | None = None) -> None:
        for value in values:
            if not value.partition('=')[0].strip() or '=' not in value:
                parser.error(f'{option_string} takes name=value, but got {value}')
        given = dict(value.split('=', 1) for value in values)
        try:
            read = {name.strip(): self.read(text) for name, text in given.items()}
        except ValueError:
            parser.error(f'{option_string} takes name=number, but got {" ".join(values)}')
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), **read})

    def read(self, text: str) -> Any:
        """A value."""
        return text


class KeyNumber(KeyText):
    """Words of the form name=value, as a dict of numbers."""

    def read(self, text: str) -> float:
        return float(text)


def add_cfg_options(parser: argparse.ArgumentParser, text: str) -> None:
    """--cfg-options, which is a dict of values by dotted key."""
    parser.add_argument('--cfg-options', nargs='+', action=KeyValue, default={},
                        metavar='KEY=VALUE', help=text)


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """--launcher, and the rank that PyTorch's old launcher adds."""
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none',
                        help='what has started the processes that train together, each on its '
                             'GPU, or on CPUs where there is none; default: %(default)s')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def add_data(parser: argparse.ArgumentParser) -> None:
    """What configs are chosen by: data and split, and the shape of generated clips."""
    group = parser.add_argument_group('data and clips, in place of DATASET, DATA, SPLIT, SIZE, '
                                      'FRAMES and STRIDE in the environment')
    group.add_argument('--data', metavar='NAME|DIR',
                       help='busv, covid_blues, phantom, or a folder with videos.csv')
    group.add_argument('--split', metavar='NAME', help="in the data's splits/, as 7_3_seed0")
    group.add_argument('--size', type=int, metavar='PIXELS',
                       help="of generated clips; default: the data's")
    group.add_argument('--frames', type=int, metavar='N', help='of a generated clip; default: 16')
    group.add_argument('--stride', type=int, metavar='N',
                       help='frames of a video from one of a clip to the next; default: 3')


def add_data_root(parser: argparse.ArgumentParser, default: str = "the table's own") -> None:
    """--data-root, for paths in tables."""
    parser.add_argument('--data-root', type=place, metavar='DIR',
                        help=f'folder the paths are relative to, or a URL; default: {default}')


def add_reference_fps(parser: argparse.ArgumentParser) -> None:
    """--reference-fps, for videos that a generator is compared with."""
    parser.add_argument('--reference-fps', type=float, metavar='FPS',
                        help='of the data set that the generator was trained on, if it has one; '
                             'needs the column fps; default: all videos have the same rate')


def add_sampler(parser: Any) -> None:
    """--sampler and --steps, in place of what a package says.

    Args:
        parser: or a group of its arguments.
    """
    parser.add_argument('--sampler', metavar='NAME',
                        help='as DPMSolverMultistep or DDIM; an unknown name is answered with all')
    parser.add_argument('--steps', type=at_least(1), metavar='N', help='of the sampler')


def chosen_sampler(args: argparse.Namespace) -> dict[str, Any]:
    """What of `add_sampler` was given, for `Generator.with_sampler`."""
    given = dict(name=args.sampler, steps=args.steps)
    return {name: value for name, value in given.items() if value is not None}


def choose_data(args: argparse.Namespace, **others: str | None) -> None:
    """Let every config that is read from now on follow the arguments of `add_data`.

    Args:
        others: recognizer and training_set, as for `configs.choose`.
    """
    from lddm_aug.configs import choose

    os.environ.update(choose(args.data, split=args.split, size=args.size, frames=args.frames,
                             stride=args.stride, **others))


def typed_data(args: argparse.Namespace) -> str:
    """The arguments of `add_data` as they were given, for a command to be called next."""
    names = ('data', 'split', 'size', 'frames', 'stride')
    return shlex.join(word for name in names if (value := getattr(args, name)) is not None
                      for word in (f'--{name}', str(value)))


def require_data(config: Path, advice: str = 'name the data by --data') -> None:
    """Raise ValueError if one of our configs reads a folder, and none is chosen."""
    from lddm_aug.configs import config_root, data_names, read_config

    chosen = {'DATASET', 'DATA'} & {*os.environ}
    if not chosen and config.is_relative_to(config_root()) and (
            read_config(config).get('data', {}).get('classes', ()) is None):
        raise ValueError(f'{advice}: {", ".join(data_names())}, or a folder with videos.csv')


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device, checked against what PyTorch finds."""
    parser.add_argument('--device', default='auto', type=_device,
                        help='cpu, cuda or cuda:N; default: cuda where there is a GPU, else cpu')


def add_devices(parser: argparse.ArgumentParser) -> None:
    """--device, which may name several; a list of checked names."""
    parser.add_argument('--device', default='auto', metavar='NAME[,NAME...]',
                        type=lambda names: [_device(name) for name in names.split(',')],
                        help='cpu, cuda or cuda:N, or several for a process on each, as '
                             'cuda:0,cuda:1; default: cuda where there is a GPU, else cpu; of '
                             'several processes of a launcher each takes its own')


def _device(name: str) -> str:
    from lddm_aug.hardware import available_device, usual_device

    if name == 'auto':
        return str(usual_device())
    try:
        return str(available_device(name))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def typed() -> str:
    """What was typed, for a record: `lddm-aug demo`, or `python tools/demo.py`."""
    program = Path(sys.argv[0])
    words = ['python', *sys.argv] if program.suffix == '.py' else [program.name, *sys.argv[1:]]
    return shlex.join(words)
