"""Configs found by name, and what is chosen in them."""
import os
from pathlib import Path

import pytest

from lddm_aug.configs import (
    choose,
    clip_shape,
    config_names,
    config_root,
    environment,
    find_config,
    part_names,
    read_config,
)


def test_every_name_leads_to_its_file_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = config_names()
    assert 'tsm_busv_lddm_mix' in names and not any('_base_' in name for name in names)
    for name in names:
        for asked in (name, f'{name}.py', f'mmaction_configs/{name}.py',
                      f'/else/mmaction_configs/{name}'):
            assert find_config(asked) == config_root() / f'{name}.py'


def test_a_file_of_ones_own_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('mine.py').write_text('value = 3')
    assert read_config('mine.py').value == 3
    assert find_config(tmp_path / 'mine.py') == tmp_path / 'mine.py'


@pytest.mark.parametrize('name', ['tsm_busv_lddm_mx', 'mmaction_configs/tsm_busv_lddm_mx.py'])
def test_a_misspelt_config_is_told_what_is_alike(name):
    with pytest.raises(ValueError, match=r'no config .*tsm_busv_lddm_mx.*did you mean '
                                         r'tsm_busv_lddm_mix'):
        find_config(name)


def test_a_folder_and_a_data_set_are_told_apart(tmp_path):
    assert choose(tmp_path) == {'DATASET': 'folder', 'DATA': str(tmp_path)}
    assert choose('phantom') == {'DATASET': 'phantom'}
    assert choose() == {}


def test_a_choice_holds_what_was_chosen_and_nothing_else():
    assert choose('busv', size=224, frames=32, stride=2, split='3_7_seed1.csv', recognizer='c3d',
                  training_set='lddm_mix') == {
        'DATASET': 'busv', 'SIZE': '224', 'FRAMES': '32', 'STRIDE': '2', 'SPLIT': '3_7_seed1',
        'RECOGNIZER': 'c3d', 'TRAINING_SET': 'lddm_mix'}


@pytest.mark.parametrize(('wrong', 'rule'), [
    (dict(data='phantm'), 'data: .*phantm.*did you mean phantom'),
    (dict(data='folder'), 'data: .*folder'),
    (dict(size=40), 'size .*multiple of 16 .*40'),
    (dict(size=80), 'size .*32 above.*80'),
    (dict(size=0), 'size .*0'),
    (dict(size=-64), 'size .*-64'),
    (dict(frames=18), 'frames .*multiple of 4.*18'),
    (dict(stride=0), 'stride .*0'),
    (dict(split="7'"), 'SPLIT .*quotes'),
    (dict(recognizer='tsn'), "recognizer: .*'tsn'.*tsm")])
def test_what_cannot_be_chosen_is_refused_by_name(wrong, rule):
    with pytest.raises(ValueError, match=rule):
        choose(**wrong)


def test_clips_have_the_datas_shape_unless_another_is_chosen():
    nothing = dict.fromkeys(('SIZE', 'FRAMES', 'STRIDE'))
    with environment(nothing):
        assert clip_shape(size=64) == (64, 16, 3, '', '')
        with environment(choose(size=64)):
            assert clip_shape(size=64).variant == ''
        with environment(choose(size=128, frames=32, stride=2)):
            assert clip_shape(size=64) == (128, 32, 2, '_128', '_128_32frames_stride2')
        with environment({'FRAMES': 'many'}), pytest.raises(ValueError, match='frames .*many'):
            clip_shape(size=64)


def test_a_choice_lasts_no_longer_than_it_should():
    before = dict(os.environ)
    with environment({'SIZE': '128', 'PATH': None}):
        assert os.environ['SIZE'] == '128' and 'PATH' not in os.environ
    assert dict(os.environ) == before


def test_parts_are_known_by_their_files():
    assert {'busv', 'phantom', 'covid_blues', 'folder'} == set(part_names('datasets'))
    assert {'c3d', 'tsm', 'tdn', 'atmnet', 'r3d'} <= set(part_names('models'))
