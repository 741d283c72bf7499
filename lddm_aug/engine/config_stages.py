"""The stages of a generator's recipe, each a config as MMEngine's Runner takes it."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmaction.registry import MODELS
from mmengine.config import Config

from lddm_aug.configs import read_config
from lddm_aug.engine.runner_config import merge_options, refuse_unread, without_variables
from lddm_aug.generators.base import Generator
from lddm_aug.models.distilled_diffusion import PATHS

# what a student is trained with → what its generator calls it
SAMPLING = dict(student_steps='steps', condition_guidance='condition_guidance')


def stage_configs(config_file: Path, options: Mapping[str, Any] | None = None,
                  choice: Mapping[str, str | None] | None = None) -> dict[str, Config]:
    """Each stage's config by name, in order.

    A recipe says in `stages` what each stage has beside everything else in the file; a stage may
    also be the name of a file beside it.  A config without `stages` is its own only stage, ''.
    A stage with `teacher` distils the model of the stage of this name: its own model and its
    `TrajectoryDataset` take over the arguments.  What its model says of the distillation counts for
    the data set and the generator as well.  Variables that no Runner reads are left out.

    Args:
        options: values to put in, by dotted key; where a config names stages, the first part of
            the key is the stage's name.
        choice: environment variables, as for `read_config`.

    Raises:
        ValueError: if an option names no stage, or nothing that is read, or `teacher` no stage
            with a model.
    """
    config = read_config(config_file, choice)
    stages = {name: _stage(config, stage, choice)
              for name, stage in config.get('stages', {'': {}}).items()}
    for key, value in (options or {}).items():
        name, _, rest = ('', '', key) if '' in stages else key.partition('.')
        if name not in stages or not rest:
            raise ValueError(f'{config_file}: an option begins with the name of a stage '
                             f'({", ".join(stages)}), but got {key!r}')
        refuse_unread(stages[name], [rest])
        merge_options(stages[name], {rest: value})
    for stage in stages.values():
        if 'teacher' in stage:
            _take_from_teacher(stage, stages)
    return {name: without_variables(stage) for name, stage in stages.items()}


def stage_names(config_file: Path, choice: Mapping[str, str | None] | None = None) -> list[str]:
    """The names of a generator's stages, in order; one blank where it has none."""
    return list(read_config(config_file, choice).get('stages', {'': {}}))


def build_generator(stage: Config) -> Generator:
    """The generator of a stage's config, its weights untrained."""
    arguments = stage.generator.to_dict()
    if 'model' in stage:
        trained_part = MODELS.get(arguments['type']).trained_part
        arguments[trained_part] = _without_files(stage.model.to_dict())
    return MODELS.build(arguments)


def build_untrained(stage: Config) -> Any:
    """The model of a stage's config, its weights untrained."""
    return MODELS.build(_without_files(stage.model.to_dict()))


def _stage(config: Config, stage: Mapping[str, Any] | str, choice: Mapping[str, str | None] | None
           ) -> Config:
    if isinstance(stage, str):
        return read_config(Path(config.filename).parent / stage, choice)
    merged = Config(config.to_dict(), filename=config.filename)
    merged.merge_from_dict(dict(stage))
    return merged


def _take_from_teacher(stage: Config, stages: Mapping[str, Config]) -> None:
    teacher = stages.get(stage.teacher, Config()).get('model')
    if teacher is None:
        raise ValueError(f'{stage.filename}: teacher must name a stage with a model '
                         f'({", ".join(stages)}), but is {stage.teacher!r}')
    stage.model = {**teacher.to_dict(), **stage.model.to_dict()}
    dataset, generator = stage.train_dataloader.dataset, stage.get('generator', Config())
    dataset.diffusion = teacher.to_dict()
    for name in {*PATHS} & {*stage.model}:           # said once, of the model
        dataset[name] = stage.model[name]
        if name in SAMPLING and generator:
            generator[SAMPLING[name]] = stage.model[name]


def _without_files(model: dict[str, Any]) -> dict[str, Any]:
    """Without what only a training needs, and reads from files that others may not have."""
    return {key: _without_files(value) if isinstance(value, dict) else value
            for key, value in model.items() if key not in ('init_cfg', 'perceptual')}
