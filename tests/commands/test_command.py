"""The command lddm-aug: what it takes, and that its help needs no PyTorch."""
from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lddm_aug
from lddm_aug.commands import NAMES, make_parser
from lddm_aug.configs import config_names
from lddm_aug.engine.mmaction_tool import load_mmaction_tool

ROOT = Path(lddm_aug.__file__).parents[1]


def parsers(parser: argparse.ArgumentParser,
            name: str = '') -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A parser and all within it, by what is typed."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, within in action.choices.items():
                yield from parsers(within, f'{name} {word}'.strip())


PARSERS = dict(parsers(make_parser(lambda: None)))


def lddm_aug_command(*arguments: object, modules: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, or let it also print what it has imported."""
    code = ('import sys, atexit, lddm_aug_command as command\n'
            + ('atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n' if modules else '')
            + 'command.main()')
    return subprocess.run([sys.executable, '-c', code, *map(str, arguments)], text=True,
                          capture_output=True, cwd=ROOT)


@pytest.mark.parametrize('arguments', [
    ['--version'], ['--help'], ['study', 'run', '--help'], ['prepare', 'dicom', '--help'],
    ['--print-completion', 'bash'], ['test'], ['configs', 'list']], ids=' '.join)
def test_what_computes_nothing_imports_no_pytorch(arguments):
    done = lddm_aug_command(*arguments, modules=True)
    imported = done.stderr.split()
    assert done.returncode == (2 if arguments == ['test'] else 0)
    assert 'lddm_aug.commands.train' in imported
    assert not {'torch', 'mmaction', 'cv2'} & {*imported}


def test_the_version_is_that_of_the_package():
    assert lddm_aug_command('--version').stdout == f'lddm-aug {lddm_aug.__version__}\n'


@pytest.mark.parametrize('name', PARSERS)
def test_every_help_has_an_example_that_can_be_parsed_that_far(name):
    help_text = PARSERS[name].format_help()
    examples = re.findall(rf'^    lddm-aug {name}\b', help_text, re.MULTILINE)
    assert examples, f'lddm-aug {name} --help shows no example'


@pytest.mark.parametrize('name', PARSERS)
def test_every_default_is_said(name):
    for action in PARSERS[name]._actions:
        if action.default in (None, argparse.SUPPRESS, False, {}, ()) or not action.option_strings:
            continue
        assert action.help == argparse.SUPPRESS or 'default: ' in str(action.help), action.dest


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_mmaction_s_tools_are_called_with_all_their_options(tool, monkeypatch):
    ours = {option: action for action in PARSERS[tool]._actions
            for option in action.option_strings}
    theirs: list[argparse.ArgumentParser] = []
    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args',
                        lambda self: theirs.append(self) or argparse.Namespace(local_rank=0))
    path = load_mmaction_tool(tool, argparse.Namespace(local_rank=0)).__file__
    runpy.run_path(str(path))['parse_args']()
    for action in theirs[0]._actions:
        for option in action.option_strings:
            same = ours[option]
            assert (same.dest, same.nargs, same.const, same.choices and tuple(same.choices)) == (
                action.dest, action.nargs, action.const, action.choices and tuple(action.choices))
            assert same.default == action.default or (same.default, action.default) == ({}, None)


def defaults(name: str) -> dict[str, object]:
    return {action.dest: action.default for action in PARSERS[name]._actions}


def test_defaults_are_those_of_what_is_called():
    """They stand twice, since what is called imports PyTorch and help does not."""
    from lddm_aug.commands import prepare, study
    from lddm_aug.data.frames import MIN_FRAMES
    from lddm_aug.experiments.study.plan import FORMS, RECOGNIZERS, Study
    from lddm_aug.experiments.table1.table1 import Table1
    from lddm_aug.preparation.dicom import GROUP_TAGS
    from lddm_aug.preparation.phantom import write_phantom
    from lddm_aug.preparation.prepare import Options

    phantom = inspect.signature(write_phantom).parameters
    for called, ours, but in (
            ({key: value.default for key, value in phantom.items()}, defaults('prepare phantom'),
             {'out', 'jobs'}),
            (dataclasses.asdict(Options()), defaults('prepare folder'), set()),
            (fields(Study), defaults('study run'), {'form', 'threads', 'out', 'data', 'work_dir'}),
            (fields(Table1), defaults('table1'), {'device', 'generators'})):
        common = {*called} & {*ours} - but
        assert len(common) > 3
        for name in common:
            assert ours[name] == called[name] or not (ours[name] or called[name]), name
    assert defaults('audit')['min_frames'] == MIN_FRAMES
    assert (prepare.GROUP_TAGS, study.RECOGNIZERS) == (GROUP_TAGS, RECOGNIZERS)
    [form] = [action for action in PARSERS['study run']._actions if action.dest == 'form']
    assert {*form.choices} == {*FORMS}


def fields(kind: type) -> dict[str, object]:
    return {field.name: field.default for field in dataclasses.fields(kind)
            if field.default is not dataclasses.MISSING}


@pytest.mark.parametrize('tool', sorted((ROOT / 'tools').glob('*.py')), ids=lambda path: path.name)
def test_every_tool_is_a_subcommand(tool):
    [name] = re.findall(r"run_tool\('(.+)'\)", tool.read_text())
    assert name in NAMES or f'prepare {name}' in PARSERS
    done = subprocess.run([sys.executable, tool, '--help'], capture_output=True, text=True)
    assert done.returncode == 0 and f'usage: {tool.name}' in done.stdout


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_completion_knows_every_subcommand(shell):
    printed = lddm_aug_command('--print-completion', shell).stdout
    assert all(name in printed for name in NAMES) and 'cfg-options' in printed
    assert all(name in printed for name in config_names())


def completed(line: str, folder: Path) -> list[str]:
    """What bash offers at the end of a line."""
    script = lddm_aug_command('--print-completion', 'bash').stdout
    words = line.split(' ')
    call = (f'{script}\nCOMP_WORDS=({" ".join(words[:-1])} "{words[-1]}"); '
            f'COMP_CWORD={len(words) - 1}; _shtab_lddm_aug; printf "%s\\n" "${{COMPREPLY[@]}}"')
    return subprocess.run(['bash', '-c', call], capture_output=True, text=True, check=True,
                          cwd=folder).stdout.split()


def test_bash_completes_subcommands_options_configs_and_files(tmp_path):
    (tmp_path / 'tsm_mine.py').touch()
    assert completed('lddm-aug tra', tmp_path) == ['train-generator', 'train']
    assert completed('lddm-aug train --res', tmp_path) == ['--resume']
    configs = completed('lddm-aug train tsm_', tmp_path)
    assert {'tsm_mine.py', *(name for name in config_names() if name.startswith('tsm_'))} == {
        *configs}
    assert completed('lddm-aug audit tsm', tmp_path) == ['tsm_mine.py']
