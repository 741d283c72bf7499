"""Train a recognizer: MMAction2's tools/train.py, with every part of lddm_aug registered.

    python tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--seed N] [...]
"""
from __future__ import annotations

import argparse

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from lddm_aug.checkpoints import read_checkpoint
from lddm_aug.cli import friendly_errors
from lddm_aug.engine.mmaction_tool import load_mmaction_tool, merge_checked
from lddm_aug.engine.runner_config import add_hooks, require_files, require_keys
from lddm_aug.engine.training_record import keep_record
from lddm_aug.hardware import refuse_amp_without_gpu, refuse_unstarted_launcher


def set_randomness(config: Config, args: argparse.Namespace) -> None:
    """MMAction2 takes these three flags only where the config says nothing about randomness."""
    given = {name: value for name, value in vars(args).items()
             if name in ('seed', 'diff_rank_seed', 'deterministic') and value not in (None, False)}
    config.randomness = {**config.get('randomness', {}), **given}


def main() -> None:
    with friendly_errors():
        tool = load_mmaction_tool('train')
        args = tool.parse_args()
        require_files(config=args.config, resume=None if args.resume == 'auto' else args.resume)
        refuse_unstarted_launcher(args.launcher, 'tools/train.py')
        merge_args = tool.merge_args

        def merge_args_and_check(config: Config, args: argparse.Namespace) -> Config:
            require_keys(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
            set_randomness(config, args)
            began_from = {**config, **(args.cfg_options or {})}.get('load_from')
            config = merge_checked(merge_args, config, args)
            require_keys(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
            refuse_amp_without_gpu(config.optim_wrapper.get('type'),
                                   '--amp' if args.amp else 'optim_wrapper.type')
            refuse_unstarted_launcher(config.launcher, 'tools/train.py')
            checkpoint = None
            if args.resume is None and config.get('resume') and began_from:
                checkpoint, began_from = began_from, None         # as MMEngine understands the two
            elif config.get('resume'):
                checkpoint = (find_latest_checkpoint(config.work_dir)
                              if args.resume in (None, 'auto') else args.resume)
            if checkpoint and '://' not in checkpoint and 'meta' not in read_checkpoint(checkpoint):
                raise ValueError(f'resume: {checkpoint} holds weights without the state of a '
                                 'training; begin from it by --cfg-options load_from=…')
            config.load_from = began_from
            keep_record(config, checkpoint)
            add_hooks(config, 'ClassGuardHook', 'SamplerGuardHook', 'WeightsGuardHook')
            return config

        tool.merge_args = merge_args_and_check  # type: ignore[attr-defined]
        tool.main()


if __name__ == '__main__':
    main()
