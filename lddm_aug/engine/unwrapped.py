"""A runner's model without what MMEngine wraps around it."""
from __future__ import annotations

from typing import Any

from mmengine.runner import Runner


def unwrapped(runner: Runner) -> Any:
    """The model itself, also where several processes train it."""
    return getattr(runner.model, 'module', runner.model)
