"""The stages that a generator's config names, each a config of its own."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmaction.registry import MODELS
from mmengine.config import Config

from lddm_aug.engine.runner_config import refuse_unread, require_files
from lddm_aug.generators.base import Generator


def stage_files(config_file: Path) -> dict[str, Path]:
    """The stages' configs by name, in order; a config that names none is its own only stage, ''."""
    stages = _read(config_file).get('stages', {'': config_file.name})
    return {name: config_file.parent / file for name, file in stages.items()}


def stage_configs(config_file: Path, options: Mapping[str, Any] | None = None
                  ) -> dict[str, Config]:
    """Each stage's config by name, in order.

    Args:
        options: values to put in, by dotted key; where a config names stages, the first part of
            the key is the stage's name.

    Raises:
        ValueError: if an option names no stage, or nothing that is read.
    """
    stages = {name: _read(file) for name, file in stage_files(config_file).items()}
    for key, value in (options or {}).items():
        name, _, rest = ('', '', key) if '' in stages else key.partition('.')
        if name not in stages or not rest:
            raise ValueError(f'{config_file}: an option begins with the name of a stage '
                             f'({", ".join(stages)}), but got {key!r}')
        refuse_unread(stages[name], [rest])
        stages[name].merge_from_dict({rest: value})
    return stages


def build_generator(stage: Config) -> Generator:
    """The generator of a stage's config, its weights untrained."""
    arguments = stage.generator.to_dict()
    if 'model' in stage:
        trained_part = MODELS.get(arguments['type']).trained_part
        arguments[trained_part] = _without_files(stage.model.to_dict())
    return MODELS.build(arguments)


def _read(file: Path) -> Config:
    require_files(config=str(file))                  # MMEngine doesn't say whose syntax is wrong
    return Config.fromfile(file)


def _without_files(model: dict[str, Any]) -> dict[str, Any]:
    """Without what only a training needs, and reads from files that others may not have."""
    return {key: _without_files(value) if isinstance(value, dict) else value
            for key, value in model.items() if key not in ('init_cfg', 'perceptual')}
