"""Find configs, look at them, and copy one to change it.

    lddm-aug configs list                              names, and what each is for
    lddm-aug configs list busv
    lddm-aug configs show tsm_busv_lddm_mix            with all that it inherits
    lddm-aug configs copy tsm_busv_lddm_mix            tsm_busv_lddm_mix.py, ready to edit
"""
from __future__ import annotations

import argparse
import ast
import posixpath
import re
from pathlib import Path

from lddm_aug.commands.arguments import add_step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the steps list, show and copy; each sets its own `run`."""
    steps = parser.add_subparsers(required=True, metavar='STEP', title='steps, each with --help')
    listing = add_step(steps, 'list', """Print the names of configs, and what each is for.

    lddm-aug configs list busv mix
""")
    listing.add_argument('words', nargs='*', metavar='WORD', help='only names that hold all these')
    listing.set_defaults(run=_list, needs_parts=False)
    show = add_step(steps, 'show', """Print a config with all that it inherits.

    lddm-aug configs show tsm_busv_lddm_mix
    lddm-aug configs show tsm_busv_lddm_mix --text          the file as it is
""")
    show.add_argument('config', metavar='CONFIG', help='name of a config, or its file')
    show.add_argument('--text', action='store_true', help='print the file as it is')
    show.set_defaults(run=_show)
    copy = add_step(steps, 'copy', """Write a copy to edit, which inherits what the config does.

    lddm-aug configs copy tsm_busv_lddm_mix --out my_configs
    lddm-aug train my_configs/tsm_busv_lddm_mix.py
""")
    copy.add_argument('config', metavar='CONFIG', help='name of a config')
    copy.add_argument('--out', type=Path, default=Path(), metavar='DIR',
                      help='folder of the copy; default: this one')
    copy.set_defaults(run=_copy)


def run(args: argparse.Namespace) -> None:
    """Each step sets its own `run`."""


def _list(args: argparse.Namespace) -> None:
    from lddm_aug.configs import config_names, find_config

    names = [name for name in config_names() if all(word in name for word in args.words)]
    width = max(map(len, names), default=0)
    for name in names:
        print(f'{name:{width}}  {_first_line(find_config(name))}'.rstrip())


def _first_line(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding='utf-8')))
    return (docstring or '').partition('\n')[0]


def _show(args: argparse.Namespace) -> None:
    from lddm_aug.configs import find_config
    from lddm_aug.engine.config_stages import stage_configs

    file = find_config(args.config)
    if args.text:
        print(file.read_text(encoding='utf-8'), end='')
        return
    for name, config in stage_configs(file).items():
        print(f'# {name or file.stem}\n{config.pretty_text}')


def _copy(args: argparse.Namespace) -> None:
    from lddm_aug.configs import find_config

    file = find_config(args.config)
    copy = args.out / file.name
    if copy.exists():
        raise FileExistsError(f'{copy} is there already; name another folder by --out')
    text = _with_whole_names(file)
    args.out.mkdir(parents=True, exist_ok=True)
    copy.write_text(text, encoding='utf-8')
    print(copy)


def _with_whole_names(file: Path) -> str:
    """A config's text, which names what it inherits from wherever it lies: `lddm_aug::…`."""
    from lddm_aug.configs import config_root

    text = file.read_text(encoding='utf-8')
    folder = file.parent.relative_to(config_root()).as_posix()
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == '_base_':
            named = ast.get_source_segment(text, statement) or ''
            whole = re.sub(r"(['\"])(\.{1,2}/[^'\"]*)\1", lambda match: match[1] + 'lddm_aug::'
                           + posixpath.normpath(posixpath.join(folder, match[2])) + match[1], named)
            text = text.replace(named, whole)
    return text
