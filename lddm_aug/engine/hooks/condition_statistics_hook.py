"""A diffusion knows how often each value of its conditions occurs."""
from __future__ import annotations

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from lddm_aug.datasets.latents import LatentDataset
from lddm_aug.engine.unwrapped import unwrapped


@HOOKS.register_module()
class ConditionStatisticsHook(Hook):
    """Shows a diffusion the conditions of all training clips before its first step."""

    priority = 'VERY_HIGH'                           # before an EMAHook copies the model

    def before_train(self, runner: Runner) -> None:
        dataset = runner.train_dataloader.dataset
        if isinstance(dataset, LatentDataset) and dataset.conditions:
            told = torch.stack([torch.as_tensor(sample['told']) for sample in dataset.samples])
            unwrapped(runner).fit_conditions(told, dataset.sample_groups)
