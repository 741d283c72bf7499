"""Test a recognizer: its scores on the videos that it was not trained on.

    lddm-aug test tsm_phantom_lddm_mix                     its last weights, where train left them
    lddm-aug test my_config.py my.pth --dump scores.pkl
    lddm-aug test recognizer --recognizer tsm --training-set lddm_mix --data data/mine

It is MMAction2's tools/test.py, and takes all its options.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lddm_aug.commands.arguments import (
    add_cfg_options,
    add_data,
    add_launcher,
    choose_data,
    require_data,
)

if TYPE_CHECKING:
    from mmengine.config import Config

TOOL = '-m lddm_aug_command test'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config, the checkpoint and where the results go."""
    parser.add_argument('config', metavar='CONFIG', help='name of a config, or its file')
    parser.add_argument('checkpoint', nargs='?', metavar='CHECKPOINT',
                        help='of lddm-aug train; default: the last one in the work dir')
    _add_recognizer(parser)
    add_data(parser)
    parser.add_argument('--work-dir', metavar='DIR',
                        help="of the scores; default: the config's, or work_dirs/<config>")
    parser.add_argument('--dump', metavar='PKL', help='write every prediction into this file')
    parser.add_argument('--show-dir', metavar='DIR', help='write videos with predictions there')
    parser.add_argument('--show', action='store_true', help='show predictions in a window')
    parser.add_argument('--interval', type=int, default=1, metavar='N',
                        help='show every Nth video; default: %(default)s')
    parser.add_argument('--wait-time', type=float, default=2, metavar='SECONDS',
                        help='how long a window is shown; default: %(default)s')
    add_launcher(parser)
    add_cfg_options(parser, 'put into the config; a list is key="[a,b]" or key=a,b')


def _add_recognizer(parser: argparse.ArgumentParser) -> None:
    """What the config `recognizer` is chosen by, beside `add_data`."""
    group = parser.add_argument_group('what the config `recognizer` trains, in place of RECOGNIZER '
                                      'and TRAINING_SET in the environment')
    group.add_argument('--recognizer', metavar='NAME',
                       help='c3d, tsm, tdn, atmnet, or with _small behind it, for a CPU; default: '
                            'tsm')
    group.add_argument('--training-set', metavar='NAME',
                       help='real, still_mix, lddm_mix and so on; default: real')


def run(args: argparse.Namespace) -> None:
    """Call MMAction2's tools/test.py with the checks of this package."""
    from lddm_aug.checkpoints import read_checkpoint
    from lddm_aug.configs import find_config
    from lddm_aug.distributed import join_ranks
    from lddm_aug.engine.mmaction_tool import load_mmaction_tool, merge_checked
    from lddm_aug.engine.runner_config import add_hooks, require_files, require_keys
    from lddm_aug.hardware import refuse_unstarted_launcher

    config_file = find_config(args.config)
    choose_data(args, recognizer=args.recognizer, training_set=args.training_set)
    require_data(config_file)
    args.config = str(config_file)
    args.checkpoint = args.checkpoint or _last_checkpoint(args)
    require_files(checkpoint=args.checkpoint)
    refuse_unstarted_launcher(args.launcher, TOOL)
    if '://' not in args.checkpoint:
        read_checkpoint(args.checkpoint)
    tool = load_mmaction_tool('test', args)
    merge_args = tool.merge_args

    def merge_args_and_guard(config: Config, args: argparse.Namespace) -> Config:
        require_keys(config, 'model', 'test_dataloader', 'test_cfg', 'test_evaluator')
        add_hooks(config, 'ClassGuardHook', 'WeightsGuardHook')
        config = merge_checked(merge_args, config, args)
        join_ranks(args.launcher, TOOL, config)
        return config

    tool.merge_args = merge_args_and_guard  # type: ignore[attr-defined]
    tool.main()


def _last_checkpoint(args: argparse.Namespace) -> str:
    """The newest weights where `lddm-aug train` with the same arguments has left them."""
    from lddm_aug.checkpoints import last_checkpoint
    from lddm_aug.configs import read_config

    folder = args.work_dir or read_config(args.config).get('work_dir') or (
        Path('work_dirs') / Path(args.config).stem)
    checkpoint = last_checkpoint(Path(folder))
    if not checkpoint.is_file():
        raise FileNotFoundError(f'checkpoint: there is none in {folder}; train first, or name one')
    return str(checkpoint)
