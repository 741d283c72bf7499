"""A checkpoint says what it was trained on, and is resumed as nothing else."""
from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import FlexibleRunner, Runner

from lddm_aug.distributed import from_main
from lddm_aug.engine.training_record import (
    BATCH_SIZE,
    RECORD,
    clips_per_step,
    differences,
    record_of,
    refuse_differences,
    training_record,
)
from lddm_aug.versions import run_versions


@HOOKS.register_module()
class TrainingRecordHook(Hook):
    """Writes a training's record into every checkpoint, and refuses to resume another training.

    The record lies in the checkpoint itself, so that neither exists without the other.  Another
    number of processes may resume, with a warning that the weights will be other ones.

    Args:
        began_from: the config's `load_from` when the training began.

    Raises:
        ValueError: when a checkpoint is resumed that was trained with other settings or data, or
            can't be resumed to the weights of an uninterrupted training.
    """

    priority = 'VERY_HIGH'                           # a model that doesn't fit has its reason here

    def __init__(self, began_from: str | None = None) -> None:
        self.began_from = began_from
        self.record: dict[str, Any] | None = None

    def before_run(self, runner: Runner) -> None:
        if self.record is None:                      # what the training read, not what a test does
            self.record = from_main(lambda: dict(training_record(runner.cfg, self.began_from),
                                                 versions=[run_versions()]))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        checkpoint['meta'][RECORD] = self.record

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        if isinstance(runner, FlexibleRunner):       # which loads before it runs
            self.before_run(runner)
        if not runner._resume or self.record is None:
            return
        source = runner._load_from or runner.work_dir
        old = record_of(checkpoint, source)
        refuse_differences(differences(old, self.record))
        lacking = [part for part, needed in (('optimizer', True),
                                             ('param_schedulers', runner.param_schedulers))
                   if needed and part not in checkpoint]
        if lacking:
            raise ValueError(f'resume: {source} lacks {" and ".join(lacking)}, without which a '
                             'training goes another way; let the checkpoint hook save them, and '
                             'begin anew without --resume')
        if old['processes'] != self.record['processes']:
            _warn_of_other_processes(old, self.record)
        if self.record['versions'][0] not in old['versions']:
            print_log('resumed with other versions than before, so that the weights may differ '
                      'from those of an uninterrupted training; the checkpoint names both',
                      logger='current', level=logging.WARNING)
        self.record['versions'] = [*old['versions'], *(
            each for each in self.record['versions'] if each not in old['versions'])]


def _warn_of_other_processes(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    message = (f'resumed by {new["processes"]} processes instead of {old["processes"]}, which draw '
               'otherwise, so that the weights will differ from those of an uninterrupted training')
    before, now = clips_per_step(old), clips_per_step(new)
    if before and now and before != now:
        size, rest = divmod(before, new['processes'])
        advice = f'; {BATCH_SIZE}={size} keeps their number' if size and not rest else ''
        message += f'; an iteration takes {now} clips instead of {before}{advice}'
    print_log(message, logger='current', level=logging.WARNING)
