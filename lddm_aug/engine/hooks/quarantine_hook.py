"""Samples that a training left out are counted, in its log and its checkpoints."""
from __future__ import annotations

import logging
from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from lddm_aug.datasets.quarantine import forbid_quarantine, quarantined

QUARANTINE = 'quarantine'                            # its place in a checkpoint's `meta`
SHOWN = 5


@HOOKS.register_module()
class QuarantineHook(Hook):
    """Counts the samples that a training can't read and leaves out; validation has none.

    The log shows `bad_samples` as soon as there is one, and names them.  A checkpoint's meta has
    `quarantine`, dict(count, samples), of all processes and of what was resumed; the message hub
    has their names as `bad_samples`.  The data sets themselves end a training with more than their
    `max_bad_share`.  In validation and test, every sample that can't be read is an error, also
    where a data set lacks test_mode=True.

    Args:
        interval: iterations after which the processes tell each other.
    """

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self.samples: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        self._look(runner)                           # at clips that were encoded before

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if self.every_n_train_iters(runner, self.interval) or runner.iter + 1 == runner.max_iters:
            self._look(runner)

    def before_val(self, runner: Runner) -> None:
        forbid_quarantine(runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        forbid_quarantine(runner.test_dataloader.dataset)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        # called in the main process alone, which can't ask the others here
        samples = sorted(self.samples.union(quarantined(runner.train_dataloader.dataset)))
        checkpoint['meta'][QUARANTINE] = dict(count=len(samples), samples=samples)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        if runner._resume:
            self.samples |= {*checkpoint.get('meta', {}).get(QUARANTINE, {}).get('samples', ())}

    def _look(self, runner: Runner) -> None:
        known = quarantined(runner.train_dataloader.dataset)
        found = self.samples.union(*all_gather_object(known))
        if found != self.samples:
            shown = ', '.join(sorted(found - self.samples)[:SHOWN])
            print_log(f'{len(found)} training samples cannot be read and are left out; new are '
                      f'{shown}{" …" if len(found - self.samples) > SHOWN else ""}',
                      logger='current', level=logging.WARNING)
        self.samples = found
        if found:
            runner.message_hub.update_scalar('train/bad_samples', len(found))
            runner.message_hub.update_info('bad_samples', sorted(found))
