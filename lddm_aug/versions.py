"""Provenance: versions of packages, and the machine."""
from __future__ import annotations

import platform
from importlib.metadata import version

import torch

from lddm_aug.version import __version__


def clip_versions() -> dict[str, str]:
    """Versions of the packages on which a clip's bytes depend."""
    return {'lddm_aug': __version__, 'torch': str(torch.__version__),
            'diffusers': version('diffusers'), 'zuko': version('zuko')}


def run_versions() -> dict[str, str]:
    """Versions of all packages on which trainings and measurements depend."""
    return clip_versions() | {'python': platform.python_version(), **{
        name: version(name) for name in ('mmengine', 'mmaction2', 'numpy')}}


def machine(device: torch.device) -> str:
    """The GPU's name, or the processor's architecture."""
    return torch.cuda.get_device_name(device) if device.type == 'cuda' else platform.machine()
