from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mmaction.registry import DATA_SAMPLERS
from mmengine.hooks import Hook
from torch.utils.data import BatchSampler, ConcatDataset, DataLoader, Subset

from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.labelled_dataset import LabelledDataset
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.engine.hooks.synthetic_share_hook import SyntheticShareHook, batches_per_epoch

DATA_SAMPLERS.register_module(module=BatchSampler, force=True)


@pytest.mark.parametrize('points, schedule', [
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
        return dict(x=torch.rand(2), origin=info['origin'])


class Origins(Hook):
    """Notes where each sample of a training came from, epoch by epoch."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx % 4 == 0:                       # eight samples, two at a time
            self.seen.append([])
        self.seen[-1] += data_batch.pop('origin')


def mix() -> LDDMMixedDataset:
    """Eight samples of an epoch, two of them synthetic."""
    return LDDMMixedDataset(Samples(6, 'real'), Samples(5, 'synthetic'), 1 / 3)


OFF_AT_HALF = [(0, 1), (0.5, 1), (0.5, 0)]


def loader(dataset: Any, **changes: Any) -> dict[str, Any]:
    return dict(dataset=dataset, batch_size=2, collate_fn=dict(type='default_collate'),
                sampler=dict(type='EpochSampler', seed=0)) | changes


def test_a_training_of_four_epochs_sees_as_much_as_the_points_say(toy_runner):
    origins = Origins()
    toy_runner(4, hooks=[SyntheticShareHook(OFF_AT_HALF), origins],
               train_dataloader=loader(mix())).train()
    assert [(len(seen), seen.count('synthetic')) for seen in origins.seen] == [
        (8, 2), (8, 2), (8, 0), (8, 0)]


@pytest.mark.parametrize('workers', [
    dict(num_workers=0), dict(num_workers=2), dict(num_workers=1, persistent_workers=True)],
    ids=str)
def test_a_training_by_iterations_does_so_too_in_workers_that_began_before(toy_runner, workers):
    origins = Origins()
    toy_runner(hooks=[SyntheticShareHook(OFF_AT_HALF), origins],
               train_cfg=dict(type='IterBasedTrainLoop', max_iters=16),
               train_dataloader=loader(mix(), sampler=dict(
                   type='EpochSampler', seed=0, endless=True), **workers)).train()
    assert [(len(seen), seen.count('synthetic')) for seen in origins.seen] == [
        (8, 2), (8, 2), (8, 0), (8, 0)]


@pytest.mark.parametrize('wrap', [
    lambda mix: Subset(mix, range(8)), lambda mix: ConcatDataset([mix])], ids=['Subset', 'Concat'])
@pytest.mark.parametrize('batches', [
    {}, dict(batch_sampler=dict(type='BatchSampler', drop_last=False))], ids=str)
def test_a_mix_inside_wrappers_and_batches_of_ones_own_follow_too(toy_runner, wrap, batches):
    origins = Origins()
    toy_runner(4, hooks=[SyntheticShareHook(OFF_AT_HALF), origins],
               train_dataloader=loader(wrap(mix()), **batches)).train()
    assert [seen.count('synthetic') for seen in origins.seen] == [2, 2, 0, 0]


@pytest.mark.parametrize('size, endless, epochs', [
    (8, False, 5), (9, False, 4), (9, True, 5), (8, True, 5)])
def test_a_last_batch_that_is_not_full_ends_an_epoch_unless_that_is_endless(size, endless, epochs):
    loader = DataLoader(dataset := Samples(size, 'real'), 2, sampler=EpochSampler(
        dataset, endless=endless))
    assert math.ceil(20 / batches_per_epoch(loader, loader.sampler)) == epochs


class Seen(Hook):
    """Notes what each iteration is shown; may interrupt."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.drawn: dict[int, list[float]] = {}
        self.interrupt_at = interrupt_at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.interrupt_at:
            raise KeyboardInterrupt
        data_batch.pop('origin')
        self.drawn[runner.iter] = data_batch['x'][:, 0].tolist()


@pytest.mark.parametrize('train_cfg, by_epoch', [
    (dict(type='EpochBasedTrainLoop', max_epochs=4), True),
    (dict(type='IterBasedTrainLoop', max_iters=16), False)], ids=['epochs', 'iterations'])
def test_a_resumed_training_is_shown_what_an_uninterrupted_one_is(toy_runner, tmp_path, train_cfg,
                                                                  by_epoch):
    def run(seen: Seen, name: str, workers: int, resume: bool = False):
        sampler = dict(type='EpochSampler', seed=0, endless=not by_epoch)
        return toy_runner(
            hooks=[SyntheticShareHook(OFF_AT_HALF), seen], work_dir=tmp_path / name,
            resume=resume, train_cfg=train_cfg,
            checkpoint=dict(by_epoch=by_epoch, interval=1 if by_epoch else 6),
            train_dataloader=loader(mix(), sampler=sampler, num_workers=workers)).train()

    whole, begun, resumed = Seen(), Seen(interrupt_at=10), Seen()
    run(whole, 'whole', workers=0)
    with pytest.raises(KeyboardInterrupt):
        run(begun, 'parts', workers=1)
    run(resumed, 'parts', workers=1, resume=True)
    assert min(resumed.drawn) == (8 if by_epoch else 6)
    assert begun.drawn | resumed.drawn == resumed.drawn | begun.drawn == whole.drawn
    assert len({drawn for batch in whole.drawn.values() for drawn in batch}) == 32


@pytest.mark.parametrize('points', [[], [(0.5, 1), (0, 0)], [(0, 2)]])
def test_points_that_make_no_sense_are_refused(points):
    with pytest.raises(ValueError, match=r'in order of progress and within \[0, 1\]'):
        SyntheticShareHook(points)


@pytest.mark.parametrize('sampler', ['DefaultSampler', 'InfiniteSampler'])
def test_a_sampler_that_does_not_tell_the_epoch_is_refused_at_the_start(toy_runner, sampler):
    origins = Origins()
    runner = toy_runner(4, hooks=[SyntheticShareHook([(0, 1)]), origins],
                        train_dataloader=loader(mix(), sampler=dict(type=sampler)))
    with pytest.raises(ValueError, match=f"{sampler} .* train_dataloader.sampler.type='EpochSamp"):
        runner.train()
    assert origins.seen == []


def test_another_training_set_is_refused(toy_runner):
    runner = toy_runner(1, hooks=[dict(type='SyntheticShareHook', points=[(0, 1)])])
    with pytest.raises(ValueError, match='needs LDDMMixedDataset as the training set'):
        runner.train()
