"""Latents are standardised by what a trained encoder makes of the training clips."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from lddm_aug.datasets.latents import clip_batches
from lddm_aug.engine.unwrapped import unwrapped


@HOOKS.register_module()
class LatentStatisticsHook(Hook):
    """Measures an autoencoder's latents after its last step, before the checkpoint is written.

    Each training clip is encoded once.  Statistics that follow the training would still hold those
    of an encoder that has changed since, and latents of a short training would come out anything
    but standardised.
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if not self.is_last_train_iter(runner):
            return
        unwrapped(runner).measure_latents(
            batch['clip'] for batch in clip_batches(runner.train_dataloader.dataset))
