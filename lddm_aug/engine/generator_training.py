"""Trains a generator, stage by stage, and puts it into a package."""
from __future__ import annotations

import json
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import EMAHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from lddm_aug.checkpoints import POINTER, go_on, last_checkpoint, read_checkpoint
from lddm_aug.datasets.leaves import groups_of
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.latent_statistics_hook import LatentStatisticsHook
from lddm_aug.engine.mmaction_tool import add_hooks, require_keys
from lddm_aug.engine.unwrapped import unwrapped
from lddm_aug.files import write_aside
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import refuse_foreign_folder, save_package
from lddm_aug.hardware import mixed_precision, refuse_amp_without_gpu, refuse_unstarted_launcher
from lddm_aug.models.clip_autoencoder import ClipAutoencoder

SUMMARY = 'training.json'
PACKAGE = 'package'


def train_generator(config_file: str | Path, work_dir: str | Path, resume: bool = False,
                    options: Mapping[str, Any] | None = None, seed: int | None = None,
                    amp: bool = False, launcher: str = 'none',
                    folders: Mapping[str, Path] | None = None) -> Path:
    """Run a config's stages in order; what ends as a generator becomes a package.

    A config is one stage (an MMEngine runner config), or names its stages:
    `stages = dict(autoencoder='autoencoder.py', diffusion='diffusion.py')`, paths relative to
    itself.  Each stage works in a folder of its name below `work_dir` and hands its checkpoint to
    the next.  A config with `generator` writes `work_dir/package`; one with `bank` beside it
    trains nothing, but fills the generator with the latents of this dataset.

    Args:
        config_file: the config.
        work_dir: where checkpoints, logs, `training.json` and the package go.
        resume: go on from the newest checkpoint; finished stages aren't run again.
        options: values to put into the config, by dotted key; where a config names stages, the
            first part of the key is the stage's name.
        seed: in place of the config's.
        amp: mixed precision, float16 on a GPU and bfloat16 on a CPU that has it.
        launcher: how MMEngine finds the other processes: `none`, `pytorch`, `slurm` or `mpi`.
        folders: where a stage works, by its name, if not in `work_dir`: generators that are given
            the same folder for the same stage share it.

    Returns:
        The package's folder, or the work_dir where the config makes no generator.

    Raises:
        ValueError: if an option names no stage, mixed precision finds nothing to run on, or the
            config has nothing to train or package.
    """
    refuse_unstarted_launcher(launcher, 'tools/train_lddm.py')
    precision = mixed_precision() if amp else {}
    work_dir, config_file = Path(work_dir), Path(config_file)
    stages = stage_configs(config_file, options)
    if not any('model' in stage or 'generator' in stage for stage in stages.values()):
        raise ValueError(f'{config_file}: names no model to train, no stages and no generator')
    _check(stages, work_dir / PACKAGE)
    places = {name: (folders or {}).get(name, work_dir / name) for name in stages}
    if not resume:                                   # what was trained before is not gone on with
        for folder, left in product(places.values(), (POINTER, SUMMARY)):
            (folder / left).unlink(missing_ok=True)
    summary: dict[str, Any] = {}
    checkpoint: Path | None = None
    for name, stage in stages.items():
        if seed is not None:
            stage.randomness = dict(stage.get('randomness', {}), seed=seed)
        if 'optim_wrapper' in stage:
            stage.optim_wrapper.update(precision)
        text = stage.pretty_text                                  # without paths of this run
        stage.work_dir, stage.launcher = str(places[name]), launcher
        if checkpoint is not None:
            _hand_over(stage, checkpoint)
        summary[name] = dict(groups=[])                           # a control has nothing to learn
        if 'model' in stage:
            checkpoint, summary[name] = train_stage(stage, resume)
        if 'generator' in stage and is_main_process():
            generator = _trained_generator(stage, checkpoint)
            if 'bank' in stage:
                summary[name] = dict(groups=_fill(generator, stage.bank))
            groups = sorted({group for part in summary.values() for group in part['groups']})
            sha256 = save_package(work_dir / PACKAGE, generator, groups, text)
            print_log(f'generator package {work_dir / PACKAGE} ({sha256[:12]})', logger='current')
    if is_main_process():
        with write_aside(work_dir / SUMMARY) as file:
            file.write(json.dumps(summary.get('', summary), indent=2).encode())
    return work_dir / PACKAGE if (work_dir / PACKAGE).exists() else work_dir


def _check(stages: Mapping[str, Config], package: Path) -> None:
    """Before hours, not after them."""
    for stage in stages.values():
        if 'model' in stage:
            require_keys(stage, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
            refuse_amp_without_gpu(stage.optim_wrapper.get('type'), 'optim_wrapper.type')
        if 'generator' in stage:
            refuse_foreign_folder(package)
            build_generator(stage)


def _hand_over(stage: Config, checkpoint: Path) -> None:
    """Give the trained autoencoder to whatever in the next stage uses one."""
    weights = dict(type='Pretrained', checkpoint=str(checkpoint))
    if 'bank' in stage:
        stage.bank.autoencoder.init_cfg = weights
    else:
        stage.model.autoencoder.init_cfg = weights
        stage.train_dataloader.dataset.autoencoder.init_cfg = weights


def train_stage(stage: Config, resume: bool) -> tuple[Path, dict[str, Any]]:
    """Train one stage, or a recognizer; its last checkpoint, and what held-out groups gave.

    Beside that stand the seconds it took, None where it was interrupted in between.
    """
    work_dir = Path(stage.work_dir)
    begun = resume and go_on(stage, work_dir)
    if begun and _is_finished(stage) and (work_dir / SUMMARY).exists():
        print_log(f'{work_dir.name}: finished before, {stage.load_from}', logger='current')
        return Path(stage.load_from), json.loads((work_dir / SUMMARY).read_text())
    add_hooks(stage, 'SamplerGuardHook', 'WeightsGuardHook')
    stage.experiment_name = f'{work_dir.name}_{time.time_ns()}'   # MMEngine wants a new one
    start = time.perf_counter()
    runner = Runner.from_cfg(stage)
    if isinstance(unwrapped(runner), ClipAutoencoder):
        if any(isinstance(hook, EMAHook) for hook in runner.hooks):
            raise ValueError(f'{work_dir.name}: an EMAHook would save an autoencoder without the '
                             'statistics of its latents; take it out of custom_hooks')
        runner.register_hook(LatentStatisticsHook())
    runner.train()
    measured = runner.val() if runner.val_loop is not None else {}
    dataset = runner.train_dataloader.dataset
    seconds = None if begun else round(time.perf_counter() - start, 1)
    summary = dict(measured, seconds=seconds, iterations=runner.iter,
                   groups=sorted(groups_of(dataset)))
    if is_main_process():
        with write_aside(work_dir / SUMMARY) as file:
            file.write(json.dumps(summary, indent=2).encode())
    return last_checkpoint(work_dir), summary


def _is_finished(stage: Config) -> bool:
    return read_checkpoint(stage.load_from)['meta']['iter'] >= stage.train_cfg.max_iters


def _fill(generator: Any, bank: Config) -> list[str]:
    """Give the generator the latents of these clips; the groups they come from."""
    clips = DATASETS.build(bank)
    generator.fill(torch.stack([sample['latent'] for sample in clips]),
                   torch.tensor([sample['label'] for sample in clips]), clips.metainfo['classes'])
    return sorted(clips.groups)


def build_generator(stage: Config) -> Generator:
    """The generator of a stage's config, its weights untrained."""
    arguments = stage.generator.to_dict()
    if 'model' in stage:
        learnt = MODELS.get(arguments['type']).learnt
        arguments[learnt] = _without_files(stage.model.to_dict())
    return MODELS.build(arguments)


def _trained_generator(stage: Config, checkpoint: Path | None) -> Any:
    generator = build_generator(stage)
    if checkpoint is not None:
        learnt = getattr(generator, generator.learnt)
        learnt.load_state_dict(read_checkpoint(checkpoint)['state_dict'])
    return generator


def _without_files(model: dict[str, Any]) -> dict[str, Any]:
    """Without what only a training needs, and reads from files that others may not have."""
    return {key: _without_files(value) if isinstance(value, dict) else value
            for key, value in model.items() if key not in ('init_cfg', 'perceptual')}
