"""A training that was killed before its last validation is validated when it is resumed."""
from __future__ import annotations

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class LastValidationHook(Hook):
    """Validate a training that is resumed from its last checkpoint, and has no step left.

    MMEngine saves the last checkpoint before it validates.  Resumed from it, its loops end at once,
    so that the last weights would never be validated.
    """

    def before_train(self, runner: Runner) -> None:
        self.nothing_left = runner.iter >= runner.max_iters

    def after_train(self, runner: Runner) -> None:
        if self.nothing_left and runner.val_loop is not None:
            runner.val_loop.run()
