from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
import torch
from mmaction.registry import DATA_SAMPLERS
from mmengine.dataset import DefaultSampler
from mmengine.runner import IterBasedTrainLoop

from tests.engine.conftest import Points

HOOKS = [dict(type='SamplerGuardHook')]


@DATA_SAMPLERS.register_module()
class Unending(DefaultSampler):
    """Says that it has six samples and gives them again and again."""

    def __iter__(self) -> Iterator[int]:
        for _ in count():
            yield from super().__iter__()


def parts(sampler: str, **kwargs: object) -> dict[str, object]:
    """A training's data loader, as a config has it."""
    return dict(dataset=Points(), batch_size=2, collate_fn=dict(type='default_collate'),
                sampler=dict(type=sampler, shuffle=True, **kwargs))


def named(loader: dict[str, object]) -> dict[str, object]:
    """What the runner's config says of the loader."""
    return dict(train_dataloader=dict(sampler=loader['sampler']))


ENDLESS = [('InfiniteSampler', {}), ('EpochSampler', dict(endless=True)), ('Unending', {})]


@pytest.mark.parametrize('sampler, kwargs', ENDLESS)
def test_an_endless_sampler_is_refused_where_epochs_are_counted(toy_runner, sampler, kwargs):
    loader = parts(sampler, **kwargs)
    runner = toy_runner(1, hooks=HOOKS, train_dataloader=loader,
                        cfg=named(loader))
    with pytest.raises(ValueError, match=rf'{sampler} .* without an end'):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize('sampler, kwargs', ENDLESS)
def test_it_is_welcome_where_iterations_are_counted(toy_runner, sampler, kwargs):
    loader = parts(sampler, **kwargs)
    runner = toy_runner(1, hooks=HOOKS, train_dataloader=loader, cfg=named(loader),
                        checkpoint=dict(by_epoch=False),
                        train_cfg=dict(type=IterBasedTrainLoop, max_iters=7))
    runner.train()
    assert runner.iter == 7


@pytest.mark.parametrize('sampler, kwargs', [('DefaultSampler', {}), ('EpochSampler', {})])
def test_a_sampler_with_an_end_trains_as_without_the_hook(toy_runner, tmp_path, sampler, kwargs):
    loader = parts(sampler, **kwargs)
    weights = []
    for hooks in (HOOKS, []):
        torch.manual_seed(0)
        runner = toy_runner(2, hooks=hooks, train_dataloader=loader, work_dir=tmp_path / str(hooks),
                            cfg=named(loader))
        runner.train()
        weights.append(runner.model.linear.weight)
    assert torch.equal(*weights) and runner.iter == 6


def test_an_epoch_that_goes_on_behind_its_end_is_ended_where_no_config_tells(toy_runner):
    runner = toy_runner(1, hooks=HOOKS, train_dataloader=parts('Unending'))
    with pytest.raises(ValueError, match=r'Unending .* without an end'):
        runner.train()
    assert runner.iter == 3


def test_ranks_with_unequal_numbers_of_samples_are_refused(toy_runner, monkeypatch):
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (0, 4))
    loader = parts('DefaultSampler', round_up=False, seed=0)
    with pytest.raises(ValueError, match=r'4 ranks .*6 samples.*round_up=False'):
        toy_runner(1, hooks=HOOKS, train_dataloader=loader, cfg=named(loader)).train()
