"""What several processes do together in test_distributed_training.py; torchrun starts it.

    torchrun --standalone --nproc_per_node=2 tests/engine/rank_worker.py two FOLDER

What the test compares is left in FOLDER, by each rank in a file of its own.
"""
from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import mmengine.config.config
import torch
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.dist import barrier, get_dist_info, is_main_process
from mmengine.registry import init_default_scope

from lddm_aug import locks
from lddm_aug.commands import run_tool
from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.visits import Visit
from lddm_aug.distributed import from_main, in_turn, only_training
from lddm_aug.engine.hooks import IterationSeedHook
from lddm_aug.locks import only_writer
from lddm_aug.networks.grain import Grain

ALL = {'train_dataloader.batch_size': 2, 'train_cfg.max_iters': 4, 'log_level': 'ERROR',
       'default_hooks.checkpoint.interval': 2}
STAGES = {
    'autoencoder.model.encoder.width': 8, 'autoencoder.model.decoder.widths': '[8,8,8]',
    **{f'{model}.autoencoder.{key}': value
       for model in ('diffusion.model', 'diffusion.train_dataloader.dataset')
       for key, value in (('encoder.width', 8), ('decoder.widths', '[8,8,8]'))},
    'diffusion.model.denoiser.width': 24, 'diffusion.model.denoiser.depth': 1,
    'diffusion.model.denoiser.still_widths': '[8,8,8]',
    'diffusion.train_dataloader.dataset.draws': 2,
    'distillation.train_dataloader.dataset.paths': 14,
    **{f'{stage}.{key}': value for stage in ('autoencoder', 'diffusion', 'distillation')
       for key, value in ALL.items()}}
RECOGNIZER = {**ALL, 'train_cfg.max_iters': 7, 'train_cfg.val_interval': 7,
              'default_hooks.checkpoint.interval': 3, 'default_hooks.checkpoint.max_keep_ckpts': -1}


def options(values: dict[str, object]) -> list[str]:
    return ['--cfg-options', *(f'{key}={value}' for key, value in values.items())]


def train_generator(folder: Path, *more: str) -> None:
    run_tool('train-generator', [
        '--recipe', 'lddm_distilled', '--data', str(folder), '--work-dir',
        str(folder / 'generators/lddm'), *more, *options(STAGES)])


def recognizer(tool: str, folder: Path, work_dir: str, *more: str, **values: object) -> None:
    """Train a small C3D on real videos and clips that are made on the device, or test it."""
    named = ['recognizer', str(folder / 'trained/iter_7.pth')] if tool == 'test' else []
    run_tool(tool, [*named, '--recognizer', 'c3d_small', '--training-set', 'lddm_device', '--data',
                    str(folder), '--work-dir', str(folder / work_dir), *more,
                    *options(RECOGNIZER | values)])


def rewind(folder: Path, name: str, checkpoint: str) -> None:
    """Leave in a new folder what a training was at an earlier checkpoint."""
    if is_main_process():
        (folder / name).mkdir()
        shutil.copy(folder / 'trained' / checkpoint, folder / name)
        (folder / name / 'last_checkpoint').write_text(str(folder / name / checkpoint))
    barrier()


def datasets(folder: Path) -> dict[str, list]:
    """What the later stages of the generator learn from, as their configs say."""
    init_default_scope('mmaction')
    return {stage: DATASETS.build(Config.fromfile(
        folder / f'generators/lddm/{stage}/lddm_distilled.py').train_dataloader.dataset).samples
        for stage in ('diffusion', 'distillation')}


def grain(batch: slice = slice(None)) -> dict[str, torch.Tensor]:
    """Statistics after two updates by eight clips, of which this rank has a part."""
    module, draw = Grain(1, 5, 8), torch.Generator().manual_seed(0)
    clips = torch.randn(5, 8, 1, 5, 8, 8, generator=draw)
    like, torch.randn_like = torch.randn_like, lambda _: clips[4, batch, :, 1:]
    for _ in range(2):
        real, made, sharp, scale = clips[:4, batch]
        module.update_statistics(real, made, sharp, scale.abs() + 0.1)
    torch.randn_like = like
    return module.state_dict()


def watch_visits() -> list[Visit]:
    """A list to which everything goes that EpochSampler shows from now on."""
    visits: list[Visit] = []
    iterate = EpochSampler.__iter__

    def watched(self: EpochSampler) -> Iterator[Visit]:
        for visit in iterate(self):
            visits.append(visit)
            yield visit

    EpochSampler.__iter__ = watched
    return visits


def shared(rank: int, folder: Path) -> dict[str, object]:
    """What ranks give each other."""
    try:
        from_main(lambda: int('no number'))
    except ValueError as error:
        message = str(error)
    return dict(in_turn=in_turn([f'{rank}{number}' for number in range(3 - rank)]),
                from_main=from_main(lambda: f'of {rank}'), error=message,
                refused=refused(rank, folder / 'work'))


def refused(rank: int, work_dir: Path) -> str:
    """What a training is told while another one, whose rank 0 is here, works in its folder."""
    locks.SECONDS = 0.2
    with only_writer(work_dir) if rank == 0 else nullcontext():
        barrier()
        try:
            with only_training(work_dir):
                return ''
        except ValueError as error:
            return str(error)


def two(folder: Path) -> None:
    train_generator(folder, '--launcher', 'pytorch', '--auto-scale-lr')
    rank, _ = get_dist_info()
    torch.save(dict(datasets=datasets(folder), grain=grain(slice(4 * rank, 4 * rank + 4)),
                    shared=shared(rank, folder)), folder / f'rank{rank}.pth')
    visits = watch_visits()
    recognizer('train', folder, 'trained', '--launcher', 'pytorch')
    (folder / f'visits{rank}.json').write_text(json.dumps(
        [[visit.epoch, visit.index, visit.position] for visit in visits]))
    rewind(folder, 'resumed', 'iter_3.pth')
    recognizer('train', folder, 'resumed', '--launcher', 'pytorch', '--resume')
    accumulated = {'optim_wrapper.accumulative_counts': 2, 'train_cfg.max_iters': 2}
    recognizer('train', folder, 'accumulated', '--launcher', 'pytorch', '--no-validate',
               '--auto-scale-lr', **accumulated)


def three(folder: Path) -> None:
    recognizer('test', folder, 'tested', '--launcher', 'pytorch')
    rewind(folder, 'by_three', 'iter_3.pth')
    recognizer('train', folder, 'by_three', '--launcher', 'pytorch', '--resume')

    def fail(self: IterationSeedHook, *args: object, **kwargs: object) -> None:
        if get_dist_info()[0] == 1:
            raise ValueError('a video of rank 1 is cut off')

    IterationSeedHook.after_train_iter = fail
    recognizer('train', folder, 'failed', '--launcher', 'pytorch', '--no-validate')


def divided(folder: Path) -> None:
    """Train a generator with whole weights, with divided ones, and these resumed."""
    values = {key: value for key, value in STAGES.items() if not key.startswith('distillation')}
    values |= {'diffusion.model.denoiser.depth': 2, 'diffusion.model.denoiser.heads': 4,
               'diffusion.default_hooks.checkpoint.max_keep_ckpts': -1,
               'diffusion.default_hooks.logger.interval': 1,
               'diffusion.optim_wrapper.clip_grad.max_norm': 0.01}
    for config, work_dir in (('whole', 'whole'), ('large', 'large'), ('large', 'large_resumed')):
        if work_dir == 'large_resumed' and is_main_process():
            shutil.copytree(folder / 'large', folder / work_dir)
            stage = folder / work_dir / 'diffusion'
            shutil.rmtree(folder / work_dir / 'package')
            for left in ('training.json', 'iter_4.pth'):
                (stage / left).unlink()
            (stage / 'last_checkpoint').write_text(str(stage / 'iter_2.pth'))
        barrier()
        run_tool('train-generator', [
            str(folder / f'{config}.py'), '--data', str(folder), '--work-dir',
            str(folder / work_dir), '--launcher', 'pytorch', '--resume', *options(values)])


def lay_no_config_out(replace: Callable[[Any, str, Any], None]) -> None:
    """To lay a config out prettily takes MMEngine longer than all these trainings."""
    replace(mmengine.config.config, 'FormatCode', lambda text, **_: (text, False))


if __name__ == '__main__':
    lay_no_config_out(setattr)
    {'two': two, 'three': three, 'divided': divided}[sys.argv[1]](Path(sys.argv[2]))
