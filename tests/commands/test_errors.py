from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import Registry
from torch.utils.data import DataLoader, Dataset

from lddm_aug.commands import errors, run_command, run_tool, table1
from lddm_aug.commands.arguments import add_cfg_options, add_device
from lddm_aug.commands.errors import friendly_errors
from lddm_aug.data.frames import UnreadableFileError


@pytest.mark.parametrize('error, status', [
    (ValueError('a.csv is empty'), 2), (FileNotFoundError('a.csv is missing'), 2),
    (KeyboardInterrupt(), 130)])
def test_what_the_user_can_correct_ends_in_one_line(capsys, error, status):
    with pytest.raises(SystemExit) as ended, friendly_errors():
        raise error
    assert ended.value.code == status
    printed = capsys.readouterr().err
    assert printed.endswith(f': {error.args[0] if error.args else "interrupted"}\n')
    assert printed.count('\n') == 1


def printed_by(capsys: pytest.CaptureFixture[str], fails: Callable[[], object]) -> str:
    """The one line that a tool ends with, its exit status being 2."""
    with pytest.raises(SystemExit) as ended, friendly_errors():
        fails()
    assert ended.value.code == 2
    *_, line = capsys.readouterr().err.splitlines()  # others' loggers may write before
    assert line.startswith(f'{Path(sys.argv[0]).name}: ')
    return line


class Tilted:
    """A part that fails in every way in which others' parts do."""

    def __init__(self, angle: float, way: str = 'compare') -> None:
        if way == 'assert':
            assert angle < 0
        if way == 'look up':
            {}[angle]
        if way == 'attribute':
            angle.degrees  # noqa: B018
        angle < 90  # noqa: B015


@pytest.fixture
def parts() -> Registry:
    registry = Registry('part')
    registry.register_module(module=Tilted)
    return registry


@pytest.mark.parametrize('config, named', [
    (dict(type='Titled', angle=3), "no part named 'Titled'; did you mean 'Tilted'?"),
    (dict(type='Tilted'), "'angle'"), (dict(type='Tilted', angle=3, colour=4), "'colour'"),
    (dict(type='Tilted', angle='steep'), "angle='steep'"),
    (dict(type='Tilted', angle=3, way='assert'), 'assert'),
    (dict(type='Tilted', angle=3, way='look up'), "Tilted(angle=3, way='look up')"),
    (dict(type='Tilted', angle=3, way='attribute'), 'degrees'),
    (dict(angle=3), '"type"'), ('Tilted', 'str')])
def test_a_part_that_cannot_be_built_is_named_with_its_arguments(capsys, parts, config, named):
    assert named in printed_by(capsys, lambda: parts.build(config))


def test_the_same_failure_outside_of_a_config_is_a_defect():
    for way, error in (('compare', TypeError), ('assert', AssertionError),
                       ('attribute', AttributeError)):
        with pytest.raises(error), friendly_errors():
            Tilted('steep', way) if way == 'compare' else Tilted(3, way)


@pytest.mark.parametrize('text, named', [
    (b'x = = 3', 'line 1: invalid syntax'), (b'\n\nx = 1 / 0', ':3: division by zero'),
    (b'a = 1\nx = {}["y"]', ':2: y'), (b"_base_ = 'absent.py'", 'absent.py'),
    (b"_base_ = './mine.py'", 'recursion'), ('x = "\xe4"'.encode('latin-1'), 'UTF-8'),
    (b"custom_imports = dict(imports=['nowhere_to_be_found'])", 'nowhere_to_be_found'),
    (b"_base_ = './base.py'\nmodel = dict(a=dict(b=1))", 'mine.py')])
def test_what_is_wrong_in_a_config_is_told_with_its_file(capsys, tmp_path, text, named):
    (tmp_path / 'base.py').write_text('model = dict(a=3)')
    config = tmp_path / 'mine.py'
    config.write_bytes(text)
    printed = printed_by(capsys, lambda: Config.fromfile(config))
    assert named in printed and ('mine.py' in printed or 'absent.py' in printed)


def test_a_base_config_with_wrong_syntax_is_the_file_that_is_named(capsys, tmp_path):
    (tmp_path / 'base.py').write_text('x = = 3')
    (tmp_path / 'mine.py').write_text("_base_ = './base.py'")
    printed = printed_by(capsys, lambda: Config.fromfile(tmp_path / 'mine.py'))
    assert 'base.py: line 1: invalid syntax' in printed


def test_a_gpus_lack_of_memory_is_no_defect(capsys):
    def fail() -> None:
        raise torch.OutOfMemoryError('CUDA out of memory')
    assert 'too little memory (CUDA' in printed_by(capsys, fail)


@pytest.mark.parametrize('device', ['cuda:99', 'gpu', 'mps'])
def test_a_device_that_is_not_there_is_refused_by_the_option(capsys, monkeypatch, device):
    parser = argparse.ArgumentParser()
    add_device(parser)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(['--device', device])
    assert ended.value.code == 2
    assert 'argument --device' in (printed := capsys.readouterr().err) and device in printed


def test_output_that_nobody_reads_ends_the_tool_without_a_word():
    script = ('from lddm_aug.commands.errors import friendly_errors\n'
              'with friendly_errors():\n    for _ in range(99999): print("a line")')
    ended = subprocess.run(f'{shlex.quote(sys.executable)} -c {shlex.quote(script)} | head -1; '
                           'echo ${PIPESTATUS[0]}', shell=True, executable='/bin/bash',
                           capture_output=True, text=True, check=True)
    assert ended.stdout == 'a line\n141\n' and 'Broken' not in ended.stderr


def test_a_defect_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), friendly_errors():
        raise ZeroDivisionError


def test_a_name_that_a_config_does_not_define_is_told_with_its_place(capsys, tmp_path):
    config = tmp_path / 'mine.py'
    config.write_text('model = dict()\nepochs = unknown + 1\n')
    with pytest.raises(SystemExit), friendly_errors():
        Config.fromfile(config)
    assert capsys.readouterr().err.endswith(f": {config}:2: name 'unknown' is not defined\n")


def test_an_undefined_name_of_ours_keeps_its_traceback():
    with pytest.raises(NameError), friendly_errors():
        unknown  # noqa: B018, F821


def test_python_x_dev_shows_the_traceback(monkeypatch):
    developer = SimpleNamespace(argv=[''], stdout=None, stderr=None, modules=sys.modules,
                                flags=SimpleNamespace(dev_mode=True))
    monkeypatch.setattr(errors, 'sys', developer)
    with pytest.raises(ValueError, match=r'a.csv is empty'), friendly_errors():
        raise ValueError('a.csv is empty')


class Unreadable(Dataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        try:
            raise RuntimeError('a decoder fails')
        except RuntimeError as error:
            raise UnreadableFileError('a.avi cannot be read:\n  it is cut off') from error


def test_an_error_in_a_worker_process_is_told_without_its_traceback(capsys):
    with pytest.raises(SystemExit), friendly_errors():
        next(iter(DataLoader(Unreadable(), num_workers=1)))
    printed = capsys.readouterr().err
    assert printed.endswith(': a.avi cannot be read: it is cut off\n')
    assert 'Traceback' not in printed


def test_too_little_memory_is_said_in_one_sentence(capsys):
    for error, said in ((MemoryError(), 'there is too little memory'),
                        (MemoryError('there is too little memory to read a.mp4'), 'a.mp4')):
        with pytest.raises(SystemExit) as ended, friendly_errors():
            raise error
        assert ended.value.code == 2
        printed = capsys.readouterr().err
        assert said in printed and 'Traceback' not in printed


@pytest.mark.parametrize('error', [
    TypeError("'int' object is not iterable"), KeyError('type'), AttributeError('no attribute'),
    ZeroDivisionError('division by zero'), RecursionError('maximum recursion depth exceeded')])
def test_what_fails_with_values_put_into_a_config_names_them(capsys, error):
    def fail():
        raise error

    with pytest.raises(type(error)), friendly_errors('train'):
        fail()
    with pytest.raises(SystemExit) as ended, friendly_errors('train', {'model.width': 'a'}):
        fail()
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f'train: --cfg-options model.width: {error.args[0]} '
                              f'({type(error).__name__}; ') and printed.count('\n') == 1


@pytest.mark.parametrize('value', ['a.x=[1,2', 'a.x=(1,2', 'a.x=1,2]', 'a.x=[(1,2],3)', 'a=[,[',
                                   'a=' + '[' * 5000 + ']' * 5000])
def test_brackets_that_do_not_match_end_in_one_message(capsys, value):
    parser = argparse.ArgumentParser('train')
    add_cfg_options(parser, '')
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(['--cfg-options', 'b=1', value])
    assert ended.value.code == 2
    assert f'--cfg-options: the brackets of {value[:80]} do not' in capsys.readouterr().err


OPTION = ['--cfg-options', 'diffusion.model=3']


def test_a_command_names_the_options_that_it_fails_with(monkeypatch, capsys):
    monkeypatch.setattr(table1, 'run', lambda args: {}['type'])
    for call in (lambda: run_tool('table1', ['--data', 'phantom', *OPTION]),
                 lambda: run_command(lambda: None, ['table1', '--data', 'phantom', *OPTION])):
        with pytest.raises(SystemExit):
            call()
        assert '--cfg-options diffusion.model: type (KeyError' in capsys.readouterr().err
