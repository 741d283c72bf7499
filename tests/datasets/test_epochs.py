from __future__ import annotations

import pickle
import random
from itertools import islice

import numpy as np
import pytest
from mmaction.datasets import BaseActionDataset
from mmaction.registry import DATASETS
from mmengine.dataset import DefaultSampler
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from lddm_aug.datasets.epochs import EpochIndex, EpochSampler, SeededSamples, epoch_of
from lddm_aug.functional.seeds import derive_seed


class Draws(SeededSamples, BaseActionDataset):
    """Samples that are nothing but what was drawn for them."""

    def __init__(self, size: int = 6, seed: int = 0) -> None:
        self.size, self.seed = size, seed
        super().__init__('', pipeline=[self.draw])

    def load_data_list(self) -> list[dict]:
        return [dict(label=index % 2) for index in range(self.size)]

    def get_cat_ids(self, idx: int) -> list[int]:
        return [idx % 2]

    @staticmethod
    def draw(results: dict) -> tuple:
        return results['sample_idx'], results['seed'], np.random.rand(), random.random()


def epochs(dataset, count: int = 2, **loader) -> list[list[tuple]]:
    """What a training sees, epoch after epoch."""
    loader = DataLoader(dataset, sampler=EpochSampler(dataset, seed=3), batch_size=2,
                        collate_fn=list, **loader)
    seen = []
    for epoch in range(count):
        loader.sampler.set_epoch(epoch)
        seen.append([sample for batch in loader for sample in batch])
    return seen


@pytest.mark.parametrize('persistent_workers', [False, True])
def test_workers_do_not_change_a_sample(persistent_workers: bool):
    by_workers = epochs(Draws(), num_workers=2, persistent_workers=persistent_workers)
    assert by_workers == epochs(Draws(), num_workers=0)


def test_every_sample_of_every_epoch_draws_for_itself():
    first, second = epochs(Draws())
    assert len({sample[1:] for sample in first + second}) == 12
    assert sorted(sample[0] for sample in first) == list(range(6))


def test_a_sample_is_a_function_of_seed_epoch_and_index():
    first, second = epochs(Draws(seed=4))
    dataset = Draws(seed=4)
    for epoch, samples in enumerate((first, second)):
        for index, *drawn in samples:
            assert [*dataset[EpochIndex(index, epoch)]] == [index, *drawn]
            assert drawn[0] == derive_seed(4, epoch, index)
    assert dataset[3] == dataset[EpochIndex(3, 0)] != Draws(seed=5)[3]


def test_drawing_samples_leaves_the_global_draws_alone():
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    assert Draws()[0][2] != expected
    assert np.random.rand() == expected


def test_an_index_is_an_ordinary_one_that_keeps_its_epoch_through_a_pipe():
    index = pickle.loads(pickle.dumps(EpochIndex(7, 3)))
    assert (index, index.epoch, 'abcdefgh'[index]) == (7, 3, 'h')
    assert epoch_of(index % 4) == epoch_of(index - 4) == 3
    assert (index % 4, index - 4) == (3, 3)
    assert epoch_of(7) == 0


def test_the_order_is_that_of_mmengines_default_sampler():
    ours, theirs = EpochSampler(range(10), seed=1), DefaultSampler(range(10), seed=1)
    for sampler in (ours, theirs):
        sampler.set_epoch(4)
    assert list(ours) == list(theirs)
    assert {index.epoch for index in ours} == {4}
    assert list(EpochSampler(range(10), shuffle=False)) == list(range(10))


def test_an_endless_sampler_goes_on_with_the_next_epoch():
    endless, ending = EpochSampler(range(3), seed=1, endless=True), EpochSampler(range(3), seed=1)
    indices = list(islice(endless, 9))
    assert [index.epoch for index in indices] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for epoch in range(3):
        ending.set_epoch(epoch)
        assert indices[3 * epoch:3 * epoch + 3] == list(ending)


@pytest.mark.parametrize('endless', [False, True])
def test_ranks_share_an_epoch_among_them(monkeypatch, endless: bool):
    seen: list[int] = []
    for rank in range(3):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 3))
        sampler = EpochSampler(range(9), seed=1, endless=endless)
        assert len(sampler) == 3
        seen += islice(sampler, 3)
    assert sorted(seen) == list(range(9))


@pytest.fixture
def scope():
    DATASETS.register_module(module=Draws, force=True)
    init_default_scope('mmaction')
    yield
    DATASETS.module_dict.pop('Draws')


@pytest.mark.parametrize(('wrapper', 'keeps_epochs'), [
    (dict(type='RepeatDataset', times=2, dataset=dict(type='Draws')), True),
    (dict(type='ConcatDataset', datasets=[dict(type='Draws'), dict(type='Draws')]), True),
    (dict(type='ClassBalancedDataset', oversample_thr=1., dataset=dict(type='Draws')), False)],
    ids=lambda value: value['type'] if isinstance(value, dict) else '')
def test_mmengines_wrappers_and_runner_take_the_indices(scope, wrapper: dict, keeps_epochs: bool):
    loader = Runner.build_dataloader(dict(
        dataset=wrapper, batch_size=2, num_workers=0, collate_fn=dict(type='pseudo_collate'),
        sampler=dict(type='EpochSampler', shuffle=False)), seed=0)
    seen = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        seen.append([seed for _, seeds, *_ in loader for seed in seeds])
    assert len(seen[0]) == len(loader.dataset)
    assert set(seen[0]) <= {derive_seed(0, 0, index) for index in range(6)}
    assert seen[1] == [derive_seed(0, 1 if keeps_epochs else 0, index % 6)
                       for index in (range(12) if keeps_epochs else loader.dataset.repeat_indices)]
