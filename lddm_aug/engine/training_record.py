"""What a training is made of, so that it is resumed as what it was begun as, or not at all."""
from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size

from lddm_aug.engine.runner_config import KEPT, READ
from lddm_aug.engine.training_inputs import content_of, listed_content
from lddm_aug.resumable_steps import GUARDS

# What changes no weight: where things go, what is shown or tested, and what only a package holds.
# Everything else counts.
UNRELATED = ('work_dir', 'launcher', 'resume', 'load_from', 'experiment_name', 'log_level',
             'log_processor', 'visualizer', 'vis_backends', 'test_dataloader', 'test_cfg',
             'test_evaluator', 'generator', 'activation_checkpointing')
WATCHERS = ('LoggerHook', 'IterTimerHook', 'ProgressBarHook', 'PreviewHook', 'CheckpointHook',
            'SafeCheckpointHook', 'TrainingRecordHook', 'RunningStatisticsHook', *GUARDS)
OUTPUTS = ('out_file', 'out_dir')
BATCH_SIZE = 'train_dataloader.batch_size'            # of one process
SCALE_LR = 'auto_scale_lr.enable'
LENGTH = ('train_cfg.max_iters', 'train_cfg.max_epochs')
# in a key: the previous stage's weights; those of a diffusion are its student's as well
GIVEN = ('.autoencoder.init_cfg.', '.diffusion.init_cfg.')
STUDENTS = 'model.init_cfg.'
RECORD = 'training_record'                           # its place in a checkpoint's `meta`
ABSENT = 'absent'
SHOWN = 4


def training_record(config: Config, began_from: str | None = None) -> dict[str, Any]:
    """What a training's weights depend on.

    Code isn't looked at.  The number of processes stands in it, but may change.

    Args:
        config: as a Runner gets it.
        began_from: its `load_from`, before this named a checkpoint to resume from.

    Returns:
        dict(config: dotted key → value; inputs: dotted key → what a file, a store, a package or a
        table's files hold; processes: how many train), of values that JSON and a checkpoint can
        hold.
    """
    plain = {key: value for key, value in config.to_dict().items()
             if key in KEPT and key not in UNRELATED}
    inputs: dict[str, str] = {}
    values: dict[str, Any] = {}
    for key, value in [*_leaves(plain), ('load_from', began_from)]:
        content = None
        if isinstance(value, str):
            content = content_of(value)
        if content is None:
            values[key] = value
        else:
            inputs[key] = content
    for part in READ:
        for key, dataset in _dicts(plain.get(part), part):
            listed = listed_content(dataset)
            if listed is not None:
                inputs[f'{key}.ann_file.files'] = listed
                values.pop(f'{key}.data_root', None)     # files are the same wherever they lie
    return dict(config=values, inputs=inputs, processes=get_world_size())


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted key → old and new value, of all in which two records differ.

    Another batch size is no difference where another number of processes makes up for it.
    """
    ours, theirs = ({key: value for part in ('config', 'inputs')
                     for key, value in record[part].items() if key.partition('.')[0] in KEPT}
                    for record in (old, new))
    pairs = {key: (ours.get(key, ABSENT), theirs.get(key, ABSENT)) for key in {**ours, **theirs}}
    if clips_per_step(old) == clips_per_step(new):
        pairs.pop(BATCH_SIZE, None)
    if True not in pairs.get(SCALE_LR, ()):          # the rate is as it stands
        pairs = {key: pair for key, pair in pairs.items()
                 if not key.startswith('auto_scale_lr.')}
    return {key: pair for key, pair in pairs.items() if not _same(*pair)}


def clips_per_step(record: Mapping[str, Any]) -> int | None:
    """Samples of an iteration on all processes; None where they are batched otherwise."""
    size = record['config'].get(BATCH_SIZE)
    return size * record['processes'] if isinstance(size, int) else None


def reasons_to_retrain(old: Mapping[str, Any], new: Mapping[str, Any], stage: str) -> list[str]:
    """Why a generator's stage is trained anew instead of resumed; empty if it is to be resumed.

    It is where the stage before has other weights, and where it shall train longer: a schedule
    that ends with the training has led elsewhere from the first step on.

    Args:
        stage: its name, for messages; '' for a config of one stage.

    Raises:
        ValueError: if the records differ in anything else, naming each key.
    """
    found = differences(old, new)
    longer = {key for key in LENGTH if key in found and _is_longer(*found[key])}
    given = {key for key in found if any(part in f'.{key}' for part in GIVEN)}
    if given:
        given |= {key for key in found if key.startswith(STUDENTS)}
    prefix = f'{stage}.' if stage else ''
    refuse_differences({f'{prefix}{key}': pair for key, pair in found.items()
                        if key not in longer | given})
    return [*(f'{prefix}{key} is {found[key][1]} instead of {found[key][0]}' for key in
              sorted(longer)), *(['the stage before has other weights'] if given else [])]


def refuse_differences(found: Mapping[str, tuple[Any, Any]]) -> None:
    """Raise ValueError if there are any, naming each key with its old and new value."""
    if found:
        shown = [f'{key}: {_short(old)} → {_short(new)}'
                 for key, (old, new) in list(found.items())[:SHOWN]]
        more = [f'{len(found) - SHOWN} more'] if len(found) > SHOWN else []
        raise ValueError(f'resume: this training was begun with other settings or data '
                         f'({"; ".join(shown + more)}); restore them, name another --work-dir, or '
                         'begin anew without --resume')


def record_of(checkpoint: Mapping[str, Any], path: object) -> dict[str, Any]:
    """A checkpoint's record.

    Raises:
        ValueError: if it holds none.
    """
    record = checkpoint.get('meta', {}).get(RECORD)
    if record is None:
        raise ValueError(f'resume: {path} does not say what it was trained on, as those of '
                         'other tools and older versions; begin anew without --resume, or from '
                         'its weights by load_from')
    return record


def keep_record(config: Config, checkpoint: str | Path | None = None) -> None:
    """Let a training write its record into its checkpoints, and resume from one of its own.

    Args:
        config: it is changed.
        checkpoint: to resume from; None to begin, from `load_from` if the config has one.
    """
    hook = dict(type='TrainingRecordHook', began_from=config.get('load_from'))
    config.custom_hooks = [*(config.get('custom_hooks') or []), hook]
    config.resume = checkpoint is not None
    if checkpoint is not None:
        config.load_from = str(checkpoint)


def _leaves(value: Any, key: str = '') -> Iterator[tuple[str, Any]]:
    """Dotted key and value of all that a config says, but for what only watches or is written."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            if name not in OUTPUTS and not _watches(part):
                yield from _leaves(part, f'{key}.{name}' if key else str(name))
    elif isinstance(value, (list, tuple)) and value:
        for index, part in enumerate(part for part in value if not _watches(part)):
            yield from _leaves(part, f'{key}.{index}')
    elif value is None or type(value) in (bool, int, float, str):
        yield key, value
    else:
        yield key, repr(list(value) if isinstance(value, tuple) else value)


def _dicts(value: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict) and not _watches(value):
        yield key, value
        for name, part in value.items():
            yield from _dicts(part, f'{key}.{name}')
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(part for part in value if not _watches(part)):
            yield from _dicts(part, f'{key}.{index}')


def _watches(value: Any) -> bool:
    return isinstance(value, dict) and value.get('type') in WATCHERS


def _same(old: Any, new: Any) -> bool:
    return old == new or repr(old) == repr(new)      # NaN differs from itself


def _is_longer(old: Any, new: Any) -> bool:
    return all(isinstance(value, (int, float)) for value in (old, new)) and new > old


def _short(value: Any) -> str:
    return textwrap.shorten(str(value), width=60, placeholder=' …')
