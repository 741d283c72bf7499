"""Samples that can't be read: left out of a training, and errors of a validation."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.quarantine import quarantined
from lddm_aug.datasets.video_clips import VideoClipDataset

COUNT, BAD = 24, 5                                   # half of each class; of the second class


@pytest.fixture
def table(tmp_path: Path, write_table) -> str:
    """Videos whose pixels are their number."""
    for number in range(COUNT):
        np.save(tmp_path / f'{number}.npy', np.full((16, 4, 4), number, np.uint8))
    return write_table(tmp_path / 'videos.csv', [
        (f'{number}.npy', 'ab'[number % 2], f'p{number}') for number in range(COUNT)])


@pytest.fixture
def spoil(tmp_path: Path) -> Callable[..., None]:
    """Cut files off after the data set was built."""
    def spoil(*numbers: int) -> None:
        for number in numbers:
            (tmp_path / f'{number}.npy').write_bytes(b'\x93NUMPY')
    return spoil


def videos(table: str, **options) -> VideoClipDataset:
    return VideoClipDataset(table, [dict(type='ReadVideo')], **options)


def visited(dataset, workers: int = 0) -> list[tuple[int, int]]:
    """Number and label of what is shown in an epoch, by position."""
    loader = DataLoader(dataset, batch_size=4, sampler=EpochSampler(dataset, seed=1),
                        num_workers=workers, collate_fn=pseudo_collate)
    return [(int(array[0, 0, 0, 0]), label) for batch in loader
            for array, label in zip(batch['array'], batch['label'], strict=True)]


@pytest.mark.parametrize('workers', [0, 2])
def test_another_of_its_class_is_shown_and_the_main_process_knows(table, spoil, tmp_path, workers):
    before = visited(videos(table))
    dataset = videos(table)
    spoil(BAD)
    after = visited(dataset, workers)
    assert quarantined(dataset) == [str(tmp_path.resolve() / f'{BAD}.npy')]
    assert [label for _, label in after] == [label for _, label in before]
    [place] = [place for place, (number, _) in enumerate(before) if number == BAD]
    assert after[place][0] != BAD and after[place][0] % 2 == BAD % 2
    assert after[:place] + after[place + 1:] == before[:place] + before[place + 1:]


def test_what_is_shown_does_not_depend_on_workers(table, spoil):
    dataset, other = videos(table, max_bad_share=0.5), videos(table, max_bad_share=0.5)
    spoil(1, BAD, 7, 8)
    assert visited(dataset) == visited(other, workers=2)


def test_what_was_left_out_is_not_read_again(table, spoil, monkeypatch):
    dataset = videos(table)
    spoil(BAD)
    dataset[BAD]
    read: list[int] = []
    draw = dataset.draw
    monkeypatch.setattr(dataset, 'draw',
                        lambda index, seed: read.append(index) or draw(index, seed))
    assert dataset[BAD]['label'] == BAD % 2
    assert len(read) == 1 and read[0] != BAD


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('share, bad, ends', [(0.05, 1, False), (0.05, 2, True), (0.1, 2, False),
                                              (0, 1, True)])
def test_a_training_ends_beyond_the_share(table, spoil, workers, share, bad, ends):
    dataset = videos(table, max_bad_share=share)
    spoil(*range(bad))
    if not ends:
        assert len(visited(dataset, workers)) == COUNT
        return
    with pytest.raises(ValueError, match=r'\d\.npy') as raised:
        visited(dataset, workers)
    assert ('max_bad_share=0.05' in str(raised.value)) == (share > 0)


@pytest.mark.parametrize('workers', [0, 2])
def test_held_out_samples_are_never_replaced(table, spoil, workers):
    dataset = videos(table, test_mode=True)
    spoil(BAD)
    with pytest.raises(ValueError, match=rf'{BAD}\.npy'):
        visited(dataset, workers)
    assert quarantined(dataset) == []


def test_a_held_out_sample_that_a_transform_drops_is_named(table):
    dataset = VideoClipDataset(table, [lambda info: None], test_mode=True)
    with pytest.raises(ValueError, match=r'3\.npy'):
        dataset[3]


def test_in_a_mix_a_real_clip_takes_a_real_one_s_place(table, spoil):
    mix = LDDMMixedDataset(videos(table), videos(table, seed=1), allow_leakage=True)
    spoil(BAD)
    sample = mix[BAD]
    assert (sample['origin'], sample['label']) == ('real', BAD % 2)
    assert [name.endswith(f'{BAD}.npy') for name in quarantined(mix)] == [True]


@pytest.mark.parametrize('share', [-0.1, 1, True, 'half'])
def test_what_is_no_share_is_refused(table, share):
    with pytest.raises(ValueError, match='max_bad_share'):
        videos(table, max_bad_share=share)
