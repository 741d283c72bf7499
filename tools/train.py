"""Train a recognizer: MMAction2's tools/train.py, with every part of lddm_aug registered.

    python tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--seed N] [...]
"""
from __future__ import annotations

import argparse

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from lddm_aug.checkpoints import read_checkpoint
from lddm_aug.cli import one_sentence_errors
from lddm_aug.engine.mmaction_tool import load_mmaction_tool, require_files, require_keys


def set_randomness(config: Config, args: argparse.Namespace) -> None:
    """MMAction2 takes these three flags only where the config says nothing about randomness."""
    given = {name: value for name, value in vars(args).items()
             if name in ('seed', 'diff_rank_seed', 'deterministic') and value not in (None, False)}
    config.randomness = {**config.get('randomness', {}), **given}


def main() -> None:
    with one_sentence_errors():
        tool = load_mmaction_tool('train')
        args = tool.parse_args()
        require_files(config=args.config, resume=None if args.resume == 'auto' else args.resume)
        merge_args = tool.merge_args

        def merge_args_and_randomness(config: Config, args: argparse.Namespace) -> Config:
            require_keys(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
            set_randomness(config, args)
            config = merge_args(config, args)
            checkpoint = (find_latest_checkpoint(config.work_dir) if args.resume == 'auto'
                          else args.resume)
            if checkpoint and '://' not in checkpoint:
                if 'meta' not in read_checkpoint(checkpoint):
                    raise ValueError(f'resume: {checkpoint} holds weights without the state of a '
                                     'training; begin from it by --cfg-options load_from=…')
                config.custom_hooks = [*config.get('custom_hooks', []),
                                       dict(type='WeightsGuardHook')]
            return config

        tool.merge_args = merge_args_and_randomness  # type: ignore[attr-defined]
        tool.main()


if __name__ == '__main__':
    main()
