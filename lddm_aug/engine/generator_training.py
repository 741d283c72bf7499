"""Trains a generator, stage by stage, and puts it into a package."""
from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner, find_latest_checkpoint

from lddm_aug.files import write_aside
from lddm_aug.generators.package import save_package

SUMMARY = 'training.json'
PACKAGE = 'package'


def train_generator(config_file: str | Path, work_dir: str | Path, resume: bool = False,
                    options: Mapping[str, Any] | None = None, seed: int | None = None,
                    amp: bool = False, launcher: str = 'none') -> Path:
    """Run a config's stages in order; what ends as a generator becomes a package.

    A config is one stage (an MMEngine runner config), or names its stages:
    `stages = dict(autoencoder='autoencoder.py', diffusion='diffusion.py')`, paths relative to
    itself.  Each stage works in a folder of its name below `work_dir` and hands its checkpoint to
    the next.  A config with `generator` writes `work_dir/package`.

    Args:
        config_file: the config.
        work_dir: where checkpoints, logs, `training.json` and the package go.
        resume: go on from the newest checkpoint; finished stages aren't run again.
        options: values to put into the config, by dotted key; where a config names stages, the
            first part of the key is the stage's name.
        seed: in place of the config's.
        amp: mixed precision; needs an accelerator.
        launcher: how MMEngine finds the other processes: `none`, `pytorch`, `slurm` or `mpi`.

    Returns:
        The package's folder, or the work_dir where the config makes no generator.

    Raises:
        ValueError: if an option names no stage, mixed precision finds no GPU, or the config has
            nothing to train or package.
    """
    if amp and not torch.cuda.is_available():
        raise ValueError('train_generator: mixed precision needs a GPU, and there is none; '
                         'train without --amp')
    work_dir, config_file = Path(work_dir), Path(config_file)
    config, options = Config.fromfile(config_file), dict(options or {})
    stages = _stages(config, config_file, options)
    summary: dict[str, Any] = {}
    checkpoint: Path | None = None
    for name, stage in stages.items():
        folder = work_dir / name if 'stages' in config else work_dir
        text = stage.pretty_text                                  # without paths of this run
        stage.work_dir, stage.launcher = str(folder), launcher
        if seed is not None:
            stage.randomness = dict(stage.get('randomness', {}), seed=seed)
        if amp and 'optim_wrapper' in stage:
            stage.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
        if checkpoint is not None:
            _hand_over(stage, checkpoint)
        checkpoint, summary[name] = _train_stage(stage, resume)
        if 'generator' in stage and is_main_process():
            _package(stage, checkpoint, summary[name]['groups'], work_dir / PACKAGE, text)
    if is_main_process():
        with write_aside(work_dir / SUMMARY) as file:
            file.write(json.dumps(summary, indent=2).encode())
    return work_dir / PACKAGE if (work_dir / PACKAGE).exists() else work_dir


def _stages(config: Config, config_file: Path, options: dict[str, Any]) -> dict[str, Config]:
    """Each stage's config by name, options put in."""
    if 'stages' not in config:
        config.merge_from_dict(options)
        if 'model' not in config and 'generator' not in config:
            raise ValueError(f'{config_file}: names no model to train, no stages and no generator')
        return {config_file.stem: config}
    stages = {name: Config.fromfile(config_file.parent / path)
              for name, path in config.stages.items()}
    for key, value in options.items():
        name, _, rest = key.partition('.')
        if name not in stages or not rest:
            raise ValueError(f'{config_file}: an option begins with the name of a stage '
                             f'({", ".join(stages)}), but got {key!r}')
        stages[name].merge_from_dict({rest: value})
    return stages


def _hand_over(stage: Config, checkpoint: Path) -> None:
    """Give the trained autoencoder to whatever in the next stage uses one."""
    weights = dict(type='Pretrained', checkpoint=str(checkpoint))
    stage.model.autoencoder.init_cfg = weights
    stage.train_dataloader.dataset.autoencoder.init_cfg = weights


def _train_stage(stage: Config, resume: bool) -> tuple[Path | None, dict[str, Any]]:
    """Train one stage; its last checkpoint, and what was measured on held-out groups."""
    if 'model' not in stage:                                      # a control has nothing to learn
        return None, dict(groups=[])
    work_dir = Path(stage.work_dir)
    latest = find_latest_checkpoint(str(work_dir)) if resume else None
    if latest and _is_finished(latest, stage) and (work_dir / SUMMARY).exists():
        print_log(f'{work_dir.name}: finished before, {latest}', logger='current')
        return Path(latest), json.loads((work_dir / SUMMARY).read_text())
    stage.resume, stage.load_from = latest is not None, latest
    start = time.perf_counter()
    runner = Runner.from_cfg(stage)
    runner.train()
    measured = runner.val() if runner.val_loop is not None else {}
    dataset = runner.train_dataloader.dataset
    summary = dict(measured, seconds=round(time.perf_counter() - start, 1),
                   iterations=runner.iter, groups=sorted(dataset.groups))
    if is_main_process():
        with write_aside(work_dir / SUMMARY) as file:
            file.write(json.dumps(summary, indent=2).encode())
    return Path(find_latest_checkpoint(str(work_dir))), summary


def _is_finished(checkpoint: str, stage: Config) -> bool:
    iterations = torch.load(checkpoint, map_location='cpu', weights_only=True)['meta']['iter']
    return iterations >= stage.train_cfg.max_iters


def _package(stage: Config, checkpoint: Path | None, groups: list[str], folder: Path,
             text: str) -> None:
    arguments = stage.generator.to_dict()
    if 'model' in stage:
        arguments['diffusion'] = _without_checkpoints(stage.model.to_dict())
    generator = MODELS.build(arguments)
    if checkpoint is not None:
        state = torch.load(checkpoint, map_location='cpu', weights_only=True)['state_dict']
        generator.diffusion.load_state_dict(state)
    sha256 = save_package(folder, generator, groups, text)
    print_log(f'generator package {folder} ({sha256[:12]})', logger='current')


def _without_checkpoints(model: dict[str, Any]) -> dict[str, Any]:
    return {key: _without_checkpoints(value) if isinstance(value, dict) else value
            for key, value in model.items() if key != 'init_cfg'}
