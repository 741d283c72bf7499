"""The same draws in a resumed training as in an uninterrupted one."""
from __future__ import annotations

from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from lddm_aug.seeds import derive_seed


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Seed PyTorch before every training iteration, so that dropout and noise depend on its number.

    Ranks draw differently, and resuming with another number of them changes the draws.

    Args:
        seed: what the draws derive from; by default the runner's, which a resumed run takes over.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        seed = runner.seed if self.seed is None else self.seed
        torch.manual_seed(derive_seed(seed, runner.iter, get_rank()))
