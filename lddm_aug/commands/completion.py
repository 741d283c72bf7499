"""A script that completes the arguments of `lddm-aug` in a shell, without starting Python."""
from __future__ import annotations

import argparse

import shtab

from lddm_aug.configs import config_names

FILES = ('CHECKPOINT', 'CSV', 'DIR', 'FILE', 'HTML', 'JSON', 'JSONL', 'PACKAGE', 'PATH', 'PATH|URL',
         'PKL', 'PTH', 'SOURCE', 'STORE', 'TABLE')


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """What to put where the shell looks for completions.

    Args:
        shell: bash, zsh or fish.
    """
    names = ' '.join(config_names())
    configs = {'bash': '_lddm_aug_configs', 'zsh': '_lddm_aug_configs',
               'fish': f'(string split " " "{names}"; __fish_complete_path (commandline -ct))'}
    preamble = {'bash': '_lddm_aug_configs() {\n'
                        f'  compgen -W "{names}" -- "$1"\n  _shtab_compgen_files "$1"\n}}',
                'zsh': f'_lddm_aug_configs() {{\n  compadd -- {names}\n  _files\n}}'}
    _complete(parser, configs)
    return shtab.complete(parser, shell, preamble=preamble.get(shell, ''))


def _complete(parser: argparse.ArgumentParser, configs: dict[str, str]) -> None:
    """Say of each argument whether files or configs complete it, by its name in the help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for within in action.choices.values():
                _complete(within, configs)
        elif action.metavar in FILES:
            action.complete = shtab.FILE             # type: ignore[attr-defined]
        elif action.metavar == 'CONFIG':
            action.complete = configs                # type: ignore[attr-defined]
