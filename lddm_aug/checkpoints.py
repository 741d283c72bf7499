"""Checkpoints: found where a folder was moved, and read with a sentence where they can't be."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

POINTER = 'last_checkpoint'                          # MMEngine's, to the newest weights
OPTIONAL = ('num_batches_tracked', 'trained_segments')   # end the names of what may be absent
NO_WEIGHTS = ('optimizer', 'param_schedulers', 'message_hub', 'meta')    # state of a training
LEAST_SHARE = 0.5                                    # of a model's weights that must fit it


def last_checkpoint(folder: Path) -> Path:
    """The newest weights, or where they would be: MMEngine notes a path that a move makes wrong."""
    pointer = folder / POINTER
    return folder / Path(pointer.read_text()).name if pointer.is_file() else pointer


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, holds more than weights and numbers, or weights that are not
            finite.
    """
    with Path(path).open('rb') as file:              # says itself why it can't be opened
        begin = file.read(64)
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except MemoryError:
        raise
    except Exception as error:                       # unpickling raises whatever it likes
        raise ValueError(f'{path} cannot be read as a checkpoint: {_reason(begin, error)}'
                         ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path} is no checkpoint: it holds a {type(checkpoint).__name__}')
    diverged = [name for name, weight in _weights(checkpoint)
                if weight.is_floating_point() and not weight.isfinite().all()]
    if diverged:
        raise ValueError(f'{path}: {len(diverged)} of its weights are not finite ({diverged[0]}, '
                         '…), so the training that wrote it has diverged; take an earlier one')
    return checkpoint


def _reason(begin: bytes, error: Exception) -> str:
    """Why a file is no checkpoint, by how it begins and by what PyTorch says."""
    if not begin:
        return 'it is empty'
    if 'DefaultCPUAllocator' in str(error):
        return 'it does not fit into memory'
    begin = begin.lstrip().lower()
    if begin.startswith(b'version https://git-lfs'):
        return 'it is a pointer of Git LFS in place of the file; say git lfs pull'
    if begin.startswith((b'<!doctype', b'<html', b'<?xml')):
        return 'it is a web page, not what was to be downloaded; download it again'
    code = re.search(r'GLOBAL (\S+)', str(error))
    if code:
        return (f'it holds more than weights, it refers to {code[1]}, which might run anything; '
                'save its state_dict alone')
    return ('it is cut off or damaged; copy it again' if begin.startswith(b'pk')      # a ZIP file
            else 'it is damaged, or was not saved by PyTorch')


def _weights(checkpoint: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """All weights in a checkpoint, whatever they stand below."""
    for name, value in checkpoint.items():
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, Mapping) and name not in NO_WEIGHTS:
            yield from ((key, weight) for key, weight in value.items()
                        if isinstance(weight, Tensor))


def missing_weights(model: nn.Module, weights: Mapping[str, Any]) -> list[str]:
    """Names of the model's weights that are not among these, or have another shape there."""
    given = {name.removeprefix('module.'): weight for name, weight in weights.items()}
    return [name for name, weight in model.state_dict().items()
            if not name.endswith(OPTIONAL)
            and getattr(given.get(name), 'shape', None) != weight.shape]


def refuse_foreign_weights(model: nn.Module, weights: Mapping[str, Any], source: str) -> None:
    """Raise ValueError for weights most of which the model would be left without.

    MMEngine loads what fits, warns of the rest, and starts from weights as they were drawn.
    """
    missing = missing_weights(model, weights)
    count = sum(not name.endswith(OPTIONAL) for name in model.state_dict())
    if len(missing) > (1 - LEAST_SHARE) * count:
        raise ValueError(f'{source}: only {count - len(missing)} of the {count} weights of '
                         f'{type(model).__name__} are in it ({missing[0]}, … are not, or in '
                         f'another shape), but {next(iter(weights), "nothing")}, …; name weights '
                         "of this model, or the prefix of this model's weights in it")


def refuse_lacking_weights(model: nn.Module, weights: Mapping[str, Any]) -> None:
    """Raise ValueError if a weight of the model is missing, or has another shape."""
    lacking = missing_weights(model, weights)
    if lacking:
        raise ValueError(f'WeightsGuardHook: the checkpoint lacks {len(lacking)} weights of '
                         f'the {type(model).__name__}, or has them in another shape '
                         f'({lacking[0]}, …); name the config that it was trained with')


def refuse_unusable_pretrained(model: nn.Module) -> None:
    """Raise ValueError for weights on disk that a part of the model is to start from, but can't.

    That is what `init_cfg=dict(type='Pretrained')` and MMAction2's argument `pretrained` name.
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
    if '://' in file:                                # is downloaded when it is needed
        return
    content = read_checkpoint(file)
    prefix = init.get('prefix')
    prefix = prefix.rstrip('.') + '.' if prefix else ''
    weights = {name.removeprefix('module.').removeprefix(prefix): weight
               for name, weight in content.get('state_dict', content).items()
               if name.removeprefix('module.').startswith(prefix)}
    refuse_foreign_weights(part, weights, file)


def weights_sha256(checkpoint: Mapping[str, Any]) -> str:
    """Of a checkpoint's weights alone: names, types, shapes and values.

    Raises:
        ValueError: if it holds anything else where weights should be.
    """
    weights = checkpoint.get('state_dict', checkpoint)
    if not all(isinstance(weight, torch.Tensor) for weight in weights.values()):
        raise ValueError('weights_sha256: a checkpoint holds tensors, but got '
                         f'{sorted({type(weight).__name__ for weight in weights.values()})}')
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(f'{name} {weight.dtype} {tuple(weight.shape)}\n'.encode())
        # as bytes, since NumPy knows no bfloat16
        digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
