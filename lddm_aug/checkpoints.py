"""Checkpoints: found in moved folders too, read, checked and hashed."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

POINTER = 'last_checkpoint'                          # MMEngine's, to the newest weights
OPTIONAL = ('num_batches_tracked', 'trained_segments')   # last parts of names that may be missing
NO_WEIGHTS = ('optimizer', 'param_schedulers', 'message_hub', 'meta')    # state of a training
MIN_SHARE = 0.5                                      # of a model's weights that must fit


def last_checkpoint(folder: Path) -> Path:
    """Path of a folder's newest weights, also where the folder was moved; else of the pointer.

    MMEngine's pointer has the path at the time of the training; only the name is used.
    """
    pointer = folder / POINTER
    return folder / Path(pointer.read_text(errors='replace')).name if pointer.is_file() else pointer


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU.

    Raises:
        FileNotFoundError: if the file doesn't exist.
        ValueError: if it is damaged, or has other content than weights and numbers, or weights
            that are not finite.
    """
    with Path(path).open('rb') as file:              # raises OSError with the reason
        begin = file.read(64)
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except MemoryError:
        raise
    except Exception as error:                       # unpickling can raise any type
        raise ValueError(f'{path} cannot be read as a checkpoint: {_reason(begin, error)}'
                         ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path} is no checkpoint: it contains a {type(checkpoint).__name__}')
    diverged = [name for name, weight in _weights(checkpoint)
                if weight.is_floating_point() and not weight.isfinite().all()]
    if diverged:
        raise ValueError(f'{path}: {len(diverged)} of its weights are not finite ({diverged[0]}, '
                         '…), so the training that wrote it has diverged; take an earlier one')
    return checkpoint


def _reason(begin: bytes, error: Exception) -> str:
    """Why a file is no checkpoint, from its first bytes and PyTorch's error."""
    if not begin:
        return 'it is empty'
    if 'DefaultCPUAllocator' in str(error):
        return 'it does not fit into memory'
    begin = begin.lstrip().lower()
    if begin.startswith(b'version https://git-lfs'):
        return 'it is a pointer of Git LFS in place of the file; run git lfs pull'
    if begin.startswith((b'<!doctype', b'<html', b'<?xml')):
        return 'it is a web page, saved in place of the file; download it again'
    code = re.search(r'GLOBAL (\S+)', str(error))
    if code:
        return (f'it has more than weights: it refers to {code[1]}, which could run any code; '
                'save its state_dict alone')
    return ('it is cut off or damaged; copy it again' if begin.startswith(b'pk')      # a ZIP file
            else 'it is damaged, or was not saved by PyTorch')


def _weights(checkpoint: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """All weights in a checkpoint, at the top or below any key except those of NO_WEIGHTS."""
    for name, value in checkpoint.items():
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, Mapping) and name not in NO_WEIGHTS:
            yield from ((key, weight) for key, weight in value.items()
                        if isinstance(weight, Tensor))


def missing_weights(model: nn.Module, weights: Mapping[str, Any]) -> list[str]:
    """Names of the model's weights that are missing among these, or of another shape."""
    given = {name.removeprefix('module.'): weight for name, weight in weights.items()}
    return [name for name, weight in model.state_dict().items()
            if not name.endswith(OPTIONAL)
            and getattr(given.get(name), 'shape', None) != weight.shape]


def refuse_foreign_weights(model: nn.Module, weights: Mapping[str, Any], source: str) -> None:
    """Raise ValueError if most of the model's weights are missing or of another shape.

    MMEngine loads those that fit, warns about the others and leaves them randomly initialised.
    """
    missing = missing_weights(model, weights)
    count = sum(not name.endswith(OPTIONAL) for name in model.state_dict())
    if len(missing) > (1 - MIN_SHARE) * count:
        raise ValueError(f'{source}: only {count - len(missing)} of the {count} weights of '
                         f'{type(model).__name__} are in it ({missing[0]}, … are not, or in '
                         f'another shape), but {next(iter(weights), "nothing")}, …; name weights '
                         "of this model, or the prefix of this model's weights in it")


def refuse_missing_weights(model: nn.Module, weights: Mapping[str, Any]) -> None:
    """Raise ValueError if a weight of the model is missing, or has another shape."""
    missing = missing_weights(model, weights)
    if missing:
        raise ValueError(f'WeightsGuardHook: the checkpoint lacks {len(missing)} weights of '
                         f'the {type(model).__name__}, or has them in another shape '
                         f'({missing[0]}, …); use the config that it was trained with')


def refuse_unusable_pretrained(model: nn.Module) -> None:
    """Raise ValueError for files of pretrained weights that can't be read or don't fit.

    Files are those of `init_cfg=dict(type='Pretrained')` and of MMAction2's argument `pretrained`.
    """
    for part in model.modules():
        given = getattr(part, 'pretrained', None)
        if isinstance(given, str) and Path(given).expanduser().is_file():
            read_checkpoint(Path(given).expanduser())
        initial = getattr(part, 'init_cfg', None)
        for init in initial if isinstance(initial, list) else [initial]:
            if isinstance(init, dict) and init.get('type') == 'Pretrained':
                _check_pretrained(part, init)


def _check_pretrained(part: nn.Module, init: Mapping[str, Any]) -> None:
    file = str(init.get('checkpoint'))
    if '://' in file:                                # downloaded later
        return
    content = read_checkpoint(file)
    prefix = init.get('prefix')
    prefix = prefix.rstrip('.') + '.' if prefix else ''
    weights = {name.removeprefix('module.').removeprefix(prefix): weight
               for name, weight in content.get('state_dict', content).items()
               if name.removeprefix('module.').startswith(prefix)}
    refuse_foreign_weights(part, weights, file)


def weights_sha256(checkpoint: Mapping[str, Any]) -> str:
    """sha256 of a checkpoint's weights alone: names, types, shapes and values.

    Raises:
        ValueError: if the state dict has values that are no tensors.
    """
    weights = checkpoint.get('state_dict', checkpoint)
    if not all(isinstance(weight, torch.Tensor) for weight in weights.values()):
        raise ValueError('weights_sha256: a checkpoint holds tensors, but got '
                         f'{sorted({type(weight).__name__ for weight in weights.values()})}')
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(f'{name} {weight.dtype} {tuple(weight.shape)}\n'.encode())
        # as bytes, since NumPy has no bfloat16
        digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
