"""The stages that a generator's config names, each a config of its own."""
from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from lddm_aug.engine.mmaction_tool import require_files


def stage_files(config_file: Path) -> dict[str, Path]:
    """The stages' configs by name, in order; a config that names none is its own only stage, ''."""
    stages = _read(config_file).get('stages', {'': config_file.name})
    return {name: config_file.parent / file for name, file in stages.items()}


def stage_configs(config_file: Path) -> dict[str, Config]:
    return {name: _read(file) for name, file in stage_files(config_file).items()}


def _read(file: Path) -> Config:
    require_files(config=str(file))                  # MMEngine doesn't say whose syntax is wrong
    return Config.fromfile(file)
