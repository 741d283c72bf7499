"""A trained generator on disk: a folder that can be handed on, and loads the same everywhere.

    package.json         what the generator is, what it was trained on, versions, fingerprints
    weights.safetensors  its weights; absent where it has none
    README.md            its model card, for people and for the Hugging Face Hub
    evaluation.json      what `lddm-aug evaluate --card` measured of it, if somebody did
    groups.json          names of the groups that it was trained on

The sha256 of a package is that of package.json, which holds the one of the weights.  Neither names
a group or a path, so that a package can be passed on without groups.json.
"""
from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import textwrap
from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import MODELS
from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from lddm_aug.files import atomic_write, sha256_of, temporary_name
from lddm_aug.generators.base import Generator
from lddm_aug.generators.hub import resolve_package
from lddm_aug.generators.model_card import write_model_card
from lddm_aug.generators.package_check import FORM, bounded_weights, require_harmless
from lddm_aug.hardware import available_device
from lddm_aug.json_files import read_json, require_form
from lddm_aug.versions import clip_versions

FORMAT_VERSION = 2
CARD = 'package.json'
WEIGHTS = 'weights.safetensors'
GROUPS = 'groups.json'                               # stays where it was trained


def save_package(folder: str | Path, generator: Generator, groups: Iterable[str],
                 config_text: str = '', stages: Mapping[str, Any] | None = None,
                 parent: Mapping[str, Any] | None = None, unnamed_groups: int = 0) -> str:
    """Write a generator into a folder of its own, in place of an older package there.

    The folder appears when it is whole; where writing fails, the older one stays.

    Args:
        groups: groups that it was trained on; they must not stand in any test.
        config_text: the configs that trained it, kept for whoever asks later.
        stages: of each training by its name, as JSON can hold it: `inputs`, what it read;
            `weights_sha256`, of what came of it; `data`, label → number of videos and groups;
            `figures`, what was measured on held-out groups; `iterations`; `versions`.
        parent: of the package that its training began from, if it did: see `begin_from_package`.
        unnamed_groups: how many more groups it was trained on, whose names are not known.

    Returns:
        The package's sha256, which the generator takes on together with the groups.

    Raises:
        ValueError: if the folder holds anything but a package, a weight is not finite, or the
            generator is one of `with_length`.
    """
    folder = Path(folder)
    if not generator.has_own_length:
        raise ValueError(f'save_package: clips of {generator.num_frames} frames of stride '
                         f'{generator.frame_stride} are made by with_length of a generator; save '
                         'that one')
    refuse_foreign_folder(folder)
    diverged = sorted(name for name, weight in generator.state_dict().items()
                      if not weight.isfinite().all())
    if diverged:
        raise ValueError(f'save_package: the training has diverged, {len(diverged)} weights are '
                         f'not finite ({diverged[0]}, …); train with a lower learning rate')
    aside = _folder_beside(folder)
    try:
        names = sorted(set(groups))
        card = _write_package(aside, generator, names, unnamed_groups, dict(
            config_text=config_text, stages=dict(stages or {}), parent=parent))
        _swap(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _set_provenance(generator, card, names)
    return card['sha256']


def refuse_foreign_folder(folder: Path) -> None:
    """Raise ValueError if a package written to the folder would replace anything else."""
    is_ours = folder.is_dir() and ((folder / CARD).is_file() or not any(folder.iterdir()))
    if folder.exists() and not is_ours:
        raise ValueError(f'save_package: {folder} exists and is no generator package; '
                         'name a new folder')


def put_package(folder: Path, files: Iterable[Path], sha256: str) -> None:
    """Copy the files of a package into a folder of its own, whole or not at all.

    Args:
        folder: a new one, or one that has the same package, whose other files stay.
        files: those that are not there are left out.
        sha256: of the package.

    Raises:
        ValueError: if the folder holds anything else.
    """
    refuse_foreign_folder(folder)
    if (folder / CARD).is_file() and read_card(folder)['sha256'] != sha256:
        raise ValueError(f'{folder} holds another package; name a new folder')
    aside = _folder_beside(folder)
    try:
        if folder.is_dir():
            shutil.copytree(folder, aside, dirs_exist_ok=True)
        for file in files:
            if file.is_file():
                shutil.copyfile(file, aside / file.name)
        _swap(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def load_package(folder: str | Path, device: str | torch.device = 'cpu') -> Generator:
    """Read a generator back, ready to synthesize.

    It warns of a package that doesn't name all groups that it was trained on: it is unknown
    then whether a held-out group was among them.

    Args:
        folder: of the package, or its name on the Hub: see `resolve_package`.

    Raises:
        FileNotFoundError: if the folder or one of its files is missing.
        ValueError: if it was made by another version, is damaged or doesn't fit together.
    """
    source, folder, device = folder, resolve_package(folder), available_device(device)
    card = read_card(folder)
    count = _count_weights(folder, card)
    generator = _build(folder / CARD, card['generator'], count)
    try:
        generator.load_state_dict({} if card['weights_sha256'] is None
                                  else load_file(folder / WEIGHTS))
    except (RuntimeError, SafetensorError, KeyError, AttributeError) as error:       # of types
        raise ValueError(f'load_package: the weights in {folder / WEIGHTS} are not those of '
                         f'{card["generator"]["type"]} as {CARD} describes it; '
                         f'train the generator again ({_short(error)})') from error
    _set_provenance(generator, card, _read_groups(folder, card))
    if not generator.names_all_groups:
        print_log(f'{source} names {len(generator.groups)} of the {generator.num_groups} groups '
                  'that it was trained on, so it is unknown whether held-out groups were among '
                  f'them; ask its author for {GROUPS}, and put it beside {CARD}',
                  logger='current', level=logging.WARNING)
    return generator.eval().requires_grad_(False).to(device)


@cache
def shared_generator(folder: str, device: str = 'cpu') -> Generator:
    """`load_package`, once per process and device: its parts share one generator."""
    return load_package(folder, device)


def _write_package(folder: Path, generator: Generator, groups: list[str], unnamed: int,
                   described: dict[str, Any]) -> dict[str, Any]:
    state = {name: weight.contiguous().cpu() for name, weight in generator.state_dict().items()}
    if state:
        with atomic_write(folder / WEIGHTS) as file:
            file.write(save(state))
    card = {
        'format_version': FORMAT_VERSION,
        'generator': generator.config,
        'clip': {name: getattr(generator, name)
                 for name in ('channels', 'num_frames', 'size', 'frame_stride')},
        'conditions': generator.conditions.as_config(),
        'sampler': generator.sampler.as_dict(),
        'num_groups': len(groups) + unnamed,
        'versions': clip_versions(),
        **described,
        'weights_sha256': sha256_of(folder / WEIGHTS) if state else None,
    }
    card['sha256'] = _card_sha256(card)
    _write_json(folder / CARD, card)
    if groups:
        _write_json(folder / GROUPS, dict(package_sha256=card['sha256'], groups=groups,
                                          sha256=_groups_sha256(groups)))
    write_model_card(folder, card)
    return card


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=2).encode())


def _set_provenance(generator: Generator, card: dict[str, Any], groups: Iterable[str]) -> None:
    generator.groups, generator.num_groups = tuple(groups), card['num_groups']
    generator.package_sha256 = card['sha256']


def read_card(folder: str | Path) -> dict[str, Any]:
    """What package.json says, as `load_package` checks it; `folder` may be on the Hub as well."""
    folder = resolve_package(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'load_package: there is no generator package at {folder}; '
                                'train one with lddm-aug train-generator')
    path = folder / CARD
    if not path.is_file():
        raise FileNotFoundError(f'load_package: {path} is missing, so {folder} is no generator '
                                'package; name the folder that lddm-aug train-generator wrote')
    source, again = f'load_package: {path}', 'copy the package again'
    card = read_json(path, object, again, source)
    made_as = card.get('format_version') if isinstance(card, dict) else None
    if made_as != FORMAT_VERSION:
        raise ValueError(f'load_package: {path} was made by another version of lddm_aug (format '
                         f'{made_as!r}, but this one reads {FORMAT_VERSION}); install that '
                         'version or train the generator again')
    if card.get('sha256') != _card_sha256(card):
        raise ValueError(f'load_package: {path} was changed after it was written; '
                         'copy the package again')
    return require_form(card, FORM, source, again)


def _read_groups(folder: Path, card: dict[str, Any]) -> list[str]:
    path = folder / GROUPS
    if not path.is_file():
        return []
    content = read_json(path, {'package_sha256': str, 'groups': [str], 'sha256?': str},
                        'copy it again', f'load_package: {path}')
    changed = content.get('sha256') not in (None, _groups_sha256(content['groups']))
    if changed or {*content} - {'package_sha256', 'groups', 'sha256'}:
        raise ValueError(f'load_package: {path} was changed after it was written; copy it again')
    if content['package_sha256'] != card['sha256']:
        raise ValueError(f'load_package: {path} names the groups of another package; take the one '
                         'that was written with this package, or move it away')
    return content['groups']


def _count_weights(folder: Path, card: dict[str, Any]) -> int:
    """How many numbers the file of weights has, once it is the one that the card means."""
    if card['weights_sha256'] is None:
        return 0
    path = folder / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f'load_package: {path} is missing; copy the package again')
    damaged = f'load_package: {path} is damaged; copy the package again'
    if sha256_of(path) != card['weights_sha256']:
        raise ValueError(damaged)
    try:
        with safe_open(path, 'pt') as file:
            return sum(math.prod(file.get_slice(name).get_shape())
                       for name in file.keys())  # noqa: SIM118  not a dict
    except SafetensorError as error:
        raise ValueError(damaged) from error


def _build(path: Path, config: dict[str, Any], count: int) -> Generator:
    require_harmless(config, count, str(path))
    try:
        with bounded_weights(count, str(path)):
            return MODELS.build(deepcopy(config))
    except (KeyError, TypeError, RuntimeError, ArithmeticError, AttributeError, LookupError,
            AssertionError) as error:
        raise ValueError(f'load_package: this version of lddm_aug cannot build the '
                         f'{config["type"]} in {path}; install the version that made it '
                         f'({_short(error)})') from error


def _card_sha256(card: dict[str, Any]) -> str:
    """Of all that the card says; through the weights' sha256 it stands for the whole package."""
    content = {key: value for key, value in card.items() if key != 'sha256'}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _groups_sha256(groups: list[str]) -> str:
    return hashlib.sha256(json.dumps(groups).encode()).hexdigest()


def _folder_beside(folder: Path) -> Path:
    """A new folder, in which what is to stand at another place is made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = temporary_name(folder)
    aside.mkdir()
    return aside


def _swap(aside: Path, folder: Path) -> None:
    """Put `aside` in `folder`'s place; the older one goes once the new one stands."""
    older = folder.with_name(f'.{folder.name}.old')
    if folder.exists():
        shutil.rmtree(older, ignore_errors=True)
        os.replace(folder, older)
    try:
        os.replace(aside, folder)
    except OSError:
        if older.exists():
            os.replace(older, folder)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _short(error: Exception) -> str:
    return textwrap.shorten(str(error), width=300, placeholder=' ...')
