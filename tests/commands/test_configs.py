"""lddm-aug configs: what it finds, shows and copies."""
from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from lddm_aug.commands import run_command
from lddm_aug.configs import config_names, config_root, find_config
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.runner_config import without_variables


def configs(*arguments: object) -> None:
    run_command(lambda: None, ['configs', *map(str, arguments)])


def test_list_prints_each_name_with_its_question(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    configs('list')
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == config_names()
    configs('list', 'tsm', 'busv', 'lddm_mix')
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith('tsm_busv_lddm_mix  Does one generated clip per real clip help TSM?')


def test_show_prints_what_can_be_read_again(capsys, tmp_path):
    configs('show', 'tsm_phantom_lddm_mix')
    (tmp_path / 'shown.py').write_text(capsys.readouterr().out)
    shown = Config.fromfile(tmp_path / 'shown.py')
    whole = Config.fromfile(find_config('tsm_phantom_lddm_mix'))
    assert shown.to_dict() == without_variables(whole).to_dict()
    configs('show', 'tsm_phantom_lddm_mix', '--text')
    assert capsys.readouterr().out == find_config('tsm_phantom_lddm_mix').read_text()


@pytest.mark.parametrize('name', config_names())
def test_a_copy_says_the_same_wherever_it_lies(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    configs('copy', name, '--out', 'mine')
    copy = tmp_path / 'mine' / find_config(name).name
    theirs = stage_configs(find_config(name))
    for stage, config in stage_configs(copy).items():
        assert config.to_dict() == theirs[stage].to_dict()
    assert str(config_root()) not in copy.read_text()


def test_a_copy_overwrites_nothing(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path('tsm_phantom_real.py').write_text('mine')
    with pytest.raises(SystemExit) as ended:
        configs('copy', 'tsm_phantom_real')
    assert ended.value.code == 2 and 'tsm_phantom_real.py' in capsys.readouterr().err
    assert Path('tsm_phantom_real.py').read_text() == 'mine'


def test_a_name_that_is_none_is_answered_with_those_alike(capsys):
    with pytest.raises(SystemExit) as ended:
        configs('show', 'tsm_busv_ldm_mix')
    assert ended.value.code == 2 and 'tsm_busv_lddm_mix' in capsys.readouterr().err
