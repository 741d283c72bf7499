from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook
from torch.testing import assert_close

SEED = dict(type='IterationSeedHook')


class Interrupt(Hook):
    def __init__(self, iteration):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            raise KeyboardInterrupt


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(toy_runner, tmp_path):
    whole = toy_runner(4, hooks=[SEED], work_dir=tmp_path / 'whole').train()
    with pytest.raises(KeyboardInterrupt):
        toy_runner(4, hooks=[SEED, Interrupt(7)], work_dir=tmp_path / 'parts').train()
    torch.manual_seed(99)  # whatever happened in between
    resumed = toy_runner(4, hooks=[SEED], work_dir=tmp_path / 'parts', resume=True).train()
    assert_close(resumed.state_dict(), whole.state_dict(), rtol=0, atol=0)


def test_another_seed_draws_something_else(toy_runner, tmp_path):
    weights = [toy_runner(1, hooks=[dict(type='IterationSeedHook', seed=seed)],
                          work_dir=tmp_path / str(seed)).train().linear.weight for seed in (1, 2)]
    assert not torch.equal(*weights)


def test_every_iteration_draws_something_else(toy_runner):
    drawn = []
    runner = toy_runner(1, hooks=[SEED])
    runner.model.register_forward_pre_hook(lambda *_: drawn.append(torch.rand(()).item()))
    runner.train()
    assert len(set(drawn)) == len(drawn) == 3
