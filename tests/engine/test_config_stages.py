"""A recipe's stages become the configs that a Runner takes."""
import pytest

from lddm_aug.configs import find_config
from lddm_aug.engine.config_stages import stage_configs, stage_names

RECIPE = """
randomness = dict(seed=3)
width = 8
default_hooks = dict(logger=dict(type='LoggerHook', interval=5), timer=dict(type='IterTimerHook'))
stages = dict(
    first=dict(model=dict(type='A', width=width), default_hooks=dict(logger=dict(interval=1))),
    second='second.py',
    third=dict(model=dict(type='C'), default_hooks=dict(_delete_=True, timer=None)))
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / 'second.py').write_text("model = dict(type='B')\nremark = 'read by nothing'")
    (tmp_path / 'recipe.py').write_text(RECIPE)
    return tmp_path / 'recipe.py'


def test_a_stage_is_the_rest_of_the_file_with_its_own_on_top(recipe):
    stages = stage_configs(recipe)
    assert list(stages) == stage_names(recipe) == ['first', 'second', 'third']
    assert stages['first'].to_dict() == dict(
        randomness=dict(seed=3), model=dict(type='A', width=8), default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1), timer=dict(type='IterTimerHook')))
    assert stages['second'].to_dict() == dict(model=dict(type='B'))
    assert stages['third'].default_hooks.to_dict() == dict(timer=None)


def test_a_config_without_stages_is_its_own_only_one(recipe):
    alone = stage_configs(recipe.with_name('second.py'))
    assert {name: stage.to_dict() for name, stage in alone.items()} == {
        '': dict(model=dict(type='B'))}


def test_an_option_goes_to_its_stage_and_to_no_other(recipe):
    stages = stage_configs(recipe, {'third.model.width': 16, 'first.randomness.seed': 4})
    assert stages['third'].model.width == 16 and stages['first'].model.width == 8
    assert [stages[name].randomness.seed for name in ('first', 'third')] == [4, 3]


@pytest.mark.parametrize('key, named', [
    ('fourth.model', 'first, second, third'), ('first', 'first'), ('model.width', 'model'),
    ('first.width', 'width is a variable'), ('first.modle.width', 'model')])
def test_an_option_that_would_change_nothing_is_refused(recipe, key, named):
    with pytest.raises(ValueError, match=named):
        stage_configs(recipe, {key: 1})


def test_a_recipe_of_ones_own_inherits_one_of_ours(tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'lddm_aug::lddm/lddm.py'\n"
        'stages = dict(diffusion=dict(model=dict(denoiser=dict(depth=9))))')
    mine, ours = stage_configs(tmp_path / 'mine.py'), stage_configs(find_config('lddm/lddm'))
    assert mine['autoencoder'].to_dict() == ours['autoencoder'].to_dict()
    assert mine['diffusion'].model.denoiser.depth == 9
    mine['diffusion'].model.denoiser.depth = ours['diffusion'].model.denoiser.depth
    assert mine['diffusion'].to_dict() == ours['diffusion'].to_dict()


@pytest.mark.parametrize('key, reason', [
    ('first.param_scheduler.9.x', 'param_scheduler is a list of 1'),
    ('first.param_scheduler.end.x', 'param_scheduler is a list of 1'),
    ('first.param_scheduler.0', 'another kind'), ('first.model.width.x', 'model.width is 8'),
    ('first.model.width.x.y.z', 'model.width is 8'), ('first.model.type.0', "model.type is 'A'")])
def test_an_option_that_leads_to_nothing_is_refused(tmp_path, key, reason):
    (tmp_path / 'recipe.py').write_text(
        "stages = dict(first=dict(model=dict(type='A', width=8),\n"
        "                         param_scheduler=[dict(type='B')]))")
    inside = key.removeprefix('first.')
    with pytest.raises(ValueError, match=f'--cfg-options {inside}: .*{reason}'):
        stage_configs(tmp_path / 'recipe.py', {key: 1})


def test_what_is_said_of_a_student_counts_for_its_paths_and_its_generator():
    recipe = find_config('lddm/lddm_distilled')
    usual = stage_configs(recipe)['distillation']
    assert (usual.generator.steps, usual.train_dataloader.dataset.student_steps) == (2, 2)
    assert 'condition_guidance' not in usual.generator
    stage = stage_configs(recipe, {
        'distillation.model.student_steps': 1, 'distillation.model.unrolled': False,
        'distillation.model.condition_guidance.label': 3.})['distillation']
    dataset, generator = stage.train_dataloader.dataset, stage.generator
    assert (generator.steps, dataset.student_steps, dataset.teacher_steps) == (1, 1, 10)
    assert generator.condition_guidance == dataset.condition_guidance == dict(label=3.)
    assert stage.model.unrolled is False and 'unrolled' not in {*dataset, *generator}
