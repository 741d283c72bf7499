from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook
from torch.utils.data import Dataset


class HeldOut(Dataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {'x': torch.ones(2)}


class Validations(Hook):
    """Notes the iterations of validations; the one at `killed_at` ends the training instead."""

    def __init__(self, killed_at: int = -1) -> None:
        self.killed_at = killed_at
        self.at: list[int] = []

    def before_val(self, runner):
        if runner.iter == self.killed_at:
            raise KeyboardInterrupt

    def after_val(self, runner):
        self.at.append(runner.iter)


@pytest.fixture
def validations(toy_runner, tmp_path):
    """Iterations at which a training of six was validated."""
    def run(killed_at=-1, resume=False):
        hook = Validations(killed_at)
        toy_runner(hooks=[hook, dict(type='LastValidationHook')], val=HeldOut(), resume=resume,
                   work_dir=tmp_path, checkpoint=dict(by_epoch=False, interval=1),
                   train_cfg=dict(by_epoch=False, max_iters=6, val_interval=3)).train()
        return hook.at
    return run


def test_a_training_killed_before_its_last_validation_is_validated_when_it_is_resumed(validations):
    with pytest.raises(KeyboardInterrupt):
        validations(killed_at=6)
    assert validations(resume=True) == [6]


def test_another_training_is_validated_as_without_it(validations):
    assert validations() == [3, 6]
