"""Batch norms whose running statistics are those of all ranks."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import all_reduce_params, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from lddm_aug.engine.unwrapped import unwrapped


@HOOKS.register_module()
class RunningStatisticsHook(Hook):
    """Average the running means and variances of batch norms over the ranks, after each iteration.

    MMEngine's SyncBuffersHook does so before a validation, which is after a checkpoint was written:
    this would hold those of one rank, and be tested with another result.
    """

    priority = 'VERY_HIGH'                           # before weights are averaged or saved

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        statistics = [buffer for part in unwrapped(runner).modules()
                      if isinstance(part, _BatchNorm) and part.training
                      for buffer in (part.running_mean, part.running_var) if buffer is not None]
        if statistics and get_world_size() > 1:
            all_reduce_params(statistics, op='mean')
