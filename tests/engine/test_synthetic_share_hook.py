from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook

from lddm_aug.datasets.labelled_dataset import LabelledDataset
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.engine.synthetic_share_hook import SyntheticShareHook


@pytest.mark.parametrize(('points', 'schedule'), [
    ([(0, 0), (0.5, 1)], [0.25, 0.75, 1, 1]),
    ([(0, 1), (1, 0)], [0.875, 0.625, 0.375, 0.125]),
    ([(0, 1), (0.75, 1), (0.75, 0)], [1, 1, 1, 0])], ids=['warm-up', 'decay', 'off at the end'])
def test_the_share_follows_the_points(points, schedule):
    assert SyntheticShareHook(points).schedule(4) == pytest.approx(schedule)


class Samples(LabelledDataset):
    """So many of one class, as the toy model takes them."""

    def __init__(self, count: int, origin: str) -> None:
        self.infos = [dict(label=0, group='g', origin=origin)] * count
        super().__init__('', ['a'], [self.pack], test_mode=False, seed=0)

    def load_data_list(self):
        return [dict(info) for info in self.infos]

    @staticmethod
    def pack(info):
        return dict(x=torch.ones(2), origin=info['origin'])


class Origins(Hook):
    """Notes where each sample of a training came from, epoch by epoch."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx % 4 == 0:                       # eight samples, two at a time
            self.seen.append([])
        self.seen[-1] += data_batch.pop('origin')


def test_a_training_of_four_epochs_sees_as_much_as_the_points_say(toy_runner):
    mixed = LDDMMixedDataset(Samples(6, 'real'), Samples(5, 'synthetic'), 1 / 3)
    hook = SyntheticShareHook([(0, 1), (0.5, 1), (0.5, 0)])
    origins = Origins()
    runner = toy_runner(4, train=mixed, hooks=[hook, origins], train_dataloader=dict(
        dataset=mixed, batch_size=2, collate_fn=dict(type='default_collate'),
        sampler=dict(type='EpochSampler', shuffle=True, seed=0)))
    runner.train()
    assert [(len(seen), seen.count('synthetic')) for seen in origins.seen] == [
        (8, 2), (8, 2), (8, 0), (8, 0)]


@pytest.mark.parametrize('points', [[], [(0.5, 1), (0, 0)], [(0, 2)]])
def test_points_that_make_no_sense_are_refused(points):
    with pytest.raises(ValueError, match=r'in order of progress and within \[0, 1\]'):
        SyntheticShareHook(points)


def test_another_training_set_is_refused(toy_runner):
    runner = toy_runner(1, hooks=[dict(type='SyntheticShareHook', points=[(0, 1)])])
    with pytest.raises(ValueError, match='needs LDDMMixedDataset as the training set'):
        runner.train()
