"""Configs found by name, and what is chosen in them."""
import os
from pathlib import Path

import pytest

from lddm_aug.configs import (
    CLIPS,
    choose,
    chosen,
    config_names,
    config_root,
    environment,
    find_config,
    find_recipe,
    generator_folder,
    part_names,
    read_config,
    recipe_names,
    recipe_of,
    store_folder,
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


def test_a_part_of_ones_own_is_named_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('wide.py').write_text("_base_ = 'lddm_aug::_base_/models/tsm_small.py'\n"
                               'model = dict(backbone=dict(divide=2))')
    Path('mine.py').write_text((config_root() / '_base_/datasets/phantom.py').read_text().replace(
        "f'phantom{", "f'mine{"))
    choice = choose('mine.py', recognizer='wide.py', training_set='lddm_mix')
    config = read_config('recognizer', choice)
    assert config.model.backbone.divide == 2
    assert config.train_dataloader.dataset.synthetic.store == 'work_dirs/synthetic/mine_lddm'
    assert config.work_dir == 'work_dirs/wide_mine_lddm_mix'
    assert generator_folder(read_config('lddm/lddm', choice)) == Path('work_dirs/lddm/mine')


def test_a_choice_holds_what_was_chosen_and_nothing_else():
    assert choose('busv', size=224, frames=32, stride=2, split='3_7_seed1.csv', recognizer='c3d',
                  training_set='lddm_mix') == {
        'DATASET': 'busv', 'SIZE': '224', 'FRAMES': '32', 'STRIDE': '2', 'SPLIT': '3_7_seed1',
        'RECOGNIZER': 'c3d', 'TRAINING_SET': 'lddm_mix'}


@pytest.mark.parametrize('wrong, rule', [
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
    assert chosen(size=64) == (64, 16, 3, '', '', '')
    assert chosen(size=128, split='7_3_seed0') == (128, 16, 3, '7_3_seed0', '', '')
    with environment(choose(size=64, split='7_3_seed0')):
        assert chosen(size=64, split='7_3_seed0').variant == ''
    with environment(choose(size=128, frames=32, stride=2, split='5_5_seed1')):
        assert chosen(size=64) == (128, 32, 2, '5_5_seed1', '_128',
                                   '_128_32frames_stride2_5_5_seed1')
    with environment({'FRAMES': 'many'}), pytest.raises(ValueError, match=r'frames .*many'):
        chosen(size=64)


@pytest.mark.parametrize('name, recipe, choice', [
    ('cinn', 'cinn', {}),
    ('lddm/cinn.py', 'cinn', {}),
    ('phantom', 'lddm', {'DATASET': 'phantom'}),
    ('mmaction_configs/lddm/phantom_128.py', 'lddm', {'DATASET': 'phantom', 'SIZE': '128'}),
    ('covid_blues_cinn_paper', 'cinn_paper', {'DATASET': 'covid_blues'}),
    ('covid_blues_224_repeat_still', 'repeat_still', {'DATASET': 'covid_blues', 'SIZE': '224'}),
    ('busv_paper', 'lddm_paper', {'DATASET': 'busv'})])
def test_a_generator_is_called_by_recipe_or_by_data_size_and_recipe(name, recipe, choice):
    assert find_recipe(name) == (config_root() / f'lddm/{recipe}.py', choice)


@pytest.mark.parametrize('name', ['gan', 'phantom_gan', 'lddm/phantom_autoencoder.py',
                                  'elsewhere/phantom.py', 'folder', 'phantom_40'])
def test_a_generator_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match=r'no generator .*cinn_paper|size .*40'):
        find_recipe(name)


@pytest.mark.parametrize('choice, recipe, package, store', [
    (choose('phantom'), 'lddm', 'work_dirs/lddm/phantom', 'work_dirs/synthetic/phantom_lddm'),
    (choose('busv', split='3_7_seed1'), 'cinn', 'work_dirs/lddm/busv_3_7_seed1_cinn',
     'work_dirs/synthetic/busv_3_7_seed1_cinn'),
    (choose('phantom', size=128), 'repeat_still', 'work_dirs/lddm/phantom_128_repeat_still',
     'work_dirs/synthetic/phantom_128_still'),
    ({'DATA': 'my/data'}, 'lddm', 'my/data/generators/lddm', 'my/data/synthetic/lddm'),
    ({'DATA': 'my/data', 'FRAMES': '32'}, 'motion_transfer',
     'my/data/generators/motion_transfer_32frames', 'my/data/synthetic/transfer_32frames')])
def test_what_one_command_writes_the_next_one_finds(choice, recipe, package, store):
    """Whatever was chosen, in the folder that a training set reads."""
    config = read_config(f'lddm/{recipe}', choice)
    assert generator_folder(config) == Path(package)
    assert store_folder(config) == Path(store)
    clips = {'lddm': 'lddm_mix', 'repeat_still': 'still_mix', 'motion_transfer': 'transfer_mix',
             'cinn': 'cinn_mix'}
    mix = read_config('recognizer', {**choice, 'TRAINING_SET': clips[recipe]})
    assert mix.train_dataloader.dataset.synthetic.store == store
    online = read_config('recognizer', {**choice, 'TRAINING_SET': 'lddm_online'})
    made_by = online.train_dataloader.dataset.synthetic.pipeline[1].package
    assert made_by == f'{generator_folder(read_config("lddm/lddm", choice))}/package'


def test_the_clips_of_a_recipe_have_the_name_that_leads_back_to_it():
    for recipe in recipe_names():
        clips = CLIPS.get(recipe, recipe)
        assert recipe_of(clips) == recipe
    assert recipe_of('lddm_blind') == 'lddm'


def test_ones_own_config_works_in_a_folder_of_its_name(tmp_path):
    (tmp_path / 'mine.py').write_text('value = 3')
    assert generator_folder(read_config(tmp_path / 'mine.py')) == Path('work_dirs/lddm/mine')


def test_a_choice_lasts_no_longer_than_it_should():
    before = dict(os.environ)
    with environment({'SIZE': '128', 'PATH': None}):
        assert os.environ['SIZE'] == '128' and 'PATH' not in os.environ
    assert dict(os.environ) == before


def test_parts_are_known_by_their_files():
    assert {'busv', 'phantom', 'covid_blues', 'folder'} == set(part_names('datasets'))
    assert {'c3d', 'tsm', 'tdn', 'atmnet', 'r3d'} <= set(part_names('models'))
