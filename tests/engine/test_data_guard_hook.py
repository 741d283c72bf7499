from __future__ import annotations

import pytest
from mmengine.dataset import ConcatDataset
from torch.utils.data import Dataset

from lddm_aug.engine.data_guard_hook import groups_of, refuse_shared_groups
from tests.engine.conftest import Points

HOOKS = [dict(type='DataGuardHook')]


def test_parts_with_their_own_groups_are_trained_on(toy_runner):
    toy_runner(1, hooks=HOOKS, val=Points('ghi'), test=Points('ghi')).train()


@pytest.mark.parametrize('part, name', [('val', 'validation'), ('test', 'test')])
def test_a_shared_group_is_named_before_the_first_iteration(toy_runner, part, name):
    runner = toy_runner(1, hooks=HOOKS, **{part: Points('xbay')})
    with pytest.raises(ValueError, match=f'in training and in {name}, but 2 of them do: a, b;'):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize('part, name', [('val', 'validation'), ('test', 'test')])
def test_one_synthetic_clip_among_the_held_out_is_refused(toy_runner, part, name):
    runner = toy_runner(1, hooks=HOOKS, **{part: Points('xyz', origins='rrrrrs')})
    with pytest.raises(ValueError, match=f'{name} must see real clips only, but its Points'):
        runner.train()


@pytest.mark.parametrize('part', ['val', 'test'])
def test_it_guards_a_validation_or_test_without_training(toy_runner, part):
    runner = toy_runner(1, hooks=HOOKS, **{part: Points('xyz', origins='ssssss')})
    with pytest.raises(ValueError, match='must see real clips only'):
        getattr(runner, part)()


def test_synthetic_clips_are_welcome_in_training(toy_runner):
    toy_runner(1, hooks=HOOKS, train=Points(origins='ssssss'), val=Points('xyz')).train()


def test_groups_are_found_inside_wrappers():
    class Repeated(Dataset):
        dataset = Points('xy')

    joined = ConcatDataset.__new__(ConcatDataset)
    joined.datasets = [Points('ab'), Repeated()]
    assert groups_of(joined) == frozenset('abxy')


def test_a_data_set_without_groups_shares_none():
    assert groups_of(object()) == frozenset()


def test_many_shared_groups_are_counted_and_the_first_are_named():
    many = frozenset(f'g{number:02}' for number in range(30))
    with pytest.raises(ValueError, match='30 of them do: g00, g01, g02, g03, g04, …; take'):
        refuse_shared_groups('test', many, many)
