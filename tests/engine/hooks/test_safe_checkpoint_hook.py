from __future__ import annotations

import errno
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from lddm_aug.engine.hooks import SafeCheckpointHook, safe_checkpoint_hook
from lddm_aug.files import atomic_write
from tests.engine.conftest import Points


def checkpoints(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if '.pth' in path.name}


@pytest.fixture
def disk(monkeypatch):
    """disk.full = True: from now on half of a checkpoint fits."""

    class Disk:
        full = False

    class FullFile:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            self.file.write(data[:len(data) // 2])
            raise OSError(errno.ENOSPC, 'No space left on device')

    @contextmanager
    def write(path):
        with atomic_write(path) as file:
            yield FullFile(file) if Disk.full else file

    monkeypatch.setattr(safe_checkpoint_hook, 'atomic_write', write)
    return Disk


class Fill(Hook):
    """Fill the disk before a validation, or before training, of the epoch after this many."""

    def __init__(self, disk, *, before, epochs):
        self.disk, self.before, self.epochs = disk, before, epochs

    def before_train_epoch(self, runner):
        if self.before == 'training':
            self.disk.full = runner.epoch >= self.epochs

    def before_val(self, runner):
        if self.before == 'validation':
            self.disk.full = runner.epoch >= self.epochs


def test_a_full_disk_costs_no_earlier_checkpoint(toy_runner, tmp_path, disk):
    runner = toy_runner(3, checkpoint=dict(max_keep_ckpts=1),
                        hooks=[Fill(disk, before='training', epochs=2)])
    with pytest.raises(OSError, match=r'epoch_3.pth could not be .* No space left on device'):
        runner.train()
    assert checkpoints(tmp_path) == {'epoch_2.pth'}
    disk.full = False
    resumed = toy_runner(3, checkpoint=dict(max_keep_ckpts=1),
                         resume=True)
    resumed.train()
    assert resumed.epoch == 3
    assert checkpoints(tmp_path) == {'epoch_3.pth'}


def test_what_cannot_be_read_back_does_not_replace_what_can(toy_runner, tmp_path, monkeypatch):
    save = torch.save
    runner = toy_runner(2, checkpoint=dict(max_keep_ckpts=1))

    def save_something_unsafe(obj, file):
        save(obj | {'unsafe': Path()} if obj['meta']['epoch'] == 2 else obj, file)

    monkeypatch.setattr(torch, 'save', save_something_unsafe)
    with pytest.raises(OSError, match=r'epoch_2.pth could not be written and read back'):
        runner.train()
    assert checkpoints(tmp_path) == {'epoch_1.pth'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_1.pth')


@pytest.mark.parametrize('kept', [1, 2])
def test_the_newest_are_kept_and_the_last_is_pointed_to(toy_runner, tmp_path, kept):
    toy_runner(4, checkpoint=dict(max_keep_ckpts=kept)).train()
    assert checkpoints(tmp_path) == {f'epoch_{epoch}.pth' for epoch in range(5 - kept, 5)}
    last = Path((tmp_path / 'last_checkpoint').read_text())
    assert torch.load(last, weights_only=True)['meta']['epoch'] == 4


def test_a_resumed_training_prunes_what_the_first_part_left(toy_runner, tmp_path):
    hook = dict(max_keep_ckpts=2)
    toy_runner(3, checkpoint=hook).train()
    toy_runner(4, checkpoint=hook, resume=True).train()
    assert checkpoints(tmp_path) == {'epoch_3.pth', 'epoch_4.pth'}


class KilledError(Exception):
    pass


def test_resumed_after_a_kill_it_removes_what_was_outdated_or_half_written(
        toy_runner, tmp_path, monkeypatch):
    def die(backend):
        if len(backend.outdated) and '2' in backend.outdated[-1]:
            raise KilledError                        # epoch_3.pth is whole and pointed to

    hook = dict(max_keep_ckpts=1)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(safe_checkpoint_hook.WholeCheckpoints, 'remove_outdated', die)
        toy_runner(4, checkpoint=hook).train()
    (tmp_path / '.epoch_4.pth.0123456789abcdef.tmp').write_bytes(b'half')
    (tmp_path / 'mine.tmp').write_bytes(b'of somebody else')
    assert {'epoch_2.pth', 'epoch_3.pth'} <= checkpoints(tmp_path)
    toy_runner(4, checkpoint=hook, resume=True).train()
    assert checkpoints(tmp_path) == {'epoch_4.pth'}
    assert (tmp_path / 'mine.tmp').exists()


def test_the_previous_best_goes_when_the_new_one_is_whole(toy_runner, tmp_path):
    toy_runner(3, val=Points('xyz'), checkpoint=dict(
        max_keep_ckpts=1, save_best='accuracy')).train()
    assert checkpoints(tmp_path) == {'epoch_3.pth', 'best_accuracy_epoch_3.pth'}


def test_a_full_disk_costs_no_earlier_best(toy_runner, tmp_path, disk):
    runner = toy_runner(2, val=Points('xyz'), hooks=[Fill(disk, before='validation', epochs=2)],
                        checkpoint=dict(max_keep_ckpts=1, save_best='accuracy'))
    with pytest.raises(OSError, match=r'best_accuracy_epoch_2.pth could not'):
        runner.train()
    assert checkpoints(tmp_path) == {'epoch_2.pth', 'best_accuracy_epoch_1.pth'}


def test_by_iteration_it_works_alike(toy_runner, tmp_path):
    toy_runner(train_cfg=dict(by_epoch=False, max_iters=5), param_scheduler=None,
               checkpoint=dict(by_epoch=False, interval=2, max_keep_ckpts=1)).train()
    assert checkpoints(tmp_path) == {'iter_5.pth'}


@pytest.mark.parametrize('where', [
    {'out_dir': 's3://bucket/run'}, {'backend_args': {'backend': 'petrel'}},
    {'file_client_args': {'backend': 'petrel'}}])
def test_other_storage_than_a_local_disk_is_refused(where):
    with pytest.raises(ValueError, match=r'local disks only.*take CheckpointHook'):
        SafeCheckpointHook(**where)
