"""MMAction2's own tools, which its wheel carries along."""
from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import mmaction
from mmaction.registry import OPTIMIZERS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from lddm_aug.cli import KeyValue

WHOLE_NUMBERS = ('train_cfg.max_iters', 'train_cfg.max_epochs', 'train_cfg.val_interval',
                 'default_hooks.checkpoint.interval', 'default_hooks.logger.interval')


def load_mmaction_tool(name: str) -> ModuleType:
    """MMAction2's tools/{name}.py as a module with `parse_args` and `main`."""
    path = Path(mmaction.__file__).parent / '.mim' / 'tools' / f'{name}.py'
    spec = spec_from_file_location(f'mmaction_{name}', path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f'{path} is missing: install mmaction2 1.2.0 from its wheel')
    tool = module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.DictAction = KeyValue                       # type: ignore[attr-defined]
    init_default_scope('mmaction')
    return tool


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
    """Raise ValueError for what a config must say and doesn't, or for an unknown optimizer.

    Of an unknown one MMEngine says that None is not callable.
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
    sampler, hooks = _at(config, 'train_dataloader.sampler'), config.get('custom_hooks')
    for key, value, kind in (('train_dataloader.sampler', sampler, dict),
                             ('custom_hooks', hooks, list)):
        if value is not None and not isinstance(value, kind):
            raise ValueError(f'{config.filename}: {key} must be a {kind.__name__}, but is '
                             f'{value!r}')
    name = (config.get('optim_wrapper') or {}).get('optimizer', {}).get('type')
    if isinstance(name, str) and OPTIMIZERS.get(name) is None:
        raise ValueError(f'{config.filename}: there is no optimizer {name!r}; name one of PyTorch, '
                         'as AdamW')


def _at(config: Any, key: str) -> Any:
    """The value at a dotted key; None where there is none."""
    for name in key.split('.'):
        config = config.get(name) if hasattr(config, 'get') else None
    return config


def add_hooks(config: Config, *types: str) -> None:
    """Let a config have these hooks, if it doesn't have them yet."""
    hooks = config.get('custom_hooks') or []
    there = [hook.get('type') if isinstance(hook, dict) else type(hook).__name__ for hook in hooks]
    config.custom_hooks = [*hooks, *(dict(type=name) for name in types if name not in there)]


def merge_checked(merge_args: Callable[[Config, Namespace], Config], config: Config,
                  args: Namespace) -> Config:
    """What MMAction2's `merge_args` makes of a config; what it asserts of the options is told.

    Raises:
        ValueError: if options and config don't fit together.
    """
    try:
        return merge_args(config, args)
    except AssertionError as error:
        raise ValueError(f'{config.filename}: {error}') from error
