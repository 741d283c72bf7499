from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import load_state_dict

from lddm_aug.checkpoints import missing_weights, refuse_unusable_pretrained
from lddm_aug.engine.hooks.weights_guard_hook import WeightsGuardHook
from lddm_aug.models.backbones import TDN, ATMNet
from tests.engine.conftest import Points

HOOKS = [dict(type='WeightsGuardHook')]


def run_test(toy_runner, path, state) -> None:
    torch.save(state, path)
    toy_runner(1, hooks=HOOKS, test=Points(),
               load_from=str(path)).test()


WEIGHTS = {'linear.weight': torch.ones(1, 2), 'linear.bias': torch.ones(1)}


@pytest.mark.parametrize('state', [
    {'state_dict': WEIGHTS}, WEIGHTS,
    {'state_dict': {f'module.{name}': weight for name, weight in WEIGHTS.items()}}])
def test_a_checkpoint_that_fills_the_model_is_tested(toy_runner, tmp_path, state):
    run_test(toy_runner, tmp_path / 'a.pth', state)


@pytest.mark.parametrize('state, lacks', [
    ({'state_dict': {'x': torch.ones(1)}}, r'2 weights .*\(linear\.weight, …\)'),
    ({'epoch': 1}, r'2 weights .*\(linear\.weight, …\)'),
    ({'state_dict': {**WEIGHTS, 'linear.bias': torch.ones(5)}}, r'1 weights .*\(linear\.bias, ')])
def test_a_checkpoint_that_leaves_weights_as_they_were_drawn_is_refused(
        toy_runner, tmp_path, state, lacks):
    with pytest.raises(ValueError, match=f'the checkpoint lacks {lacks}'):
        run_test(toy_runner, tmp_path / 'a.pth', state)


@pytest.mark.parametrize('way', ['train', 'test'])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite_are_named_with_their_file_before_anything_runs(
        toy_runner, tmp_path, way, value):
    file = tmp_path / 'diverged.pth'
    torch.save({'state_dict': {**WEIGHTS, 'linear.bias': torch.tensor([value])}}, file)
    runner = toy_runner(1, hooks=HOOKS, test=Points(), load_from=str(file))
    with pytest.raises(ValueError, match=r'diverged\.pth: 1 .* not finite \(linear\.bias, '):
        getattr(runner, way)()
    assert runner.iter == 0


def test_a_training_begins_from_weights_of_which_half_fit(toy_runner, tmp_path):
    torch.save({'state_dict': {'linear.weight': WEIGHTS['linear.weight'],
                               'linear.bias': torch.ones(7)}}, tmp_path / 'a.pth')
    runner = toy_runner(1, hooks=HOOKS, load_from=str(tmp_path / 'a.pth'))
    runner.train()
    assert runner.epoch == 1


def test_a_training_does_not_begin_from_weights_of_another_model(toy_runner, tmp_path):
    torch.save({'state_dict': {'conv.weight': torch.ones(3)}}, tmp_path / 'a.pth')
    runner = toy_runner(1, hooks=HOOKS, load_from=str(tmp_path / 'a.pth'))
    with pytest.raises(ValueError, match=r'a\.pth: only 0 of the 2 weights .* conv\.weight'):
        runner.train()
    assert runner.iter == 0


class Part(BaseModule):
    """Starts from weights, as any of MMEngine's modules."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.linear = torch.nn.Linear(2, 1)


@pytest.mark.parametrize('weights, prefix, message', [
    ({f'backbone.{name}': weight for name, weight in WEIGHTS.items()}, None,
     r'a\.pth: only 0 of the 2 weights of Part'),
    (WEIGHTS, 'backbone', r'a\.pth: only 0 of the 2 weights of Part'),
    ({**WEIGHTS, 'linear.bias': torch.tensor([float('nan')])}, None, 'not finite')])
def test_weights_that_a_part_starts_from_are_checked_before_the_training(
        toy_runner, tmp_path, weights, prefix, message):
    torch.save({'state_dict': weights}, tmp_path / 'a.pth')
    runner = toy_runner(1, hooks=HOOKS)
    runner.model.part = Part(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'),
                                           prefix=prefix))
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert runner.iter == 0


def test_a_prefix_finds_the_part_in_the_weights_of_a_whole_model(toy_runner, tmp_path):
    torch.save({'state_dict': {f'backbone.{name}': weight for name, weight in WEIGHTS.items()}},
               tmp_path / 'a.pth')
    runner = toy_runner(1, hooks=HOOKS)
    part = runner.model.part = Part(init_cfg=dict(
        type='Pretrained', checkpoint=str(tmp_path / 'a.pth'), prefix='backbone.'))
    WeightsGuardHook().before_run(runner)
    refuse_unusable_pretrained(runner.model)
    part.init_weights()
    assert torch.equal(part.linear.weight, WEIGHTS['linear.weight'])


def test_segments_of_tdn_are_kept_in_its_weights_and_others_refused(tmp_path):
    def network(segments: int, **kwargs: Any) -> TDN:
        return TDN(num_segments=segments, base_channels=8, stage_blocks=(1, 1, 1, 1), **kwargs)

    weights = network(8).state_dict()
    torch.save(weights, tmp_path / 'eight.pth')
    network(8).load_state_dict(weights)
    with pytest.raises(ValueError, match=r'num_segments=8 .* num_segments=16'):
        network(16).load_state_dict(weights)
    with pytest.raises(ValueError, match=r'eight\.pth: .*num_segments=8 .* num_segments=16'):
        network(16, pretrained=str(tmp_path / 'eight.pth'))
    with pytest.raises(ValueError, match=r'num_segments=8 .* num_segments=16'):
        load_state_dict(torch.nn.ModuleDict(dict(backbone=network(16))),
                        {f'backbone.{name}': weight for name, weight in weights.items()})


def test_weights_of_an_older_version_without_segments_still_load():
    network = TDN(num_segments=8, base_channels=8, stage_blocks=(1, 1, 1, 1))
    weights = network.state_dict()
    del weights['trained_segments']
    assert not missing_weights(network, weights)
    network.load_state_dict(weights)
    assert network.trained_segments == 8


def test_images_have_no_segments_but_along_time_atmnet_has():
    arch = dict(depths=[2] * 4, dims=[16] * 4, mlp_ratios=[1] * 4, interval=1)
    images, clips = (ATMNet(arch, 8, along_time) for along_time in (False, True))
    ATMNet(arch, 16).load_state_dict(images.state_dict())
    with pytest.raises(ValueError, match=r'ATMNet: .*num_segments=8 .* num_segments=16'):
        ATMNet(arch, 16, along_time=True).load_state_dict(clips.state_dict())
