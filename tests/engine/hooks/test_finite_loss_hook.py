from __future__ import annotations

import pytest
import torch

from lddm_aug.engine.hooks import finite_loss_hook


def test_a_training_that_diverges_ends_before_its_weights_are_kept(toy_runner, tmp_path):
    runner = toy_runner(3, hooks=[dict(type='FiniteLossHook')],
                        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e30)))
    with pytest.raises(ValueError, match=r'the loss of iteration \d is (inf|nan), .* lower '):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))


def test_a_training_with_a_finite_loss_goes_on(toy_runner):
    runner = toy_runner(1, hooks=[dict(type='FiniteLossHook')])
    runner.train()
    assert runner.iter == 3


def test_a_training_ends_where_another_rank_diverges(toy_runner, tmp_path, monkeypatch):
    monkeypatch.setattr(finite_loss_hook, 'all_reduce', lambda loss, op: loss.fill_(torch.nan))
    runner = toy_runner(1, hooks=[dict(type='FiniteLossHook')])
    with pytest.raises(ValueError, match=r'the loss of iteration 1 is nan'):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))
