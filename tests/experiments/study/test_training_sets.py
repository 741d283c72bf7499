from __future__ import annotations

import pytest
from mmengine.config import Config

from lddm_aug.configs import read_config
from lddm_aug.datasets.training_sets import TRAINING_SETS
from lddm_aug.experiments.study.training_sets import OPTIONS, TrainingSet, put_into


def built(name: str, recognizer: str = 'tsm', **arguments) -> Config:
    config = read_config(f'{recognizer}_busv_real')
    config.data.oracle = 'oracle.csv'
    put_into(config, TrainingSet.parse(name), seed=0, **arguments)
    return config


def without(value, *keys):
    """A config without what a study may set otherwise."""
    if isinstance(value, dict):
        return {key: without(item, *keys) for key, item in value.items() if key not in keys}
    return [without(item, *keys) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize('name', ['real', 'synthetic', 'lddm_mix', 'cinn_mix', 'still_mix',
                                  'real_twice', 'transfer_mix'])
@pytest.mark.parametrize('recognizer', ['c3d', 'atmnet'])
def test_a_training_set_is_that_of_the_config_of_its_name(recognizer, name):
    theirs = read_config(f'{recognizer}_busv_{name}')
    ours = built(name, recognizer, synthetic_per_real=1.0)
    ours, theirs = (without(config.train_dataloader.to_dict(), 'seed')
                    for config in (ours, theirs))
    assert ours == theirs


def test_the_oracle_reads_the_true_clips_and_no_split_of_the_videos():
    mix = built('oracle', synthetic_per_real=2.)
    dataset = mix.train_dataloader.dataset
    assert dataset.synthetic_per_real == 2
    assert dataset.synthetic.ann_file == 'oracle.csv'
    assert not {'split', 'split_file'} & set(dataset.synthetic)
    assert dataset.synthetic.pipeline == dataset.real.pipeline


def test_what_joins_the_real_videos_is_drawn_apart_from_them():
    """The placebo would otherwise show every clip twice in the same way."""
    dataset = built('real_twice', synthetic_per_real=1.).train_dataloader.dataset
    assert dataset.synthetic.seed != dataset.real.get('seed', 0)


def test_soft_labels_come_right_before_packing_in_both_parts():
    dataset = built('lddm_mix+soft', synthetic_per_real=1.).train_dataloader.dataset
    for part in (dataset.real, dataset.synthetic):
        assert [transform['type'] for transform in part.pipeline][-2:] == [
            'SoftenLabel', 'PackActionInputs']
    assert 'SoftenLabel' not in str(built('real').test_dataloader)
    *_, defer = built('lddm_device+soft',
                      synthetic_per_real=1.).train_dataloader.dataset.synthetic.pipeline
    assert [transform['type'] for transform in defer.pipeline][-2:] == [
        'SoftenLabel', 'PackActionInputs']


def test_schedules_and_blendings_are_hooks_and_preprocessors_of_mmaction2():
    config = built('still_mix+off_at_end+cutmix', synthetic_per_real=1.)
    assert config.custom_hooks[-1] == dict(
        type='SyntheticShareHook', points=[(0, 1), (0.75, 1), (0.75, 0)])
    assert config.model.data_preprocessor.blending == dict(
        type='CutmixBlending', alpha=1.0, num_classes=2)


def test_the_filters_list_goes_to_the_store():
    dataset = built('cinn_mix+filtered', keep='kept.json', synthetic_per_real=1.)
    assert dataset.train_dataloader.dataset.synthetic.keep == 'kept.json'


@pytest.mark.parametrize('name, message', [
    ('lddm_mx', "training set 'lddm_mx': 'lddm_mx' is unknown; the bases are real, "),
    ('lddm_mix+mixdown', "'mixdown' is unknown; .*options behind a \\+ warm_up, decay"),
    ('real+warm_up', 'warm_up needs generated clips beside real ones'),
    ('oracle+filtered', 'filtered needs generated clips'),
    ('lddm_online+filtered', 'filtered needs generated clips'),
    ('synthetic+decay', 'decay needs generated clips beside real ones'),
    ('lddm_mix+warm_up+decay', 'can be one schedule at most, but got warm_up and decay; leave'),
    ('real+cutmix+mixup', 'can be one blending at most, but got mixup and cutmix; leave'),
    ('lddm_mix+soft+mixup', r'in the order warm_up, decay, .*; call it lddm_mix\+mixup\+soft$'),
    ('lddm_mix+soft+soft', r'options stand once each, .*; call it lddm_mix\+soft$')])
def test_a_name_that_means_nothing_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        TrainingSet.parse(name)


@pytest.mark.parametrize('name', [*TRAINING_SETS, *(f'lddm_mix+{option}' for option in OPTIONS)])
def test_every_base_and_option_is_understood(name):
    assert TrainingSet.parse(name).base == name.split('+')[0]


def test_options_of_different_kinds_go_together_in_their_order():
    assert TrainingSet.parse('lddm_mix+decay+cutmix+soft+filtered').options == (
        'decay', 'cutmix', 'soft', 'filtered')
