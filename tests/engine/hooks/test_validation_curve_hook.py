from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook
from torch.testing import assert_close
from torch.utils.data import Dataset

from lddm_aug.engine.hooks import ValidationCurveHook


class HeldOut(Dataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {'x': torch.ones(2)}


class Interrupt(Hook):
    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            raise KeyboardInterrupt


@pytest.fixture
def train(toy_runner, tmp_path):
    """train(folder, hook, …) → the trained weights; 6 iterations, validated after every second."""
    def run(folder, *hooks, resume=False):
        runner = toy_runner(
            hooks=[dict(type='IterationSeedHook'), *hooks], val=HeldOut(), resume=resume,
            work_dir=tmp_path / folder, checkpoint=dict(by_epoch=False, interval=1),
            train_cfg=dict(by_epoch=False, max_iters=6, val_interval=2))
        return runner.train().state_dict()
    return run


def test_a_model_is_validated_before_its_first_step_too(train):
    hook = ValidationCurveHook()
    train('a', hook)
    # the metric of these tests is better with every validation
    assert hook.curve == {0: {'accuracy': 1}, 2: {'accuracy': 2}, 4: {'accuracy': 3},
                          6: {'accuracy': 4}}


def test_weights_are_those_of_a_training_without_it(train):
    assert_close(train('a', ValidationCurveHook()), train('b'), rtol=0, atol=0)


@pytest.mark.parametrize('stop', [1, 2, 3, 4])
def test_a_resumed_training_has_the_whole_curve(train, stop):
    with pytest.raises(KeyboardInterrupt):
        train('a', ValidationCurveHook(), Interrupt(stop))
    hook = ValidationCurveHook()
    train('a', hook, resume=True)
    assert [*hook.curve] == [0, 2, 4, 6]
