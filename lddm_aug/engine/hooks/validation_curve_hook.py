"""How well a model does on held-out clips, from before its first step to its last."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

CURVE = 'validation_curve'                           # its place in a checkpoint's `meta`


@HOOKS.register_module()
class ValidationCurveHook(Hook):
    """Validate before the first step too, and keep what every validation gave.

    Curves of trainings that began from different weights are compared from step 0 on.  The curve
    lies in the checkpoint, so that a resumed training has all of it; a checkpoint is written before
    the validation of its iteration, which is made up for.

    Attributes:
        curve: iteration → figures.
    """

    priority = 'LOWEST'                              # what a guard refuses isn't validated

    def __init__(self) -> None:
        self.curve: dict[int, dict[str, float]] = {}

    def before_train(self, runner: Runner) -> None:
        if runner.val_loop is not None and runner.iter not in self.curve and (
                runner.iter % runner.train_loop.val_interval == 0):
            runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self.curve[runner.iter] = {name: float(value) for name, value in (metrics or {}).items()}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        checkpoint['meta'][CURVE] = self.curve

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        if runner._resume:
            self.curve = dict(checkpoint['meta'].get(CURVE, {}))
