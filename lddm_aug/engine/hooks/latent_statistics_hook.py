"""Latents are standardised by what a trained encoder makes of the training clips."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from lddm_aug.datasets.latents import batched_places, load_clips
from lddm_aug.engine.unwrapped import unwrapped


@HOOKS.register_module()
class LatentStatisticsHook(Hook):
    """Measures an autoencoder's latents after its last step, before the checkpoint is written.

    Each training clip is encoded once, by one of the ranks.  Statistics that follow the training
    would still hold those of an encoder that has changed since, and latents of a short training
    would come out anything but standardised.
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if not self.is_last_train_iter(runner):
            return
        clips = runner.train_dataloader.dataset
        share = batched_places(clips)[get_rank()::get_world_size()]
        unwrapped(runner).measure_latents(load_clips(clips, places)['clip'] for places in share)
