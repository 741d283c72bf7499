"""MMAction2's own tools, which its wheel carries along."""
from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from copy import deepcopy
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import mmaction
from mmengine.config import Config
from mmengine.registry import init_default_scope

from lddm_aug.engine.runner_config import merge_options, refuse_unread


def load_mmaction_tool(name: str, args: Namespace) -> ModuleType:
    """MMAction2's tools/{name}.py as a module, whose `main` is called with these arguments."""
    path = Path(mmaction.__file__).parent / '.mim' / 'tools' / f'{name}.py'
    spec = spec_from_file_location(f'mmaction_{name}', path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f'{path} is missing: install mmaction2 1.2.0 from its wheel')
    tool = module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.parse_args = lambda: args                   # type: ignore[attr-defined]
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))     # as its own parse_args does
    init_default_scope('mmaction')
    return tool


def merge_checked(merge_args: Callable[[Config, Namespace], Config], config: Config,
                  args: Namespace) -> Config:
    """A config with its options merged in by MMAction2's `merge_args`.

    Raises:
        ValueError: if options and config don't fit together, or nothing reads an option.
    """
    refuse_unread(config, args.cfg_options or {})
    merge_options(deepcopy(config), args.cfg_options or {})       # a message of ours
    try:
        return merge_args(config, args)
    except AssertionError as error:
        raise ValueError(f'{config.filename}: {error}') from error
