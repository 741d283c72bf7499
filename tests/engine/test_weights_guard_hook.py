from __future__ import annotations

import pytest
import torch

from tests.engine.conftest import Points


def run_test(toy_runner, path, state) -> None:
    torch.save(state, path)
    toy_runner(1, hooks=[dict(type='WeightsGuardHook')], test=Points(),
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
