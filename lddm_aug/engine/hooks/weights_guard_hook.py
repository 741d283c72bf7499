"""A checkpoint that doesn't fit is neither tested nor trained on."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import FlexibleRunner, Runner

from lddm_aug.checkpoints import (
    read_checkpoint,
    refuse_foreign_weights,
    refuse_missing_weights,
    refuse_unusable_pretrained,
)
from lddm_aug.engine.unwrapped import unwrapped, with_whole_weights


@HOOKS.register_module()
class WeightsGuardHook(Hook):
    """Refuse weights that MMEngine would load in part, or that are not finite.

    What is tested, and what a training resumes from, must have every weight of the model.  What a
    training begins from (`load_from`, `Pretrained`) must have half of them: a head for other
    classes starts anew.  MMEngine warns and continues, even with nothing but weights as drawn.

    Raises:
        FileNotFoundError: before anything runs, if a file of weights isn't there.
        ValueError: before anything runs, if one can't be read or is not finite; when it is
            loaded, if it doesn't fit.
    """

    priority = 'HIGH'                                # before EMAHook, which fails on such weights

    def before_run(self, runner: Runner) -> None:
        if _is_training(runner) and not isinstance(runner, FlexibleRunner):
            refuse_unusable_pretrained(unwrapped(runner))
        # a validation after a resumed training: what that resumed from may have been outdated
        if runner._load_from and '://' not in runner._load_from and not runner._has_loaded:
            read_checkpoint(runner._load_from)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        model, weights = with_whole_weights(runner), checkpoint.get('state_dict', checkpoint)
        if _is_training(runner) and not runner._resume:
            refuse_foreign_weights(model, weights, str(runner._load_from))
        else:
            refuse_missing_weights(model, weights)


def _is_training(runner: Runner) -> bool:
    """Whether the run trains; to test, MMEngine builds no optimizer and initialises nothing."""
    return isinstance(runner.optim_wrapper, OptimWrapper)
