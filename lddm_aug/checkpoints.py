"""Checkpoints: found where a folder was moved, and read with a sentence where they can't be."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

POINTER = 'last_checkpoint'                          # MMEngine's, to the newest weights


def last_checkpoint(folder: Path) -> Path:
    """The newest weights, or where they would be: MMEngine notes a path that a move makes wrong."""
    pointer = folder / POINTER
    return folder / Path(pointer.read_text()).name if pointer.is_file() else pointer


def go_on(config: Any, folder: Path) -> bool:
    """Let a training go on from the newest weights in its folder; whether there are any."""
    checkpoint = last_checkpoint(folder)
    if checkpoint.is_file():
        config.resume, config.load_from = True, str(checkpoint)
    return checkpoint.is_file()


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
