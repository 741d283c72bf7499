"""What a config for MMEngine's Runner must have before anything is built from it."""
from __future__ import annotations

import difflib
import inspect
import logging
import textwrap
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmaction.registry import HOOKS, OPTIMIZERS
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from lddm_aug.extras import require_extra

WHOLE_NUMBERS = ('train_cfg.max_iters', 'train_cfg.max_epochs', 'train_cfg.val_interval',
                 'default_hooks.checkpoint.interval', 'default_hooks.logger.interval')
KINDS = {'train_dataloader.sampler': dict, 'custom_hooks': list}
# What a Runner reads of a config, and the training of a generator.  A config's other variables are
# used up when its files are read.
READ = (*inspect.signature(Runner.__init__).parameters, 'activation_checkpointing', 'compile',
        'efficient_conv_bn_eval', 'find_unused_parameters', 'model_wrapper_cfg', 'sync_bn',
        'bank', 'generator', 'runner_type', 'strategy', 'teacher')
KEPT = (*READ, 'custom_imports')


def without_variables(config: Config) -> Config:
    """A config without the variables of which other values were made, and which nothing reads."""
    return Config({key: value for key, value in config.to_dict().items() if key in KEPT},
                  filename=config.filename)


def require_files(**paths: str | None) -> None:
    """Raise FileNotFoundError for a path where no file is, IsADirectoryError for a folder."""
    for name, path in paths.items():
        if path is None or '://' in path:
            continue
        if Path(path).expanduser().is_dir():
            raise IsADirectoryError(f'{name}: {path} is a folder; name a file in it')
        if not Path(path).expanduser().is_file():
            raise FileNotFoundError(f'{name}: there is no file {path}')


def require_keys(config: Config, *keys: str) -> None:
    """Raise ValueError unless these keys hold dicts, and other values are of their kind.

    An unknown optimizer is refused as well: MMEngine says of it that None is not callable.  So is
    an unknown argument of the checkpoint hook, of which it says nothing until it saves.
    """
    missing = [key for key in keys if config.get(key) is None]
    if missing:
        raise ValueError(f'{config.filename}: the config lacks {", ".join(missing)}')
    for key in keys:
        if not isinstance(config[key], dict | list):
            raise ValueError(f'{config.filename}: {key} must be a dict, but is {config[key]!r}')
    for key in WHOLE_NUMBERS:
        value = _at(config, key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise ValueError(f'{config.filename}: {key} must be a whole number, but is {value!r}')
    for key, kind in KINDS.items():
        value = _at(config, key)
        if value is not None and not isinstance(value, kind):
            raise ValueError(f'{config.filename}: {key} must be a {kind.__name__}, but is '
                             f'{value!r}')
    level = config.get('log_level', 'INFO')          # MMEngine reads it where its logger is new
    if not isinstance(level, int) and not isinstance(logging.getLevelName(level), int):
        raise ValueError(f'{config.filename}: log_level must be DEBUG, INFO, WARNING or ERROR, but '
                         f'is {level!r}')
    _require_known_arguments(config)
    name = (config.get('optim_wrapper') or {}).get('optimizer', {}).get('type')
    if isinstance(name, str) and OPTIMIZERS.get(name) is None:
        raise ValueError(f'{config.filename}: there is no optimizer {name!r}; name one of PyTorch, '
                         'as AdamW')


def add_hooks(config: Config, *names: str) -> None:
    """Give a config each of these hooks, unless it has one of that class or of a subclass."""
    hooks = config.get('custom_hooks') or []
    types = [hook['type'] if isinstance(hook, dict) else type(hook) for hook in hooks]
    classes = [HOOKS.get(each) if isinstance(each, str) else each for each in types]
    lacking = [name for name in names if not any(
        isinstance(each, type) and issubclass(each, HOOKS.get(name)) for each in classes)]
    config.custom_hooks = [*hooks, *(dict(type=name) for name in lacking)]


def drop_missing_backends(config: Config) -> None:
    """Take TensorBoard out of a config's visualizer where it is not installed, with a warning.

    Raises:
        MissingExtraError: if a backend is not installed that no config of ours names.
    """
    visualizer = config.get('visualizer') or {}
    backends = [backend for backend in visualizer.get('vis_backends') or []
                if isinstance(backend, dict)]
    if any(backend.get('type') == 'WandbVisBackend' for backend in backends):
        require_extra('wandb', 'WandbVisBackend')
    missing = [backend for backend in backends if backend.get('type') == 'TensorboardVisBackend'
               and find_spec('tensorboard') is None]
    if missing:
        print_log('no curves and pictures for TensorBoard, which is not installed: '
                  "pip install 'lddm-aug[report]'", logger='current', level=logging.WARNING)
        visualizer['vis_backends'] = [backend for backend in visualizer['vis_backends']
                                      if backend not in missing]


def refuse_unread(config: Config, options: Iterable[str]) -> None:
    """Raise ValueError for an option that would change nothing.

    Args:
        config: as its files say.
        options: dotted keys.
    """
    for key in options:
        name = key.partition('.')[0]
        if name in READ:
            continue
        if name in config:
            raise ValueError(f'--cfg-options {key}: {name} is a variable of {config.filename}, '
                             'whose value other keys have taken over; set those keys, such as '
                             'train_dataloader.dataset.…, or write a config that inherits this one')
        raise ValueError(f'--cfg-options {key}: nothing reads {name}, and {config.filename} has no '
                         f'such key; {_advice(name, READ)}')


def merge_options(config: Config, options: Mapping[str, Any]) -> None:
    """Put values into a config by dotted key.

    Raises:
        ValueError: if a key leads through a value that has no keys, or past the end of a list.
    """
    for key, value in options.items():
        try:
            config.merge_from_dict({key: value})
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f'--cfg-options {key}: {config.filename} has no such key '
                             f'({_why_not(config, key)}); correct it') from error


def _why_not(config: Any, key: str) -> str:
    """Where a dotted key leads to nothing."""
    above, parts = config, key.split('.')
    for number, name in enumerate(parts):
        place = '.'.join(parts[:number])
        if isinstance(above, list):
            if not name.isdecimal() or int(name) >= len(above):
                return f'{place} is a list of {len(above)}'
            above = above[int(name)]
        elif not hasattr(above, 'get'):
            return f'{place} is {textwrap.shorten(repr(above), 80)}'
        else:
            above = above.get(name, {})
    return f'{key} is another kind of value'


def _require_known_arguments(config: Config) -> None:
    hook = _at(config, 'default_hooks.checkpoint') or {}
    kind = HOOKS.get(str(hook.get('type', 'CheckpointHook')))
    if kind is None or not issubclass(kind, CheckpointHook):
        return
    known = {'type', 'priority', '_scope_'}.union(
        *(inspect.signature(part.__init__).parameters for part in kind.__mro__))
    for name in hook.keys() - known:
        raise ValueError(f'{config.filename}: default_hooks.checkpoint.{name} is no argument of '
                         f'{kind.__name__}; {_advice(name, known)}')


def _advice(name: str, known: Iterable[str]) -> str:
    alike = difflib.get_close_matches(name, known, 1)
    return f'did you mean {alike[0]}?' if alike else 'leave it out'


def _at(config: Any, key: str) -> Any:
    """The value at a dotted key; None where there is none."""
    for name in key.split('.'):
        config = config.get(name) if hasattr(config, 'get') else None
    return config
