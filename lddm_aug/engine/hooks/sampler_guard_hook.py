"""A training whose epoch would never end, or end on one rank alone."""
from __future__ import annotations

from itertools import islice
from typing import Any

import torch
from mmaction.registry import DATA_SAMPLERS, HOOKS
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from lddm_aug.seeds import seeded


@HOOKS.register_module()
class SamplerGuardHook(Hook):
    """Refuse a sampler without an end where the training counts epochs.

    Epoch 1 would go on for ever: nothing would be validated or saved.  IterBasedTrainLoop may have
    either kind of sampler.  Ranks that train together need equally many samples each.

    Raises:
        ValueError: before the training where the sampler is known to be endless or, built anew
            from the config, gives more samples than it says; else once an epoch is over and goes
            on.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        _refuse_uneven_ranks(runner.train_dataloader)
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        for sampler in _samplers(runner.train_dataloader):
            if isinstance(sampler, InfiniteSampler) or getattr(sampler, 'endless', False):
                raise ValueError(_sentence(sampler))
        _refuse_endless_copy(runner)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if (isinstance(runner.train_loop, EpochBasedTrainLoop)
                and batch_idx >= len(runner.train_dataloader)):
            raise ValueError(_sentence(runner.train_dataloader.sampler))


def _samplers(loader: Any) -> list[Any]:
    """The loader's own, and one inside its batch sampler."""
    return [loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, 'sampler', None)]


def _refuse_uneven_ranks(loader: Any) -> None:
    """The rank with one sample more would wait for the others in its last iteration."""
    for sampler in _samplers(loader):
        uneven = (isinstance(sampler, DefaultSampler) and not sampler.round_up
                  and len(sampler.dataset) % sampler.world_size)
        if uneven and not getattr(sampler, 'endless', False):
            raise ValueError(f'SamplerGuardHook: {sampler.world_size} ranks need equally many of '
                             f'the {len(sampler.dataset)} samples, which '
                             f'{type(sampler).__name__}(round_up=False) does not give them; leave '
                             'round_up out')


def _refuse_endless_copy(runner: Runner) -> None:
    """Count what the sampler gives; a copy of it, since some samplers are used up by that."""
    config = (runner.cfg.get('train_dataloader') or {}).get('sampler')
    if not isinstance(config, dict):
        return
    with seeded(0), torch.random.fork_rng(devices=[]):   # the training's own draws stay
        copy = DATA_SAMPLERS.build(config, default_args=dict(
            dataset=runner.train_dataloader.dataset, seed=0))
        if sum(1 for _ in islice(copy, len(copy) + 1)) > len(copy):
            raise ValueError(_sentence(copy))


def _sentence(sampler: Any) -> str:
    return (f'SamplerGuardHook: {type(sampler).__name__} gives samples without an end, so that '
            'epoch 1 of EpochBasedTrainLoop never ends; set train_dataloader.sampler to '
            "dict(type='EpochSampler'), or train_cfg to an IterBasedTrainLoop with max_iters")
