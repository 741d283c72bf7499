"""Train a generator, stage by stage; what it ends as is a package.

    lddm-aug train-generator lddm/phantom
    lddm-aug train-generator lddm/phantom --resume \\
        --cfg-options diffusion.train_cfg.max_iters=4000
    lddm-aug train-generator lddm/busv --init DIR/package     # fine-tunes it on these videos
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.commands.arguments import add_cfg_options, add_launcher


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', metavar='CONFIG',
                        help='name of a config, or its file; it is one stage or names its stages')
    parser.add_argument('--work-dir', type=Path, metavar='DIR',
                        help='default: work_dirs/lddm/<config>')
    parser.add_argument('--resume', action='store_true',
                        help='from the newest checkpoint in the work dir')
    parser.add_argument('--init', metavar='PACKAGE',
                        help='begin with the weights of a generator package instead of new ones')
    parser.add_argument('--amp', action='store_true',
                        help='mixed precision, on a GPU or a CPU with bfloat16')
    parser.add_argument('--seed', type=int, metavar='N', help="default: the config's")
    add_launcher(parser)
    add_cfg_options(parser, 'put into the config; in a config of stages, with STAGE. before the '
                            'key')


def run(args: argparse.Namespace) -> None:
    from mmengine.dist import is_main_process

    from lddm_aug.configs import find_config
    from lddm_aug.engine.generator_training import train_generator
    from lddm_aug.evaluation.cost import describe_cost
    from lddm_aug.generators.package import CARD, load_package

    config = find_config(args.config)
    work_dir = args.work_dir or Path('work_dirs/lddm') / config.stem
    made = train_generator(config, work_dir, resume=args.resume, options=args.cfg_options,
                           seed=args.seed, amp=args.amp, launcher=args.launcher,
                           init=args.init)
    if (made / CARD).is_file() and is_main_process():
        print(f'{made} is ready: {describe_cost(load_package(made))}')
