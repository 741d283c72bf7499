"""How far a training is, for those who sit in front of it."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """One bar over all iterations of a training, with the time that is left.

    Args:
        title: what stands in front of the bar.
    """

    priority = 'VERY_LOW'

    def __init__(self, title: str = 'train') -> None:
        self.title = title

    def before_train(self, runner: Runner) -> None:
        self.bar = tqdm(total=runner.max_iters, initial=runner.iter, desc=self.title, unit=' iter',
                        disable=not is_main_process())

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        self.bar.update()

    def after_train(self, runner: Runner) -> None:
        self.bar.close()
