"""A checkpoint that doesn't fit is not tested."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from lddm_aug.engine.unwrapped import unwrapped


@HOOKS.register_module()
class WeightsGuardHook(Hook):
    """Refuse a checkpoint that leaves a weight of the model as it was drawn.

    MMEngine warns and goes on, and what it then tests has learnt nothing.
    """

    priority = 'HIGH'                                # before EMAHook, which fails on such weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        refuse_lacking_weights(unwrapped(runner),
                               checkpoint.get('state_dict', checkpoint))


def refuse_lacking_weights(model: nn.Module, weights: Mapping[str, Any]) -> None:
    """Raise ValueError if a weight of the model is missing, or has another shape."""
    given = {name.removeprefix('module.'): weight for name, weight in weights.items()}
    lacking = [name for name, weight in model.state_dict().items()
               if getattr(given.get(name), 'shape', None) != weight.shape]
    if lacking:
        raise ValueError(f'WeightsGuardHook: the checkpoint lacks {len(lacking)} weights of '
                         f'the {type(model).__name__}, or has them in another shape '
                         f'({lacking[0]}, …); name the config that it was trained with')
