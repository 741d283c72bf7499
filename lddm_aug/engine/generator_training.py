"""Trains a generator, stage by stage, and puts it into a package."""
from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import EMAHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from lddm_aug.checkpoints import POINTER, last_checkpoint, read_checkpoint, weights_sha256
from lddm_aug.datasets.latents import batched_places, load_clips
from lddm_aug.datasets.leaves import class_counts, classes_of, groups_of
from lddm_aug.distributed import from_main, join_ranks, only_training
from lddm_aug.engine.activation_checkpointing import blocks_to_recompute
from lddm_aug.engine.config_stages import build_generator, build_untrained, stage_configs
from lddm_aug.engine.hooks.class_guard_hook import refuse_other_model
from lddm_aug.engine.hooks.condition_statistics_hook import ConditionStatisticsHook
from lddm_aug.engine.hooks.latent_statistics_hook import LatentStatisticsHook
from lddm_aug.engine.hooks.validation_curve_hook import ValidationCurveHook
from lddm_aug.engine.package_init import begin_from_package
from lddm_aug.engine.runner_config import add_hooks, drop_missing_backends, require_keys
from lddm_aug.engine.sharding import build_runner, refuse_other_sharding
from lddm_aug.engine.stage_conditions import take_conditions
from lddm_aug.engine.training_record import (
    keep_record,
    reasons_to_retrain,
    record_of,
    training_record,
)
from lddm_aug.engine.unwrapped import unwrapped
from lddm_aug.files import atomic_write, remove_unfinished
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import load_package, refuse_foreign_folder, save_package
from lddm_aug.hardware import (
    keep_freed_memory,
    mixed_precision,
    refuse_amp_without_gpu,
    refuse_unstarted_launcher,
)
from lddm_aug.json_files import read_json
from lddm_aug.models.clip_autoencoder import ClipAutoencoder
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.models.latent_model import LatentModel

FIGURES = ('psnr_db', 'still_psnr_db')               # of a stage, that its package passes on
PATH_KEYS = ('ann_file', 'data_root', 'split_file', 'checkpoint', 'load_from', 'vgg')
SUMMARY = 'training.json'
PACKAGE = 'package'
TOOL = '-m lddm_aug_command train-generator'


def train_generator(config_file: str | Path, work_dir: str | Path, resume: bool = False,
                    options: Mapping[str, Any] | None = None, seed: int | None = None,
                    amp: bool = False, launcher: str = 'none',
                    folders: Mapping[str, Path] | None = None,
                    init: str | Path | None = None,
                    choice: Mapping[str, str | None] | None = None,
                    auto_scale_lr: bool = False, activation_checkpointing: bool = False) -> Path:
    """Run a config's stages in order; what ends as a generator becomes a package.

    A config is one stage (an MMEngine runner config), or says in `stages` what each stage has
    beside the rest of the file: `stages = dict(autoencoder=dict(model=…), diffusion=dict(…))`; a
    stage may also be the name of a file.  Each works in a folder of its name below `work_dir` and
    passes its checkpoint to the next.  A stage with `generator` writes `work_dir/package`; one with
    `bank` beside it trains nothing, but fits the generator to the samples of this dataset.

    Args:
        config_file: the config.
        work_dir: where checkpoints, logs, `training.json` and the package go.
        resume: from the newest checkpoints; finished stages aren't run again.  A stage that shall
            train longer is trained anew, and so is one whose previous stage has other weights.
        options: values to put into the config, by dotted key; where a config names stages, the
            first part of the key is the stage's name.
        seed: in place of the config's.
        amp: mixed precision, float16 on a GPU and bfloat16 on a CPU that has it.
        launcher: how MMEngine finds the other processes: `none`, `pytorch`, `slurm` or `mpi`.
        folders: where a stage works, by its name, if not in `work_dir`: generators that are given
            the same folder for the same stage share it.
        init: a generator package whose weights the stages begin with, where it holds the same
            models.  Its groups count as trained on.
        choice: environment variables for the config, as for `configs.read_config`.
        auto_scale_lr: scale each stage's learning rate with the clips of an iteration: where all
            processes together take twice as many as the config says for one, it doubles.
        activation_checkpointing: compute blocks again for their gradients in place of keeping what
            is in them: less memory, more time, the same gradients.

    Returns:
        The package's folder, or the work_dir where the config makes no generator.

    Raises:
        ValueError: if an option names no stage, mixed precision finds nothing to run on, the
            config has nothing to train or package, nothing can begin from `init`, or a stage to
            resume was begun with other settings, data or `init`, or another training works in
            `work_dir`.
    """
    refuse_unstarted_launcher(launcher, TOOL)
    precision = mixed_precision() if amp else {}
    work_dir, config_file = Path(work_dir), Path(config_file)
    stages = stage_configs(config_file, options, choice)
    join_ranks(launcher, TOOL, next(iter(stages.values())))
    if auto_scale_lr:
        _scale_learning_rates(stages, stage_configs(config_file, choice=choice))
    if not any('model' in stage or 'generator' in stage for stage in stages.values()):
        raise ValueError(f'{config_file}: names no model to train, no stages and no generator')
    take_conditions(stages)
    _check(stages, work_dir / PACKAGE, launcher)
    for stage in stages.values():
        if seed is not None:
            stage.randomness = dict(stage.get('randomness', {}), seed=seed)
        if 'optim_wrapper' in stage:
            stage.optim_wrapper.update(precision)
        if activation_checkpointing and 'model' in stage:
            stage.activation_checkpointing = blocks_to_recompute(build_untrained(stage))
    text = '\n'.join(f'# {name or config_file.stem}\n'
                     f'{Config(_without_paths(stage.to_dict())).pretty_text}'
                     for name, stage in stages.items())
    parent = None if init is None else begin_from_package(stages, init)
    with only_training(work_dir):
        for name, stage in stages.items():
            stage.work_dir = str((folders or {}).get(name, work_dir / name))
            stage.launcher = launcher
            if not resume:
                _forget_training(Path(stage.work_dir))
            elif 'model' in stage:
                _compare_with_begun(stage, name)                  # refuses before the first trains
        if is_main_process():
            for path in (work_dir / PACKAGE, *(Path(folder) / SUMMARY for folder in (
                    work_dir, *(stage.work_dir for stage in stages.values())))):
                remove_unfinished(path)
        _run_stages(stages, work_dir, resume, text, config_file.stem, init, parent)
        barrier()                                    # rank 0 has written the package
    return work_dir / PACKAGE if (work_dir / PACKAGE).exists() else work_dir


def _run_stages(stages: Mapping[str, Config], work_dir: Path, resume: bool, text: str,
                title: str, init: str | Path | None = None,
                parent: Mapping[str, Any] | None = None) -> None:
    """Train the stages in order, and write their summary and, where one ends as it, the package.

    Args:
        text: of the configs, for the package.
        title: of a stage without a name, in the package.
        init: the package that they begin with.
        parent: what the new package says of it.
    """
    inherited, unnamed = ((), 0) if init is None else _groups(load_package(init))
    summary: dict[str, Any] = {}
    trained: dict[str, Any] = {}
    checkpoint: Path | None = None
    for name, stage in stages.items():
        if checkpoint is not None:
            _hand_over(stage, checkpoint)
        summary[name] = dict(groups=[])                           # a control has nothing to learn
        if 'model' in stage:
            checkpoint, summary[name] = train_stage(stage, resume, name)
        generator = None
        bank = DATASETS.build(stage.bank) if 'bank' in stage else None    # by all ranks
        if 'generator' in stage and is_main_process():
            generator = _trained_generator(stage, checkpoint)
            if bank is not None:
                summary[name] = _fit(generator, bank)
        if is_main_process():
            trained[name or title] = _provenance(stage, checkpoint, summary[name])
        if generator is not None:
            groups = sorted({group for part in summary.values() for group in part['groups']}
                            .union(inherited))
            sha256 = save_package(work_dir / PACKAGE, generator, groups, text, trained, parent,
                                  unnamed)
            print_log(f'generator package {work_dir / PACKAGE} ({sha256[:12]})', logger='current')
    if is_main_process():
        with atomic_write(work_dir / SUMMARY) as file:
            file.write(json.dumps(summary.get('', summary), indent=2).encode())


def _check(stages: Mapping[str, Config], package: Path, launcher: str) -> None:
    """Before hours, not after them."""
    for name, stage in stages.items():
        if 'model' in stage:
            require_keys(stage, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
            refuse_amp_without_gpu(stage.optim_wrapper.get('type'), 'optim_wrapper.type')
            _require_last_weights(stage, name)
            refuse_other_sharding(stage, name, launcher)
            drop_missing_backends(stage)
        if 'generator' in stage:
            refuse_foreign_folder(package)
            _refuse_other_classes(build_generator(stage), stage)


def _scale_learning_rates(stages: Mapping[str, Config], recipe: Mapping[str, Config]) -> None:
    """Let MMEngine scale them by the clips of an iteration, as many as here or as in the recipe."""
    for name, stage in stages.items():
        if 'model' in stage:
            stage.auto_scale_lr = dict(
                enable=True, base_batch_size=recipe[name].train_dataloader.batch_size)


def _refuse_other_classes(generator: Generator, stage: Config) -> None:
    """A conditional generator learns classes by their labels, at the end of all stages."""
    if 'model' in stage and generator.classes and 'clips' in stage.train_dataloader.dataset:
        clips = DATASETS.build(stage.train_dataloader.dataset.clips)
        refuse_other_model('train_generator', generator, 'training',
                           classes_of('train_generator', 'training', clips))


def _require_last_weights(stage: Config, name: str) -> None:
    """Raise ValueError if a stage wouldn't leave its last weights where the next one looks."""
    hook = stage.get('default_hooks', {}).get('checkpoint', {})
    if hook is None or not hook.get('save_last', True) or hook.get('out_dir'):
        place = f'{name}.default_hooks' if name else 'default_hooks'
        raise ValueError(f"{stage.filename}: {place}.checkpoint must save the last weights in the "
                         "stage's own folder; take save_last=False and out_dir out of it")


def _hand_over(stage: Config, checkpoint: Path) -> None:
    """Give the trained autoencoder or diffusion to whatever in the next stage uses it."""
    weights = dict(type='Pretrained', checkpoint=str(checkpoint))
    if 'teacher' in stage:
        stage.model.init_cfg = weights
        stage.train_dataloader.dataset.diffusion.init_cfg = weights
    elif 'bank' in stage:
        stage.bank.autoencoder.init_cfg = weights
    else:
        stage.model.autoencoder.init_cfg = weights
        stage.train_dataloader.dataset.autoencoder.init_cfg = weights


def train_stage(stage: Config, resume: bool, name: str = '') -> tuple[Path, dict[str, Any]]:
    """Train one stage, or a recognizer; its last checkpoint, and what held-out groups gave.

    Beside that stand the seconds it took, None where it was interrupted in between; the mean
    seconds of an iteration, and the share of them in which it waited for data; and, of an
    autoencoder, what every validation gave, from before the first step on.

    Args:
        resume: from the newest checkpoint; a finished training isn't run again, and one that
            shall be longer, or whose autoencoder has other weights, is begun anew.
        name: the stage's, for messages.

    Raises:
        ValueError: if it was begun with other settings or data.
    """
    work_dir = Path(stage.work_dir)
    begun, reasons = _compare_with_begun(stage, name) if resume else (None, [])
    if reasons:
        print_log(f'{name or work_dir.name} begins anew: {"; ".join(reasons)}', logger='current',
                  level=logging.WARNING)
        begun = None
    if begun is not None and (work_dir / SUMMARY).exists():
        print_log(f'{work_dir.name}: finished before, {begun}', logger='current')
        return begun, read_json(work_dir / SUMMARY, {'iterations': int, 'groups': [str]},
                                'remove it, and train the stage again')
    if begun is None:
        _forget_training(work_dir)
    keep_record(stage, begun)
    add_hooks(stage, 'ClassGuardHook', 'QuarantineHook', 'SamplerGuardHook', 'WeightsGuardHook',
              'RunningStatisticsHook')
    stage.experiment_name = f'{work_dir.name}_{time.time_ns()}'   # MMEngine wants a new one
    if not torch.cuda.is_available():
        keep_freed_memory()
    start = time.perf_counter()
    runner, curve = build_runner(stage), ValidationCurveHook()
    if isinstance(unwrapped(runner), ClipAutoencoder):
        if any(isinstance(hook, EMAHook) for hook in runner.hooks):
            raise ValueError(f'{work_dir.name}: an EMAHook would save an autoencoder without the '
                             'statistics of its latents; take it out of custom_hooks')
        runner.register_hook(LatentStatisticsHook())
        runner.register_hook(curve)
    if isinstance(unwrapped(runner), LatentDiffusion):
        runner.register_hook(ConditionStatisticsHook())
    runner.train()
    measured: Mapping[str, Any] = curve.curve.get(runner.iter, {})
    if runner.val_loop is not None and not measured:
        measured = runner.val()
    dataset = runner.train_dataloader.dataset
    seconds = None if begun else round(time.perf_counter() - start, 1)
    times = _iteration_times(runner)
    if times:
        print_log(f'{name or work_dir.name}: {times["share_in_data"]:.1%} of the time went into '
                  'data', logger='current')
    summary = dict(measured, seconds=seconds, **times, iterations=runner.iter,
                   groups=sorted(groups_of(dataset)),
                   data=_data_of(runner), validation=[
                       dict(iter=step, **figures) for step, figures in sorted(curve.curve.items())])
    if is_main_process():
        with atomic_write(work_dir / SUMMARY) as file:
            file.write(json.dumps(summary, indent=2).encode())
    barrier()                                        # the next stage reads the checkpoint
    return last_checkpoint(work_dir), summary


def _iteration_times(runner: Runner) -> dict[str, float]:
    """Mean seconds of an iteration, and the share of it in which the training waited for data.

    The first iteration is left out: it starts the workers and fills caches.  Empty where no hook
    measured them.
    """
    scalars = runner.message_hub.log_scalars
    if not {'train/time', 'train/data_time'} <= {*scalars}:
        return {}
    took, waited = (scalars[f'train/{key}'].data[0][1:] for key in ('time', 'data_time'))
    return dict(seconds_per_iteration=float(took.mean()),
                share_in_data=float(waited.sum() / took.sum())) if len(took) else {}


def _data_of(runner: Runner) -> dict[str, dict[str, int]]:
    """How many videos and groups of each class a generator was trained on."""
    dataset = runner.train_dataloader.dataset
    is_of_a_generator = isinstance(unwrapped(runner), (ClipAutoencoder, LatentModel))
    return class_counts(getattr(dataset, 'clips', dataset)) if is_of_a_generator else {}


def _forget_training(folder: Path) -> None:
    """Let nothing in the folder be resumed; the weights themselves stay until overwritten."""
    if is_main_process():
        for left in (SUMMARY, POINTER):
            (folder / left).unlink(missing_ok=True)


def _compare_with_begun(stage: Config, name: str) -> tuple[Path | None, list[str]]:
    """A stage's newest checkpoint, if there is one, and why it is not to be resumed.

    Raises:
        ValueError: if it was begun with other settings or data.
    """
    def compare() -> tuple[Path | None, list[str]]:
        checkpoint = last_checkpoint(Path(stage.work_dir))
        if not checkpoint.is_file():
            return None, []
        old = record_of(read_checkpoint(checkpoint), checkpoint)
        new = training_record(stage, stage.get('load_from'))
        return checkpoint, reasons_to_retrain(old, new, name)

    return from_main(compare)


def _provenance(stage: Config, checkpoint: Path | None, summary: Mapping[str, Any]
                ) -> dict[str, Any]:
    """What a package says of a stage: what it was trained on, and which weights came of it.

    Files are known by their content alone: a path or a name may say who a patient is.
    """
    counts = dict(data=summary['data']) if 'data' in summary else {}
    if 'model' not in stage or checkpoint is None:
        return dict(inputs=_nameless(training_record(stage)['inputs']), **counts)
    content = read_checkpoint(checkpoint)
    record = record_of(content, checkpoint)
    return dict(
        inputs=_nameless(record['inputs']), processes=record['processes'],
        versions=record['versions'], weights_sha256=weights_sha256(content),
        iterations=summary['iterations'], **counts,
        figures={name: summary[name] for name in FIGURES if name in summary})


def _nameless(inputs: Mapping[str, str]) -> dict[str, str]:
    """The digest alone of `name (digest)`, and all of `N files (digest)`."""
    return {key: content if re.fullmatch(r'\d+ files \(\w+\)', content)
            else content.rpartition(' (')[2].rstrip(')') for key, content in inputs.items()}


def _without_paths(value: Any, key: str = '') -> Any:
    """A config's values, the paths in it as PATH and how their names end."""
    if isinstance(value, dict):
        return {name: _without_paths(part, str(name)) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_without_paths(part) for part in value)
    if not isinstance(value, str) or '://' in value:
        return value
    is_path = key in PATH_KEYS or {'/', os.sep} & {*value}
    return f'PATH{Path(value).suffix}' if is_path else value


def _groups(parent: Generator) -> tuple[tuple[str, ...], int]:
    """Names of the groups that a package was trained on, and how many more there are."""
    return parent.groups, max(0, parent.num_groups - len(parent.groups))


def _fit(generator: Any, data: Any) -> dict[str, Any]:
    """Show a control the data that it takes what it knows from; where they come from."""
    batches = (load_clips(data, places) for places in batched_places(data))
    generator.fit(batches, data.metainfo['classes'])
    return dict(groups=sorted(groups_of(data)), data=class_counts(getattr(data, 'clips', data)))


def _trained_generator(stage: Config, checkpoint: Path | None) -> Any:
    generator = build_generator(stage)
    if checkpoint is not None:
        trained = getattr(generator, generator.trained_part)
        trained.load_state_dict(read_checkpoint(checkpoint)['state_dict'])
        _refuse_other_autoencoder(stage, trained)
    return generator


def _refuse_other_autoencoder(stage: Config, trained: Any) -> None:
    """Raise ValueError if a stage's model holds another autoencoder than the one it was given."""
    given = ((stage.get('model', {}).get('autoencoder') or {}).get('init_cfg') or {})
    if 'checkpoint' not in given:
        return
    expected = read_checkpoint(given['checkpoint'])['state_dict']
    other = [name for name, weight in trained.autoencoder.state_dict().items()
             if name not in expected or not torch.equal(weight, expected[name])]
    if other:
        raise ValueError(f'{stage.work_dir}: its autoencoder is not the one in '
                         f'{given["checkpoint"]} ({len(other)} weights differ, {other[0]}, …); '
                         'train this stage anew')
