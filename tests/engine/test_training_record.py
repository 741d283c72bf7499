"""Nothing is trained here: what a record notices, and what follows from it."""
from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config

from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.runner_config import without_variables
from lddm_aug.engine.training_record import (
    differences,
    reasons_to_retrain,
    refuse_differences,
    training_record,
)
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill

CONFIGS = Path(__file__).parents[2] / 'mmaction_configs'
# What may change without a refusal.  That it changes no weight is shown by trainings, in
# test_generator_training.py.
UNRELATED = ('generator', 'log_processor', 'visualizer', 'default_hooks.logger',
             'default_hooks.timer', 'default_hooks.checkpoint', 'default_hooks.preview',
             'test_dataloader', 'test_cfg', 'test_evaluator', 'log_level',
             'vis_backends', 'resume')


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three videos; the third is a folder of frames."""
    random = np.random.default_rng(0)
    for name in ('0.npy', '1.npy', 'frames/0.npy', 'frames/1.npy'):
        (tmp_path / 'data' / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / 'data' / name, random.integers(256, size=(40, 64, 64), dtype=np.uint8))
    path = tmp_path / 'data/videos.csv'
    path.write_text('path,label,group,split\n0.npy,benign,a,train\n1.npy,malignant,b,train\n'
                    'frames,benign,c,test\n')
    return path


def stages(table: Path) -> dict[str, Config]:
    return stage_configs(CONFIGS / 'lddm/lddm.py', {
        'autoencoder.train_dataloader.dataset.ann_file': str(table),
        'autoencoder.val_dataloader.dataset.ann_file': str(table),
        'diffusion.train_dataloader.dataset.clips.ann_file': str(table)})


def autoencoder(table: Path, **options: Any) -> Config:
    config = stages(table)['autoencoder']
    config.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return config


def places(value: Any, key: tuple = ()) -> Iterator[tuple]:
    """Where in nested dicts and lists a single value stands."""
    parts = (value.items() if isinstance(value, dict) else
             enumerate(value) if isinstance(value, (list, tuple)) else ())
    parts = list(parts)
    if not parts and key:
        yield key
    for name, part in parts:
        yield from places(part, (*key, name))


def changed(value: Any, place: tuple) -> Any:
    """A copy in which the value at this place is another one."""
    name, *rest = place
    made = list(value) if isinstance(value, (list, tuple)) else dict(value)
    if rest:
        made[name] = changed(value[name], tuple(rest))
    else:
        old = value[name]
        made[name] = (not old if isinstance(old, bool) else old + 1 if isinstance(old, (int, float))
                      else f'{old}x' if isinstance(old, str) else 1)
    return made


@pytest.mark.parametrize('training', ['autoencoder', 'diffusion', 'tsm'])
def test_every_change_of_one_value_is_noticed_or_named_as_one_that_changes_no_weight(
        training, table):
    if training == 'tsm':
        before = without_variables(Config.fromfile(CONFIGS / 'tsm_phantom_real.py'))
        for loader in (before.train_dataloader, before.val_dataloader, before.test_dataloader):
            loader.dataset.ann_file = str(table)
    else:
        before = stages(table)[training]
    record, plain, unnoticed = training_record(before), before.to_dict(), set()
    every = list(places(plain))
    for place in every:
        try:
            config = Config(changed(plain, place))
            after = training_record(config, config.get('load_from'))
        except (FileNotFoundError, ValueError):
            continue                                 # a table that isn't there
        if not differences(record, after):
            unnoticed.add('.'.join(map(str, place)))
    assert len(every) > 60
    off = 'auto_scale_lr.base_batch_size'            # changes no weight while it isn't enabled
    assert not {key for key in unnoticed - {off}
                if not any(f'{key}.'.startswith(f'{known}.') for known in UNRELATED)}


@pytest.mark.parametrize('key', ['model', 'optim_wrapper', 'train_dataloader', 'param_scheduler',
                                 'train_cfg', 'randomness', 'custom_hooks'])
def test_a_part_that_is_taken_out_is_noticed(key, table):
    before = autoencoder(table)
    after = copy.deepcopy(before)
    after.pop(key)
    found = differences(training_record(before), training_record(after))
    assert found and all(name.startswith(key) for name in found)


def test_the_difference_is_shown_key_by_key_with_old_and_new_value(table):
    before = training_record(autoencoder(table))
    after = training_record(autoencoder(table, optim_wrapper__optimizer__lr=0.1,
                                        train_dataloader__dataset__classes=['malignant', 'benign']))
    with pytest.raises(ValueError, match='optim_wrapper') as refused:
        refuse_differences(differences(before, after))
    text = str(refused.value)
    assert 'optim_wrapper.optimizer.lr: 0.002 → 0.1' in text
    assert 'train_dataloader.dataset.classes.0: benign → malignant' in text


def test_many_differences_are_counted():
    with pytest.raises(ValueError, match=r'a: 1 → 2; .*d: 1 → 2; 3 more'):
        refuse_differences(dict.fromkeys('abcdefg', (1, 2)))
    refuse_differences({})


@pytest.mark.parametrize('change', [
    lambda folder: (folder / 'videos.csv').write_text(
        (folder / 'videos.csv').read_text().replace('1.npy,malignant', '1.npy,benign')),
    lambda folder: np.save(folder / '1.npy', np.zeros((40, 64, 64), np.uint8)),
    lambda folder: np.save(folder / 'frames/1.npy', np.zeros((40, 64, 64), np.uint8)),
    lambda folder: (folder / 'frames/1.npy').rename(folder / 'frames/2.npy'),
    lambda folder: (folder / 'frames/1.npy').rename(
        folder / 'frames' / os.fsdecode(b'M\xfcller.npy'))],
    ids=['table', 'video', 'frame', 'name of a frame', 'name that is not UTF-8'])
def test_other_data_at_the_same_path_are_noticed(table, change):
    before = training_record(autoencoder(table))
    change(table.parent)
    found = differences(before, training_record(autoencoder(table)))
    assert found and all('dataset.ann_file' in key for key in found)


def test_data_that_were_moved_are_the_same_data(table, tmp_path):
    root = str(table.parent)
    before = training_record(autoencoder(table, train_dataloader__dataset__data_root=root))
    shutil.move(table.parent, tmp_path / 'elsewhere')
    moved = tmp_path / 'elsewhere/videos.csv'
    after = autoencoder(moved, train_dataloader__dataset__data_root=str(moved.parent))
    assert not differences(before, training_record(after))


def test_lists_of_mmaction_are_read_and_the_files_they_name(tmp_path):
    dataset = dict(type='RawframeDataset', ann_file=str(tmp_path / 'list.txt'), pipeline=[],
                   data_prefix=dict(img=str(tmp_path)))
    (tmp_path / 'list.txt').write_text('video 2 0\n')
    (tmp_path / 'video').mkdir()
    (tmp_path / 'video/img_00001.jpg').write_bytes(b'a frame')
    before = training_record(Config(dict(train_dataloader=dict(dataset=dataset))))
    (tmp_path / 'video/img_00001.jpg').write_bytes(b'another')
    after = training_record(Config(dict(train_dataloader=dict(dataset=dataset))))
    assert list(differences(before, after)) == ['train_dataloader.dataset.ann_file.files']


def test_of_a_checkpoint_the_weights_count_and_nothing_else(table, tmp_path):
    def record(name: str, **content: Any) -> dict[str, Any]:
        torch.save(content, tmp_path / name)
        return training_record(autoencoder(table, model__init_cfg=dict(
            type='Pretrained', checkpoint=str(tmp_path / name))))

    weights = {'a': torch.arange(3.), 'b': torch.ones((), dtype=torch.bfloat16)}
    before = record('w.pth', state_dict=weights, meta=dict(time=1))
    assert not differences(before, record('w.pth', state_dict=weights, meta=dict(time=2)))
    for other in (weights | {'a': torch.arange(3)}, weights | {'a': torch.arange(3.)[None]},
                  {'a': weights['a']}, weights | {'b': -weights['b']}):
        found = differences(before, record('w.pth', state_dict=other, meta=dict(time=1)))
        assert list(found) == ['model.init_cfg.checkpoint']


def test_a_packages_content_counts_and_not_its_place(tmp_path):
    def record(folder: Path) -> dict[str, Any]:
        return training_record(Config(dict(model=dict(package=str(folder)))))

    save_package(tmp_path / 'a/package', RepeatStill(size=8), [])
    save_package(tmp_path / 'b/package', RepeatStill(size=8), [])
    before = record(tmp_path / 'a/package')
    assert not differences(before, record(tmp_path / 'b/package'))
    save_package(tmp_path / 'b/package', RepeatStill(size=9), [])
    assert list(differences(before, record(tmp_path / 'b/package'))) == ['model.package']


def test_a_longer_training_is_begun_anew_and_a_shorter_one_refused(table):
    long, short = (training_record(autoencoder(table, train_cfg__max_iters=iterations))
                   for iterations in (400, 300))
    assert reasons_to_retrain(long, long, 'autoencoder') == []
    [reason] = reasons_to_retrain(short, long, 'autoencoder')
    assert reason == 'autoencoder.train_cfg.max_iters is 400 instead of 300'
    with pytest.raises(ValueError, match=r'autoencoder.train_cfg.max_iters: 400 → 300'):
        reasons_to_retrain(long, short, 'autoencoder')


def test_a_longer_training_with_another_learning_rate_is_refused(table):
    before = training_record(autoencoder(table))
    after = training_record(autoencoder(table, train_cfg__max_iters=500,
                                        optim_wrapper__optimizer__lr=0.1))
    with pytest.raises(ValueError, match=r'\(optim_wrapper.optimizer.lr: 0.002 → 0.1\)'):
        reasons_to_retrain(before, after, '')


def test_what_a_training_began_from_counts(table, tmp_path):
    torch.save({'a': torch.ones(1)}, tmp_path / 'w.pth')
    config = autoencoder(table)
    found = differences(training_record(config), training_record(config, str(tmp_path / 'w.pth')))
    assert list(found) == ['load_from']
