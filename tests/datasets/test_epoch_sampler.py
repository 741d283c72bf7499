from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import BatchSampler, DataLoader, Dataset, Subset

from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.visits import Visit


class Draws(Dataset):
    """Samples that are nothing but an index and what was drawn for it, of anybody's making."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, float]:
        return [*range(self.size)][index], np.random.rand()


def indices(visits) -> list[int]:
    return [visit.index for visit in visits]


def test_the_order_is_that_of_mmengines_default_sampler():
    ours, theirs = (kind(Draws(10), seed=1) for kind in (EpochSampler, DefaultSampler))
    for sampler in (ours, theirs):
        sampler.set_epoch(4)
    visits = list(ours)
    assert indices(visits) == list(theirs)
    assert visits == [Visit(visit.index, 4, place, 1) for place, visit in enumerate(visits)]
    assert indices(EpochSampler(Draws(10), shuffle=False)) == list(range(10))


@pytest.mark.parametrize('endless', [False, True])
def test_an_iteration_that_no_set_epoch_precedes_is_the_next_epoch(endless: bool):
    sampler = EpochSampler(Draws(3), seed=1, endless=endless)
    epochs = [[visit.epoch for visit in islice(sampler, 3)] for _ in range(3)]
    sampler.set_epoch(1)
    epochs.append([visit.epoch for visit in islice(sampler, 3)])
    assert epochs == [[0] * 3, [1] * 3, [2] * 3, [1] * 3]


def test_an_endless_sampler_goes_on_with_the_next_epoch_whatever_is_set_meanwhile():
    endless, ending = (EpochSampler(Draws(3), seed=1, endless=endless) for endless in (True, False))
    iterator = iter(endless)
    visits = [next(iterator)]
    endless.set_epoch(0)                             # as MMEngine's hook does after workers began
    visits += islice(iterator, 8)
    for epoch in range(3):
        ending.set_epoch(epoch)
        assert visits[3 * epoch:3 * epoch + 3] == list(ending)


@pytest.mark.parametrize('size, round_up, ranks', [
    (9, True, 3), (10, True, 3), (10, False, 3), (10, True, 1), (2, True, 5)])
@pytest.mark.parametrize('endless', [False, True])
def test_ranks_share_an_epoch_in_which_every_position_comes_once(
        monkeypatch, size: int, round_up: bool, ranks: int, endless: bool):
    visits: list[Visit] = []
    for rank in range(ranks):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info',
                            lambda rank=rank: (rank, ranks))
        sampler = EpochSampler(Draws(size), seed=1, endless=endless, round_up=round_up)
        visits += islice(sampler, len(sampler))
    total = -(-size // ranks) * ranks if round_up else size
    places = [(divmod(place, size) if endless else (0, place)) for place in range(total)]
    assert sorted((visit.epoch, visit.position) for visit in visits) == places
    assert set(indices(visits)) == set(range(size))
    # what a position shows doesn't depend on how many ranks there are
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (0, 1))
    alone = list(EpochSampler(Draws(size), seed=1))
    assert sorted(visits, key=lambda visit: (visit.epoch, visit.position))[:size] == alone


@pytest.mark.parametrize('size, ranks', [(10, 3), (7, 2), (2, 5)])
@pytest.mark.parametrize('kind, options', [
    (EpochSampler, dict(endless=True)), (InfiniteSampler, {})])
def test_without_an_end_ranks_see_every_sample_once_in_each_epoch(
        monkeypatch, size: int, ranks: int, kind: type, options: dict):
    dealt = []
    for rank in range(ranks):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info',
                            lambda rank=rank: (rank, ranks))
        dealt.append([*islice(kind(Draws(size), seed=1, **options), 3 * size)])
    stream = [visit for step in zip(*dealt, strict=True) for visit in step][:3 * size]
    shown = [getattr(visit, 'index', visit) for visit in stream]
    for epoch in range(3):
        assert sorted(shown[epoch * size:(epoch + 1) * size]) == [*range(size)]


def test_fewer_ranks_with_larger_batches_take_the_same_clips_in_every_step(monkeypatch):
    steps = {}
    for ranks, batch_size in ((1, 4), (2, 2), (4, 1)):
        parts = []
        for rank in range(ranks):
            monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info',
                                lambda rank=rank, ranks=ranks: (rank, ranks))
            sampler = EpochSampler(Draws(7), seed=3, endless=True)
            parts.append([*islice(BatchSampler(sampler, batch_size, drop_last=False), 6)])
        steps[ranks] = [{visit for batch in step for visit in batch}
                        for step in zip(*parts, strict=True)]
    assert steps[1] == steps[2] == steps[4]


@pytest.mark.parametrize('dataset', [range(10), [1, 2], np.zeros(3)], ids=type)
def test_a_dataset_whose_class_cannot_be_subclassed_is_refused(dataset):
    with pytest.raises(TypeError, match=f'EpochSampler: .*got {type(dataset).__name__}'):
        EpochSampler(dataset)


def test_another_data_set_than_the_samplers_fails_instead_of_forgetting_the_epoch():
    dataset = Draws(6)
    loader = DataLoader(Subset(dataset, range(6)), sampler=EpochSampler(dataset))
    with pytest.raises(TypeError, match='Visit'):
        next(iter(loader))


def batches(**loader) -> list:
    dataset = Draws(7)
    sampler = EpochSampler(dataset, seed=2, endless=loader.pop('endless', False))
    if loader.pop('batch_sampler', False):
        loader['batch_sampler'] = BatchSampler(sampler, 3, drop_last=False)
    else:
        loader |= dict(sampler=sampler)
    built = DataLoader(dataset, collate_fn=lambda samples: samples, **loader)
    return [[*islice(built, 6)] for _ in range(1 if sampler.endless else 2)]


@pytest.mark.parametrize('loader', [
    dict(batch_size=3), dict(batch_sampler=True), dict(batch_size=None),
    dict(batch_size=3, endless=True), dict(batch_size=4, endless=True)], ids=str)
def test_workers_do_not_change_anybodys_samples(loader: dict):
    np.random.seed(0)
    alone = batches(**loader)
    np.random.seed(1)
    assert batches(**loader) == alone
    persistent = loader.get('batch_size') == 3
    assert batches(**loader, num_workers=2, persistent_workers=persistent) == alone


def test_drawing_samples_leaves_the_global_draws_alone():
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    batches(batch_size=2)
    assert np.random.rand() == expected
