"""A training that begins with the weights of a generator package (`--init`)."""
from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmaction.registry import WEIGHT_INITIALIZERS
from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from lddm_aug.classes import shown
from lddm_aug.conditions import Conditions
from lddm_aug.generators.base import Generator
from lddm_aug.generators.hub import is_on_hub
from lddm_aug.generators.package import load_package, read_card
from lddm_aug.models.distilled_diffusion import DISTILLATION, DistilledDiffusion
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.models.latent_model import LatentModel

# What a model may have otherwise than the package: losses, dropout and conditions, by the last name
# of the key, or all below it.  Everything else decides what its weights mean.
FREE = ('init_cfg', 'data_preprocessor', 'perceptual', 'adversarial', 'kl_weight', 'dropout',
        'classes', 'conditions', 'drop_conditions', 'drop_still')
LOSSES = ('perceptual.', 'adversarial.')             # begin the names of weights of losses alone
ABSENT = 'absent'


@WEIGHT_INITIALIZERS.register_module()
class PackageInit:
    """Give a model the weights of the same model in a generator package.

    An autoencoder inside it is left alone, since the stage before has trained it further.
    Conditions, and names of categories, keep their weights by name; those that the package doesn't
    know stay as they were drawn.

    Args:
        package: the generator's folder.

    Raises:
        ValueError: if the package has no such model, or its weights have other shapes.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    def __call__(self, model: nn.Module) -> None:
        parent = _models(load_package(self.package)).get(type(model).__name__)
        if parent is None:
            raise ValueError(f'PackageInit: {self.package} holds no {type(model).__name__}')
        weights = {name: weight for name, weight in parent.state_dict().items()
                   if not name.startswith(LOSSES)}
        if isinstance(model, LatentDiffusion):
            assert isinstance(parent, LatentDiffusion)
            weights |= model.condition_weights_from(parent)
        expected = {name: weight for name, weight in model.state_dict().items()
                    if not name.startswith(LOSSES)}
        if isinstance(model, LatentModel):
            weights, expected = (
                {name: weight for name, weight in each.items()
                 if not name.startswith('autoencoder.')} for each in (weights, expected))
        other = [f'{name} {_shape(weight)} instead of {_shape(weights.get(name))}'
                 for name, weight in expected.items()
                 if getattr(weights.get(name), 'shape', None) != weight.shape]
        if other:
            raise ValueError(f'PackageInit: {len(other)} weights of {type(model).__name__} have '
                             f'other shapes than in {self.package}: {shown(other)}; take its sizes')
        model.load_state_dict({name: weights[name] for name in expected}, strict=False)


def begin_from_package(stages: Mapping[str, Config], package: str | Path) -> dict[str, Any]:
    """Let every stage that trains a model which the package holds begin with its weights.

    Args:
        stages: they are changed.

    Returns:
        What the new package says of this one: sha256, generator, conditions, number of groups,
        stages, what it began from itself, and which stages begin with its weights.

    Raises:
        ValueError: if nothing can begin from it, or its architecture is another one.
    """
    parent = load_package(package)
    models, configs = _models(parent), dict(_model_configs(parent.config))
    if not models:
        raise ValueError(f'--init: {package} is a {type(parent).__name__}, which was not trained, '
                         'so that nothing can begin from it; leave out --init')
    if not any('model' in stage for stage in stages.values()):
        raise ValueError('--init: this config trains nothing, so that nothing begins from '
                         f'{package}; leave out --init')
    begun = [name for name, stage in stages.items()
             if 'model' in stage and 'teacher' not in stage and stage.model.type in models]
    if not begun:
        needed = ', '.join(stage.model.type for stage in stages.values() if 'model' in stage)
        raise ValueError(f'--init: {package} holds {" and ".join(models)}, but this config trains '
                         f'{needed}; take a package of the same recipe')
    for name, stage in stages.items():
        if 'model' not in stage or 'teacher' in stage:   # a student begins as its teacher
            continue
        if name not in begun:
            print_log(f'{name} begins anew: {package} holds no {stage.model.type}',
                      logger='current', level=logging.WARNING)
            continue
        if stage.model.get('init_cfg'):
            raise ValueError(f'--init: model.init_cfg of {stage.filename} names other weights to '
                             'begin with; leave out one of the two')
        _refuse_other_architecture(name, stage, parent, configs[stage.model.type], package)
        stage.model.init_cfg = dict(type='PackageInit', package=str(package))
        print_log(_message(name, stage, parent, package), logger='current')
    card = read_card(package)
    return dict(sha256=parent.package_sha256, generator=type(parent).__name__,
                conditions=parent.conditions.as_config(), num_groups=parent.num_groups, begun=begun,
                stages=card['stages'], parent=card['parent'],
                **(dict(source=str(package)) if is_on_hub(package) else {}))


def _models(generator: Generator) -> dict[str, nn.Module]:
    """What was trained in it: its part, and the autoencoder inside that, by their types.

    One that was distilled is also the diffusion that it was before.
    """
    if not generator.trained_part:
        return {}
    trained = getattr(generator, generator.trained_part)
    inside = [trained.autoencoder] if isinstance(trained, LatentModel) else []
    models = {type(model).__name__: model for model in (trained, *inside)}
    if isinstance(trained, DistilledDiffusion):
        models[LatentDiffusion.__name__] = trained
    return models


def _model_configs(generator: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Type and config of each model in a generator's config."""
    for value in generator.values():
        if isinstance(value, Mapping) and 'type' in value:
            yield value['type'], value
            if value['type'] == DistilledDiffusion.__name__:
                yield LatentDiffusion.__name__, {
                    name: part for name, part in value.items()
                    if name not in DISTILLATION} | {'type': LatentDiffusion.__name__}
            yield from _model_configs(value)


def _refuse_other_architecture(name: str, stage: Config, parent: Generator,
                               config: Mapping[str, Any], package: str | Path) -> None:
    ours, theirs = (dict(_values(json.loads(json.dumps(each))))       # tuples become lists
                    for each in (stage.model.to_dict(), config))
    if 'generator' in stage:
        for key, default in (('size', ABSENT), ('num_frames', 16)):
            ours[key] = stage.generator.get(key, default)
            theirs[key] = getattr(parent, key)
    different = [f'{key} is {ours.get(key, ABSENT)} here and {theirs.get(key, ABSENT)} there'
                 for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    if different:
        raise ValueError(f'--init: {name or Path(stage.filename).stem} cannot begin from '
                         f'{package}, whose architecture is another one: {"; ".join(different)}; '
                         'take its sizes, another package, or leave out --init')


def _values(config: Mapping[str, Any], key: str = '') -> Iterator[tuple[str, Any]]:
    """Dotted key and value of all that decides what weights mean."""
    for name, value in config.items():
        if name in FREE:
            continue
        if isinstance(value, Mapping):
            yield from _values(value, f'{key}{name}.')
        else:
            yield f'{key}{name}', value


def _message(name: str, stage: Config, parent: Generator, package: str | Path) -> str:
    message = (f'{name or Path(stage.filename).stem} begins with the weights of {package} '
               f'({parent.package_sha256[:12]})')
    new = Conditions('--init', stage.model.get('conditions'))
    old = getattr(_models(parent)[stage.model.type], 'conditions', Conditions('--init'))
    ours, theirs = list(_names(new)), list(_names(old))
    kept = [each for each in ours if each in theirs]
    drawn = [each for each in ours if each not in theirs]
    left = [each for each in theirs if each not in ours]
    return message + ''.join(f'; conditions {what}: {shown(names)}' for what, names in (
        ('kept', kept), ('drawn anew', drawn), ('left out', left)) if names)


def _names(conditions: Conditions) -> Iterator[str]:
    """Of every condition and, of a category, of each of its names."""
    for name, kind in conditions.items():
        yield from [name] if isinstance(kind, str) else [f'{name}={each}' for each in kind]


def _shape(weight: Any) -> str:
    return ABSENT if weight is None else str(tuple(weight.shape))
