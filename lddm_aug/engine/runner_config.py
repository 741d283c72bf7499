"""What a config for MMEngine's Runner must have before anything is built from it."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from mmaction.registry import HOOKS, OPTIMIZERS
from mmengine.config import Config

WHOLE_NUMBERS = ('train_cfg.max_iters', 'train_cfg.max_epochs', 'train_cfg.val_interval',
                 'default_hooks.checkpoint.interval', 'default_hooks.logger.interval')
KINDS = {'train_dataloader.sampler': dict, 'custom_hooks': list}


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

    An unknown optimizer is refused as well: MMEngine says of it that None is not callable.
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


def _at(config: Any, key: str) -> Any:
    """The value at a dotted key; None where there is none."""
    for name in key.split('.'):
        config = config.get(name) if hasattr(config, 'get') else None
    return config
