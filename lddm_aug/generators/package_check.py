"""What a package may describe: checked before anything of it is imported, opened or allocated."""
from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mmaction.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from lddm_aug.conditions import Conditions
from lddm_aug.generators.base import Generator

MOST = 65_536                                        # of any number: a width, a depth, a stride
MOST_ITEMS = 64                                      # of a list or an object
MOST_CLASSES = 10_000
MOST_LEVELS = 16                                     # of a nested config
MOST_PIXELS = 1 << 25                                # of a clip: 128 frames of 512 × 512
# Layers that are replaced while a network is built are counted twice.
TIMES, SPARE = 4, 1 << 23
# what makes MMEngine import a module, or a part read a file
READING = ('_scope_', 'init_cfg', 'perceptual', 'vgg', 'checkpoint', 'data_preprocessor')
FOREIGN = ('mmaction', 'mmcv', 'mmengine', 'torch', 'torchvision')
PUBLISHED = re.compile(r'torchvision://\w+')         # a name that only a training resolves
STAGE = {'inputs?': {str: str}, 'data?': {str: {'videos': int, 'groups': int}},
         'figures?': {str: (int, float, None)}, 'iterations?': int, 'weights_sha256?': (str, None)}
PARENT = {'sha256': str, 'generator': str, 'num_groups': int, 'begun': [str], 'source?': str,
          'stages?': dict, 'parent?': (dict, None)}
FORM = {'generator': {'type': str}, 'conditions': {str: ([str], str)}, 'sampler': dict,
        'num_groups': int,
        'clip': dict.fromkeys(('channels', 'num_frames', 'size', 'frame_stride'), int),
        'versions': {str: (str, None)}, 'config_text': str, 'stages': {str: STAGE},
        'parent': (PARENT, None), 'weights_sha256': (str, None), 'sha256': str}


def require_harmless(config: Mapping[str, Any], weights: int, source: str) -> None:
    """Raise ValueError if building a generator could import, read a file or take much memory.

    Args:
        config: of the generator, as package.json has it.
        weights: numbers in the package's file of weights.
        source: for messages.
    """
    fault = next(_faults(config, '', 0), '')
    bank = config.get('bank_shape') or [0]
    if not fault and not (isinstance(bank, list) and all(isinstance(n, int) for n in bank)
                          and math.prod(bank) <= weights):
        fault = f'says {bank} for bank_shape, which its weights do not hold'
    if fault:
        raise ValueError(f'load_package: {source} {fault}; do not use this package')
    for kind in _types(config):
        if kind not in MODELS.module_dict:
            raise ValueError(f'load_package: this version of lddm_aug cannot build the {kind} in '
                             f'{source}; install the version that made it, or name the module '
                             'that registers it in LDDM_AUG_IMPORTS')
    if not issubclass(MODELS.module_dict[config['type']], Generator):
        raise ValueError(f'load_package: {source} describes a {config["type"]}, which is no '
                         'generator; name a package that lddm-aug train-generator wrote')


@contextmanager
def bounded_weights(count: int, source: str) -> Iterator[None]:
    """Refuse to build networks with many more weights than the package's file has.

    PyTorch registers a weight before it fills it, so that its memory isn't taken yet.

    Args:
        count: of numbers in the file.
        source: for the message.

    Raises:
        ValueError: by what builds them.
    """
    most, built = TIMES * count + SPARE, 0

    def add(module: nn.Module, name: str, weight: Tensor | None) -> None:
        nonlocal built
        built += 0 if weight is None else weight.numel()
        if built > most:
            raise ValueError(f'load_package: {source} describes networks of more weights than the '
                             f'{count} of its file; do not use this package')

    hooks = [register_module_parameter_registration_hook(add),
             register_module_buffer_registration_hook(add)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _faults(value: Any, key: str, level: int) -> Iterator[str]:
    """Everything in a config that a package may not have; `key` is the last one above it."""
    if level > MOST_LEVELS:
        yield f'is nested more than {MOST_LEVELS} times'
    elif isinstance(value, Mapping) and key == 'conditions':
        yield from _faults_of_conditions(value)
    elif isinstance(value, Mapping):
        yield from _faults_of_keys(value)
        for name, part in value.items():
            yield from _faults(part, name, level + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        most = MOST_CLASSES if key == 'classes' else MOST_ITEMS
        if len(value) > most:
            yield f'names {len(value)} values for {key}, more than {most}'
        else:
            for part in value:
                yield from _faults(part, key, level + 1)
    elif isinstance(value, str):
        is_path = ((not PUBLISHED.fullmatch(value)) if key == 'pretrained'
                   else key != 'classes' and {'/', '\\'} & {*value})
        if is_path:
            yield f'names a file for {key}'
    elif isinstance(value, (int, float)):
        most = MOST_PIXELS if key == 'bank_shape' else MOST
        if not math.isfinite(value) or abs(value) > most:
            yield f'says {value} for {key}, more than {most}'


def _faults_of_conditions(declared: Mapping[str, Any]) -> Iterator[str]:
    """Names of conditions and of their categories are free, but their number isn't."""
    most = max([len(declared), *(len(kind) for kind in declared.values()
                                 if isinstance(kind, (list, tuple)))], default=0)
    if len(declared) > MOST_ITEMS or most > MOST_CLASSES:
        yield f'names {most} conditions or categories, too many'
    try:
        known = Conditions('conditions', declared)
    except ValueError as error:
        yield f'cannot be read ({error})'
    else:
        if not known.is_complete:
            yield 'names no categories of a condition'


def _faults_of_keys(config: Mapping[str, Any]) -> Iterator[str]:
    reading = [name for name in READING if config.get(name) is not None]
    if reading:
        yield f'sets {", ".join(reading)}, which could import or read anything'
    if len(config) > MOST_ITEMS:
        yield f'names {len(config)} arguments, more than {MOST_ITEMS}'
    if 'type' in config:
        kind = config['type']
        registered = MODELS.module_dict.get(kind) if isinstance(kind, str) else None
        is_name = isinstance(kind, str) and kind.isidentifier()
        if not is_name or (registered is not None and _is_foreign(registered)):
            yield f'may name registered parts of lddm_aug only, but names {kind}'
    size, frames = config.get('size', 1), config.get('num_frames', 1)
    if not all(isinstance(side, int) and side > 0 for side in (size, frames)):
        yield f'says {size!r} for size and {frames!r} for num_frames, which are no numbers above 0'
    elif frames * size ** 2 > MOST_PIXELS:
        yield f'says {frames} frames of {size} × {size} pixels, more than {MOST_PIXELS} in all'


def _types(config: Any) -> Iterator[str]:
    """Every `type` in a nested config."""
    if isinstance(config, Mapping):
        if 'type' in config:
            yield config['type']
        config = [value for name, value in config.items() if name != 'conditions']
    if isinstance(config, list):
        for value in config:
            yield from _types(value)


def _is_foreign(registered: Any) -> bool:
    module = str(getattr(registered, '__module__', ''))
    return not inspect.isclass(registered) or module.partition('.')[0] in FOREIGN
