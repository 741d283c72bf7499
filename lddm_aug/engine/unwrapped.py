"""A runner's model without what MMEngine wraps around it."""
from __future__ import annotations

from typing import Any

from mmengine.model import MMFullyShardedDataParallel
from mmengine.runner import Runner


def unwrapped(runner: Runner) -> Any:
    """The model itself, also where several processes train it."""
    return getattr(runner.model, 'module', runner.model)


def with_whole_weights(runner: Runner) -> Any:
    """What has a model's weights by their names; where they are divided, on rank 0 alone."""
    model: Any = runner.model
    return model if isinstance(model, MMFullyShardedDataParallel) else unwrapped(runner)
