"""MMAction2's own tools, which its wheel carries along."""
from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import mmaction
from mmaction.registry import OPTIMIZERS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from lddm_aug.cli import KeyValue


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
    """Raise FileNotFoundError for a path where no file is, SyntaxError for no Python."""
    for name, path in paths.items():
        if path is not None and '://' not in path and not Path(path).expanduser().is_file():
            raise FileNotFoundError(f'{name}: there is no file {path}')
        if name == 'config' and str(path).endswith('.py'):
            compile(Path(str(path)).read_text(), str(path), 'exec')    # its errors name the file


def require_keys(config: Config, *keys: str) -> None:
    """Raise ValueError for what a config must say and doesn't, or for an unknown optimizer.

    Of an unknown one MMEngine says that None is not callable.
    """
    missing = [key for key in keys if key not in config]
    if missing:
        raise ValueError(f'{config.filename}: the config lacks {", ".join(missing)}')
    name = config.get('optim_wrapper', {}).get('optimizer', {}).get('type')
    if isinstance(name, str) and OPTIMIZERS.get(name) is None:
        raise ValueError(f'{config.filename}: there is no optimizer {name!r}; name one of PyTorch, '
                         'as AdamW')
