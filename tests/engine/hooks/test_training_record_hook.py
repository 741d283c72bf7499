from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from lddm_aug.engine import training_record as training_record_module
from lddm_aug.engine.hooks import training_record_hook
from lddm_aug.engine.training_record import differences
from lddm_aug.versions import run_versions

HOOKS = [dict(type='TrainingRecordHook')]


def record(path):
    return torch.load(path, weights_only=True)['meta']['training_record']


def settings(lr=0.1):
    return Config(dict(optim_wrapper=dict(optimizer=dict(lr=lr)), work_dir='anywhere'))


def test_every_checkpoint_says_how_it_was_trained(toy_runner, tmp_path):
    toy_runner(2, hooks=HOOKS, cfg=settings()).train()
    for epoch in (1, 2):
        assert record(tmp_path / f'epoch_{epoch}.pth') == dict(
            config={'optim_wrapper.optimizer.lr': 0.1, 'load_from': None}, inputs={},
            processes=1, versions=[run_versions()])


def test_a_training_is_resumed_as_itself_and_as_no_other(toy_runner, tmp_path):
    toy_runner(1, hooks=HOOKS, cfg=settings()).train()
    other = toy_runner(2, hooks=HOOKS, cfg=settings(0.2), resume=True)
    with pytest.raises(ValueError, match=r'^resume: .*\(optim_wrapper.optimizer.lr: 0.1 → 0.2\)'):
        other.train()
    assert not (tmp_path / 'epoch_2.pth').exists()
    toy_runner(2, hooks=HOOKS, cfg=settings(), resume=True).train()
    assert (tmp_path / 'epoch_2.pth').exists()


def begun_by(processes, batch_size, monkeypatch):
    """The record of a training with batches of this size in each of so many processes."""
    monkeypatch.setattr(training_record_module, 'get_world_size', lambda: processes)
    return training_record_module.training_record(
        Config(dict(train_dataloader=dict(batch_size=batch_size))))


def test_another_number_of_processes_resumes_with_a_warning(toy_runner, tmp_path, monkeypatch):
    toy_runner(1, hooks=HOOKS, cfg=settings()).train()
    monkeypatch.setattr(training_record_module, 'get_world_size', lambda: 2)
    said = []
    monkeypatch.setattr(training_record_hook, 'print_log', lambda text, **_: said.append(text))
    toy_runner(2, hooks=HOOKS, cfg=settings(), resume=True).train()
    assert record(tmp_path / 'epoch_2.pth')['processes'] == 2
    assert ['2 processes instead of 1' in text for text in said] == [True]


@pytest.mark.parametrize('processes, batch_size, found', [
    (2, 8, {}), (4, 4, {}), (2, 4, {'train_dataloader.batch_size': (16, 4)})])
def test_smaller_batches_of_more_processes_are_the_same_training(
        processes, batch_size, found, monkeypatch):
    alone = begun_by(1, 16, monkeypatch)
    assert differences(alone, begun_by(processes, batch_size, monkeypatch)) == found


def test_scaling_of_the_learning_rate_counts_where_it_is_on():
    def with_scaling(**values):
        return training_record_module.training_record(Config(dict(auto_scale_lr=values)))

    off = with_scaling(enable=False, base_batch_size=128)
    assert not differences(off, with_scaling(enable=False, base_batch_size=16))
    assert not differences(off, training_record_module.training_record(Config({})))
    assert differences(off, with_scaling(enable=True, base_batch_size=128)) == {
        'auto_scale_lr.enable': (False, True)}


def test_all_versions_that_trained_it_are_named(toy_runner, tmp_path, monkeypatch):
    toy_runner(1, hooks=HOOKS, cfg=settings()).train()
    newer = run_versions() | {'torch': '99.0'}
    monkeypatch.setattr(training_record_hook, 'run_versions', lambda: newer)
    toy_runner(2, hooks=HOOKS, cfg=settings(), resume=True).train()
    assert record(tmp_path / 'epoch_2.pth')['versions'] == [run_versions(), newer]


def test_weights_without_a_record_begin_a_training_but_are_not_resumed(toy_runner, tmp_path):
    toy_runner(1).train()
    toy_runner(1, hooks=HOOKS, work_dir=tmp_path / 'new',
               load_from=str(tmp_path / 'epoch_1.pth')).train()
    with pytest.raises(ValueError, match='does not say what it was trained on'):
        toy_runner(2, hooks=HOOKS, resume=True).train()


@pytest.mark.parametrize('option, lacking', [
    ('save_optimizer', 'lacks optimizer,'), ('save_param_scheduler', 'lacks param_schedulers,')])
def test_a_checkpoint_without_the_state_of_its_training_is_not_resumed(
        option, lacking, toy_runner):
    toy_runner(1, hooks=HOOKS, checkpoint={option: False}).train()
    with pytest.raises(ValueError, match=lacking):
        toy_runner(2, hooks=HOOKS, resume=True).train()
