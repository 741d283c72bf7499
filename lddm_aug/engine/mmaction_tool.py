"""MMAction2's own tools, which its wheel carries along."""
from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import mmaction
from mmengine.registry import init_default_scope


def load_mmaction_tool(name: str) -> ModuleType:
    """MMAction2's tools/{name}.py as a module with `parse_args` and `main`."""
    path = Path(mmaction.__file__).parent / '.mim' / 'tools' / f'{name}.py'
    spec = spec_from_file_location(f'mmaction_{name}', path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f'{path} is missing: install mmaction2 1.2.0 from its wheel')
    tool = module_from_spec(spec)
    spec.loader.exec_module(tool)
    init_default_scope('mmaction')
    return tool


def require_files(**paths: str | None) -> None:
    """Raise FileNotFoundError for a path on this disk where no file is."""
    for name, path in paths.items():
        if path is not None and '://' not in path and not Path(path).expanduser().is_file():
            raise FileNotFoundError(f'{name}: there is no file {path}')
