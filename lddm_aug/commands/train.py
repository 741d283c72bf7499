"""Train a recognizer on real clips, generated clips or both.

    lddm-aug train tsm_phantom_lddm_mix
    lddm-aug train tsm_busv_lddm_mix --work-dir work_dirs/mine --seed 1 \\
        --cfg-options train_cfg.max_iters=1000
    lddm-aug train my_config.py --resume

It is MMAction2's tools/train.py, and takes all its options.
"""
from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lddm_aug.commands.arguments import add_cfg_options, add_launcher

if TYPE_CHECKING:
    from mmengine.config import Config

START = '-m lddm_aug_command train'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', metavar='CONFIG', help='name of a config, or its file')
    parser.add_argument('--work-dir', metavar='DIR',
                        help="of logs and checkpoints; default: the config's, or "
                             'work_dirs/<config>')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='from this checkpoint, or the newest in the work dir')
    parser.add_argument('--amp', action='store_true', help='mixed precision, on a GPU')
    parser.add_argument('--no-validate', action='store_true',
                        help='do not score the test videos while training')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help="scale the learning rate with the batch size, where the config's "
                             'auto_scale_lr says from which')
    parser.add_argument('--seed', type=int, metavar='N', help="default: the config's")
    parser.add_argument('--diff-rank-seed', action='store_true',
                        help='another seed in each process')
    parser.add_argument('--deterministic', action='store_true',
                        help='only algorithms that give the same every time; slower on a GPU')
    add_launcher(parser)
    add_cfg_options(parser, 'put into the config; a list is key="[a,b]" or key=a,b')


def run(args: argparse.Namespace) -> None:
    from lddm_aug.configs import find_config
    from lddm_aug.engine.mmaction_tool import load_mmaction_tool, merge_checked
    from lddm_aug.engine.runner_config import require_files, require_keys
    from lddm_aug.hardware import refuse_unstarted_launcher

    args.config = str(find_config(args.config))
    require_files(resume=None if args.resume == 'auto' else args.resume)
    refuse_unstarted_launcher(args.launcher, START)
    tool = load_mmaction_tool('train', args)
    merge_args = tool.merge_args

    def merge_args_and_check(config: Config, args: argparse.Namespace) -> Config:
        require_keys(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
        _set_randomness(config, args)
        began_from = {**config, **(args.cfg_options or {})}.get('load_from')
        config = merge_checked(merge_args, config, args)
        _check(config, args, began_from)
        return config

    tool.merge_args = merge_args_and_check  # type: ignore[attr-defined]
    tool.main()


def _set_randomness(config: Config, args: argparse.Namespace) -> None:
    """MMAction2 takes these three flags only where the config says nothing about randomness."""
    given = {name: value for name, value in vars(args).items()
             if name in ('seed', 'diff_rank_seed', 'deterministic') and value not in (None, False)}
    config.randomness = {**config.get('randomness', {}), **given}


def _check(config: Config, args: argparse.Namespace, began_from: str | None) -> None:
    """Refuse what can't be trained or resumed, and give the config what guards it.

    Args:
        began_from: the weights that the config starts from.
    """
    from mmengine.runner import find_latest_checkpoint

    from lddm_aug.checkpoints import read_checkpoint
    from lddm_aug.engine.runner_config import add_hooks, drop_missing_backends, require_keys
    from lddm_aug.engine.training_record import keep_record
    from lddm_aug.hardware import refuse_amp_without_gpu, refuse_unstarted_launcher

    require_keys(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
    refuse_amp_without_gpu(config.optim_wrapper.get('type'),
                           '--amp' if args.amp else 'optim_wrapper.type')
    refuse_unstarted_launcher(config.launcher, START)
    checkpoint = None
    if args.resume is None and config.get('resume') and began_from:
        checkpoint, began_from = began_from, None                 # as MMEngine understands the two
    elif config.get('resume'):
        checkpoint = (find_latest_checkpoint(config.work_dir)
                      if args.resume in (None, 'auto') else args.resume)
    if checkpoint and '://' not in checkpoint and 'meta' not in read_checkpoint(checkpoint):
        raise ValueError(f'resume: {checkpoint} holds weights without the state of a '
                         'training; begin from it by --cfg-options load_from=…')
    drop_missing_backends(config)
    config.load_from = began_from
    keep_record(config, checkpoint)
    add_hooks(config, 'ClassGuardHook', 'SamplerGuardHook', 'WeightsGuardHook')
