"""The command `lddm-aug`: one module for each subcommand, which the files in tools/ call as well.

A module's docstring is the help of its subcommand.  `add_arguments(parser)` says what it takes and
imports nothing slow, so that help, completion and mistakes need no PyTorch; `run(args)` imports
what it calls.  What only imported parts know, such as networks that somebody registers, is added by
`add_slow_arguments(parser)` when the subcommand is called.  Beside them:

    arguments.py          types and groups of arguments that several subcommands take
    checkup.py            what `lddm-aug doctor` looks at
    completion.py         what a shell completes
    errors.py             what the user reads where something is wrong
    network_arguments.py  the networks that look at clips
    probes.py             what the checkup must import

To add a subcommand, add its module and its name to NAMES.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from lddm_aug.commands.errors import friendly_errors

NAME = 'lddm-aug'
NAMES = ('demo', 'prepare', 'audit', 'split', 'train-generator', 'synthesize', 'train', 'test',
         'evaluate', 'gallery', 'browse', 'store', 'package', 'study', 'table1', 'paper',
         'curves', 'analysis', 'steering', 'benchmark', 'configs', 'doctor')
DESCRIPTION = """Ultrasound stills become clips that train recognizers of videos.

    lddm-aug doctor                                   is everything here that training needs?
    lddm-aug demo                                     the whole job on simulated sweeps
    lddm-aug train tsm_phantom_lddm_mix               a config by its name, or by its path
"""


def run_command(register: Callable[[], None], arguments: Sequence[str] | None = None) -> None:
    """Run `lddm-aug` with these arguments, by default those of the process.

    Args:
        register: registers every part with MMAction2; called when the arguments are right.
    """
    with friendly_errors(NAME):
        args = make_parser(register).parse_args(arguments)
    with friendly_errors(f'{NAME} {args.command}', getattr(args, 'cfg_options', ())):
        if args.needs_parts:
            register()
        args.run(args)


def run_tool(name: str, arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand alone, as the file in tools/ that is named in `sys.argv`."""
    parser = _Subcommand()
    with friendly_errors():
        _fill(parser, name, register=lambda: None)
        args = parser.parse_args(arguments)
    with friendly_errors(options=getattr(args, 'cfg_options', ())):
        args.run(args)


def make_parser(register: Callable[[], None]) -> argparse.ArgumentParser:
    """The parser of `lddm-aug`; `run` of what it returns takes it.

    Args:
        register: called before slow arguments are added.
    """
    parser = argparse.ArgumentParser(
        NAME, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--version', action=_PrintVersion, nargs=0, help='print the version')
    parser.add_argument('--print-completion', action=_PrintCompletion,
                        choices=('bash', 'zsh', 'fish'),
                        help='print what completes arguments in this shell; for bash: '
                             'lddm-aug --print-completion bash > '
                             '~/.local/share/bash-completion/completions/lddm-aug')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND',
                                     title='commands, each with --help',
                                     parser_class=_Subcommand)
    for name in NAMES:
        help = _module(name).__doc__.partition('\n')[0].rstrip('.')
        _fill(commands.add_parser(name, help=help), name, register)
    return parser


class _Subcommand(argparse.ArgumentParser):
    """The parser of a subcommand, which gets its slow arguments when it is called."""
    add_slow_arguments: Callable[[], None] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.add_slow_arguments is not None:
            self.add_slow_arguments()
            self.add_slow_arguments = None
        return super().parse_known_args(args, namespace)


def _fill(parser: _Subcommand, name: str, register: Callable[[], None]) -> None:
    """Give a parser the description and the arguments of a subcommand."""
    def add_slow_arguments() -> None:
        register()
        module.add_slow_arguments(parser)

    module = _module(name)
    parser.description = module.__doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(run=module.run, needs_parts=True)
    module.add_arguments(parser)
    if hasattr(module, 'add_slow_arguments'):
        parser.add_slow_arguments = add_slow_arguments


def _module(name: str) -> Any:
    return import_module(f'lddm_aug.commands.{name.replace("-", "_")}')


class _PrintVersion(argparse.Action):
    """Prints the version of the package, which isn't run for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from lddm_aug.version import __version__

        print(f'{NAME} {__version__}')
        parser.exit()


class _PrintCompletion(argparse.Action):
    """Prints a script that completes arguments without starting Python."""

    def __call__(self, parser: argparse.ArgumentParser, _: object, shell: Any,
                 option_string: str | None = None) -> None:
        from lddm_aug.commands.completion import completion_script

        print(completion_script(parser, shell))
        parser.exit()
