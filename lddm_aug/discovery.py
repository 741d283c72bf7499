"""Imports what registers itself, so that a new part is a new file and no list names it."""
from __future__ import annotations

import importlib
import os
import pkgutil

IMPORTS = 'LDDM_AUG_IMPORTS'                         # modules of one's own, separated by commas


def import_submodules(package: str) -> None:
    """Import every module in a package's folder, but for those in its subpackages."""
    path = importlib.import_module(package).__path__
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f'{package}.{module.name}')


def import_named_modules() -> None:
    """Import the modules that the environment variable LDDM_AUG_IMPORTS names.

    Raises:
        ImportError: naming the module that can't be imported, and why.
    """
    for name in filter(None, os.environ.get(IMPORTS, '').replace(' ', '').split(',')):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(f'{IMPORTS} names the module {name!r}, which cannot be imported '
                              f'({error}); put its folder on PYTHONPATH, or take it out of '
                              f'{IMPORTS}') from error
