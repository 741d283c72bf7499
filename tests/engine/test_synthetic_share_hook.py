from __future__ import annotations

import pytest

from lddm_aug.engine.synthetic_share_hook import SyntheticShareHook


@pytest.mark.parametrize(('points', 'schedule'), [
    ([(0, 0), (0.5, 1)], [0.25, 0.75, 1, 1]),
    ([(0, 1), (1, 0)], [0.875, 0.625, 0.375, 0.125]),
    ([(0, 1), (0.75, 1), (0.75, 0)], [1, 1, 1, 0])], ids=['warm-up', 'decay', 'off at the end'])
def test_the_share_follows_the_points(points, schedule):
    assert SyntheticShareHook(points).schedule(4) == pytest.approx(schedule)


@pytest.mark.parametrize('points', [[], [(0.5, 1), (0, 0)], [(0, 2)]])
def test_points_that_make_no_sense_are_refused(points):
    with pytest.raises(ValueError, match=r'in order of progress and within \[0, 1\]'):
        SyntheticShareHook(points)


def test_another_training_set_is_refused(toy_runner):
    runner = toy_runner(1, hooks=[dict(type='SyntheticShareHook', points=[(0, 1)])])
    with pytest.raises(ValueError, match='needs LDDMMixedDataset as the training set'):
        runner.train()
