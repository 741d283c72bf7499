from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lddm_aug.datasets.video_clips import VideoClipDataset
from lddm_aug.engine.hooks.quarantine_hook import QuarantineHook

HOOKS = [dict(type='QuarantineHook', interval=1)]


def as_point(info: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {'x': torch.tensor([info['label'], float(info['array'][0, 0, 0, 0])])}


@pytest.fixture
def table(tmp_path: Path, write_table) -> str:
    for number in range(8):
        np.save(tmp_path / f'{number}.npy', np.full((16, 4, 4), number, np.uint8))
    return write_table(tmp_path / 'videos.csv', [
        (f'{number}.npy', 'ab'[number % 2], f'p{number}') for number in range(8)])


def videos(table: str, **options: Any) -> VideoClipDataset:
    return VideoClipDataset(table, [dict(type='ReadVideo'), as_point],
                            **(dict(max_bad_share=0.3) | options))


@pytest.mark.parametrize('workers', [0, 2])
def test_log_and_checkpoint_count_and_name_what_was_left_out(toy_runner, table, tmp_path, workers):
    train = videos(table)
    (tmp_path / '3.npy').write_bytes(b'')
    runner = toy_runner(2, train=train, hooks=HOOKS)
    runner._train_dataloader.update(num_workers=workers)
    runner.train()
    named = [str(tmp_path.resolve() / '3.npy')]
    checkpoint = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)
    assert checkpoint['meta']['quarantine'] == dict(count=1, samples=named)
    assert runner.message_hub.get_scalar('train/bad_samples').current() == 1
    assert runner.message_hub.get_info('bad_samples') == named
    [log] = tmp_path.glob('*/*.log')
    assert 'bad_samples: 1' in log.read_text() and '3.npy' in log.read_text()
    # a resumed training doesn't forget what the one before was trained without
    np.save(tmp_path / '3.npy', np.full((16, 4, 4), 3, np.uint8))
    toy_runner(3, train=videos(table), hooks=HOOKS, resume=True).train()
    again = torch.load(tmp_path / 'epoch_3.pth', weights_only=True)
    assert again['meta']['quarantine'] == dict(count=1, samples=named)


def test_of_good_data_a_checkpoint_says_so_and_the_log_is_as_before(toy_runner, table, tmp_path):
    runner = toy_runner(1, train=videos(table), hooks=HOOKS)
    runner.train()
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert checkpoint['meta']['quarantine'] == dict(count=0, samples=[])
    assert 'train/bad_samples' not in runner.message_hub.log_scalars


def test_validation_stops_at_a_bad_file_also_without_test_mode(toy_runner, table, tmp_path):
    val = videos(table, test_mode=False)
    (tmp_path / '3.npy').write_bytes(b'')
    with pytest.raises(ValueError, match=r'3\.npy'):
        toy_runner(1, val=val, hooks=HOOKS).train()


def test_a_latent_data_set_s_clips_are_counted_too(table, tmp_path):
    class Encoded(torch.utils.data.Dataset):
        clips = videos(table)
    (tmp_path / '3.npy').write_bytes(b'')
    Encoded.clips[3]
    checkpoint: dict[str, Any] = {'meta': {}}
    runner = type('Runner', (), {'train_dataloader': type('Loader', (), {'dataset': Encoded()})})
    QuarantineHook().before_save_checkpoint(runner, checkpoint)
    assert checkpoint['meta']['quarantine']['count'] == 1
