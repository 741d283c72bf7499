"""What a recipe's generator is told, completed by what its training data hold."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.logging import print_log

from lddm_aug.conditions import CATEGORY, LABEL, MEASURED, TEXT, Conditions
from lddm_aug.data.annotations import sort_classes
from lddm_aug.datasets.leaves import classes_of, infos_of

OWNER = 'train_generator'


def take_conditions(stages: Mapping[str, Config]) -> None:
    """Give every category of a stage's `model.conditions` its names, and the data set the whole.

    A category whose names aren't written out has those of the training clips: of `label` the
    classes, of another one what stands in the table's column of this name, sorted.  Where a text is
    told, which may name a side, clips aren't flipped.

    Args:
        stages: they are changed.

    Raises:
        ValueError: if a condition is declared wrongly, or the training data know no value of it.
    """
    for stage in stages.values():
        declared = stage.get('model', {}).get('conditions')
        if not declared:
            continue
        dataset = stage.train_dataloader.dataset
        conditions = _completed(Conditions(OWNER, dict(declared)), dataset)
        stage.model.conditions = conditions.as_config()
        if TEXT in conditions.values():
            _keep_sides(dataset.clips)
        if 'teacher' in stage:
            dataset.diffusion.conditions = conditions.as_config()
        else:
            dataset.conditions = conditions.as_config()


def _keep_sides(clips: Config) -> None:
    flips = [step for step in clips.get('pipeline', ()) if step['type'] == 'FlipClip']
    for step in flips:
        step['probability'] = 0.
    if flips:
        print_log(f'{OWNER}: a text may name a side, so clips are not flipped', logger='current')


def _completed(conditions: Conditions, dataset: Config) -> Conditions:
    clips = DATASETS.build(dataset.clips)
    rows = [info.get('conditions', {}) for info in infos_of(clips)]
    complete: dict[str, Any] = dict(conditions)
    for name, kind in conditions.items():
        said = {row.get(name, '') for row in rows} - {''}
        if name not in (LABEL, *MEASURED) and not said:
            columns = sorted({column for row in rows for column in row})
            raise ValueError(f'{OWNER}: the condition {name} is a column of the table of videos, '
                             f'which has {", ".join(columns) or "none"}; add it, or leave the '
                             'condition out')
        if kind == CATEGORY:
            complete[name] = (classes_of(OWNER, 'training', clips) if name == LABEL
                              else sort_classes(said))
    return Conditions(OWNER, complete)
