"""Checkpoints read with a sentence where they can't be."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or holds more than weights and numbers.
    """
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except OSError:
        raise
    except Exception as error:                       # unpickling raises whatever it likes
        raise ValueError(f'{path} cannot be read as a checkpoint; is it cut off or damaged, or '
                         'does it hold more than weights?') from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path} is no checkpoint: it holds a {type(checkpoint).__name__}')
    return checkpoint
