"""Checkpoints that a full disk or an interruption can't spoil."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from lddm_aug.files import TEMPORARY, atomic_write

OUTDATED = 'outdated_ckpts'                          # in a checkpoint: which ones it replaces


@register_backend('whole_checkpoints')
class WholeCheckpoints(LocalBackend):
    """Writes a checkpoint aside, reads it back, and only then gives it its name.

    What is to be removed stays until `remove_outdated`.
    """

    def __init__(self) -> None:
        self.outdated: list[str] = []

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write the file, or leave everything as it was and raise OSError."""
        try:
            with atomic_write(Path(filepath)) as file:
                file.write(obj)
                file.flush()
                torch.load(file.name, map_location='cpu', weights_only=True)
        except Exception as error:
            raise OSError(f'SafeCheckpointHook: {filepath} could not be written and read back '
                          f'({error}); earlier checkpoints stay') from error

    def remove(self, filepath: str | Path) -> None:
        self.outdated.append(str(filepath))

    def remove_outdated(self) -> None:
        for path in self.outdated:
            Path(path).unlink(missing_ok=True)
        self.outdated.clear()


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook, in which no failure costs the checkpoint before.

    MMEngine deletes what is outdated, then writes in place: a full disk leaves nothing to resume
    from.  Here a checkpoint is written aside, read back, flushed and named, `last_checkpoint`
    points to it, and then the outdated one goes.  What a killed process left of that is made up for
    when its training is resumed.

    Args:
        kwargs: CheckpointHook's, but for those of other storage than a local disk.
    """

    def __init__(self, **kwargs: Any) -> None:
        elsewhere = {'file_client_args', 'backend_args'} & kwargs.keys()
        if elsewhere or '://' in str(kwargs.get('out_dir')):
            raise ValueError('SafeCheckpointHook: writes to local disks only, but got '
                             f'{", ".join(elsewhere) or kwargs["out_dir"]}; '
                             'take CheckpointHook for other storage')
        super().__init__(backend_args=dict(backend='whole_checkpoints'), **kwargs)

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        if not is_main_process():
            return
        for left in Path(self.out_dir).glob(f'.{self.filename_tmpl.format("*")}.*{TEMPORARY}'):
            left.unlink(missing_ok=True)
        source = runner._load_from                   # of a resumed training
        if runner._resume and (source is None or Path(source).parent.samefile(self.out_dir)):
            for path in runner.message_hub.get_info(OUTDATED, ()):
                self.file_backend.remove(Path(self.out_dir, Path(path).name))
            self.file_backend.remove_outdated()

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        self._make_room_for(step, runner)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir, name, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args)
        if is_main_process():
            with atomic_write(Path(runner.work_dir, 'last_checkpoint')) as file:
                file.write(self.last_ckpt.encode())
            self.file_backend.remove_outdated()

    def _make_room_for(self, step: int, runner: Runner) -> None:
        """Note which checkpoint goes once this step's is whole, and in it which ones are kept."""
        if self.max_keep_ckpts <= 0 or step in self.keep_ckpt_ids:
            return
        if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
            outdated = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
            self.file_backend.remove(self.file_backend.join_path(self.out_dir, outdated))
        self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        runner.message_hub.update_info(OUTDATED, list(self.file_backend.outdated))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        super()._save_best_checkpoint(runner, metrics)
        if is_main_process():
            self.file_backend.remove_outdated()
