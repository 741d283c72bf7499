"""A generator fitted on the training groups of one split, and its clips of all stills."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lddm_aug.configs import DEFAULTS, find_config, find_recipe, recipe_of
from lddm_aug.data.annotations import class_names, read_annotations
from lddm_aug.engine.generator_training import PACKAGE, SUMMARY, train_generator
from lddm_aug.experiments.study.plan import Study
from lddm_aug.files import sha256_of
from lddm_aug.generators.package import load_package
from lddm_aug.hardware import usual_device
from lddm_aug.resumable_steps import ResumableSteps, fingerprint
from lddm_aug.synthesis.synthesize import synthesize
from lddm_aug.version import __version__

SHARED = 'autoencoder'                               # the stage that generators have in common


def store_folder(study: Study, generator: str, ratio: str, seed: int) -> Path:
    """Where a generator's clips for one split are stored."""
    return study.split_folder(ratio, seed) / 'stores' / generator


def generator_folder(study: Study, generator: str, ratio: str, seed: int) -> Path:
    """Where a generator is trained on one split."""
    return study.split_folder(ratio, seed) / 'generators' / generator


def generator_options(study: Study, generator: str, ratio: str, seed: int) -> dict[str, Any]:
    """What the generator's config needs to learn from this split."""
    videos = study.videos(ratio, seed)
    options: dict[str, Any] = {}
    for stage, config in study.generator_stages(generator).items():
        prefix = f'{stage}.' if stage else ''
        if stage:
            options |= {f'{prefix}log_level': 'ERROR', f'{prefix}default_hooks.logger.interval': 50}
        for key in dataset_keys(config.to_dict()):
            options |= {f'{prefix}{key}.{name}': value
                        for name, value in {**videos, 'seed': seed}.items()}
            options[f'{prefix}{key}.classes'] = classes_of(study)
        if generator == 'lddm' and config.get('model', {}).get('type') == 'LatentDiffusion':
            options[f'{prefix}model.conditions'] = dict(label=classes_of(study))
        options |= {key: value for key, value in study.generator_options
                    if stage and key.startswith(prefix)}
    return options


def dataset_keys(config: Mapping[str, Any], place: str = '') -> Iterator[str]:
    """Where in a config, by dotted key, a data set of videos stands."""
    for key, value in config.items():
        if isinstance(value, dict):
            if value.get('type') == 'VideoClipDataset':
                yield f'{place}{key}'
            else:
                yield from dataset_keys(value, f'{place}{key}.')


@cache
def classes_of(study: Study) -> tuple[str, ...]:
    """Those of the videos."""
    return class_names(read_annotations(study.data / 'videos.csv', study.root))


@cache
def settings(study: Study, generator: str, ratio: str, seed: int) -> str:
    """Changes with the configs, options, tables and split of a generator, not with the code."""
    stages = study.generator_stages(generator)
    return fingerprint({
        'configs': {name: stage.to_dict() for name, stage in stages.items()},
        'options': {key: value for key, value in
                    generator_options(study, generator, ratio, seed).items()
                    if key.rpartition('.')[2] not in ('ann_file', 'data_root', 'split_file')},
        'data': data_settings(study, ratio, seed), 'split': split_sha256(study, ratio, seed),
        'seed': seed})


@cache
def data_settings(study: Study, ratio: str, seed: int) -> list[str | None]:
    """SHA-256 of a split's tables; None for one that is missing."""
    folder = study.tables(ratio, seed)
    tables = (folder / 'videos.csv', study.stills_table(ratio, seed)[0], folder / 'oracle.csv')
    return [sha256_of(table) if table.is_file() else None for table in tables]


def split_sha256(study: Study, ratio: str, seed: int) -> str | None:
    """None where the table's own split is meant."""
    split = study.split_file(ratio, seed)
    return None if split is None else sha256_of(split)


def make_store(study: Study, generator: str, ratio: str, seed: int) -> None:
    """Fit the generator, unless that was done, and make its clips."""
    folder = fit_generator(study, generator, ratio, seed)
    trained = load_package(folder / PACKAGE)
    out = store_folder(study, generator, ratio, seed)
    inputs = {'package': trained.package_sha256, 'seed': seed, 'per_still': 1,
              'data': data_settings(study, ratio, seed)}

    def work() -> dict[str, Any]:
        device = usual_device()
        rows = read_annotations(*study.stills_table(ratio, seed))
        made = synthesize(load_package(folder / PACKAGE, device), rows, out,
                          per_still=1, seed=seed, progress=False)
        return {'clips': made.clips, 'seconds': made.seconds}

    ResumableSteps(study.split_folder(ratio, seed)).run(f'clips {out.name}', inputs, out, work)


def fit_generator(study: Study, generator: str, ratio: str, seed: int) -> Path:
    """Train a generator on a split's training groups, unless that was done; its folder."""
    folder = generator_folder(study, generator, ratio, seed)
    shared = shared_stage(study, generator, ratio, seed)
    inputs: dict[str, Any] = {'settings': settings(study, generator, ratio, seed),
                              'version': __version__}

    def work() -> dict[str, Any]:
        train_generator(find_config(f'lddm/{recipe_of(generator)}'), folder, resume=True, seed=seed,
                        options=generator_options(study, generator, ratio, seed),
                        folders=None if shared is None else {SHARED: shared},
                        choice=DEFAULTS | find_recipe(study.generators)[1])
        return json.loads((folder / SUMMARY).read_bytes())

    ResumableSteps(study.split_folder(ratio, seed)).run(f'fit {generator}', inputs, folder, work)
    return folder


def shared_stage(study: Study, generator: str, ratio: str, seed: int) -> Path | None:
    """A folder for the stage that several generators have in common, by what it depends on.

    None for a generator without that stage.
    """
    stages = study.generator_stages(generator)
    if SHARED not in stages:
        return None
    options = {key: str(value)
               for key, value in generator_options(study, generator, ratio, seed).items()
               if key.startswith(f'{SHARED}.')}
    identity = fingerprint({'config': stages[SHARED].to_dict(), 'seed': seed,
                            'options': options, 'data': data_settings(study, ratio, seed),
                            'split': split_sha256(study, ratio, seed),
                            'version': __version__})
    return study.split_folder(ratio, seed) / 'generators' / f'{SHARED}_{identity[:8]}'
