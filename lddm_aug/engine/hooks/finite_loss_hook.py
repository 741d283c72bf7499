"""A training that has diverged ends."""
from __future__ import annotations

import math
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """End a training whose loss is no number any more, before a checkpoint keeps such weights.

    The loss of one rank that is none ends all, since they share their gradients.
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        loss = torch.as_tensor((outputs or {}).get('loss', 0), dtype=torch.float64).detach().clone()
        all_reduce(loss, 'mean')
        if not math.isfinite(loss):
            raise ValueError(f'FiniteLossHook: the loss of iteration {runner.iter + 1} is '
                             f'{loss.item()}, the training has diverged; lower '
                             'optim_wrapper.optimizer.lr')
