from __future__ import annotations

import pytest

from lddm_aug import configs
from lddm_aug.configs import choose, config_root, read_config
from lddm_aug.datasets.training_sets import find_training_set, is_training_set
from lddm_aug.experiments.study.training_sets import TrainingSet


@pytest.fixture
def shake(tmp_path, monkeypatch):
    """Our configs, and the recipe of one more generator beside them."""
    for path in config_root().rglob('*.py'):
        copy = tmp_path / path.relative_to(config_root())
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    (tmp_path / 'lddm/shake.py').write_text("_base_ = './random_warp.py'\n")
    monkeypatch.setattr(configs, 'config_root', lambda: tmp_path)


def test_a_recipe_and_mix_are_a_training_set_as_if_it_had_a_function(shake):
    own, cinn = (read_config('recognizer', choose('phantom', training_set=name))
                 for name in ('shake_mix', 'cinn_mix'))
    ours, theirs = own.train_dataloader.dataset, cinn.train_dataloader.dataset
    assert ours.synthetic.store == theirs.synthetic.store.replace('cinn', 'shake')
    ours.synthetic.store = theirs.synthetic.store
    assert ours == theirs


def test_a_study_has_it_trained_by_its_recipe_with_options_and_all(shake):
    mix = TrainingSet.parse('shake_mix+mixup+soft')
    assert mix.is_mix and configs.recipe_of(mix.generator) == 'shake'


@pytest.mark.parametrize('name', ['shake_mix', 'cinn', 'repeat_still_mix', '_mix', ''])
def test_what_is_neither_is_refused_with_what_there_is(name):
    assert not is_training_set(name)
    with pytest.raises(ValueError, match=r'training set: .*real, .*lddm_mix, .*recipe'):
        find_training_set(name)
    with pytest.raises(ValueError, match=r'is unknown; the bases are real, .*recipe'):
        TrainingSet.parse(name)
