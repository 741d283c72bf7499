"""Train a generator, stage by stage; what it ends as is a package.

    lddm-aug train-generator --data phantom                            LDDM at 64 × 64
    lddm-aug train-generator --data data/mine --size 128 --conditional ... on your own data
    lddm-aug train-generator --recipe cinn --data busv --split 3_7_seed1
    lddm-aug train-generator mine.py --resume                          a config of your own
    lddm-aug train-generator --data phantom --cfg-options diffusion.train_cfg.max_iters=4000
    lddm-aug train-generator --data busv --init DIR/package            fine-tunes it on these videos
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from lddm_aug.commands.arguments import (
    A_PACKAGE,
    add_cfg_options,
    add_data,
    add_launcher,
    choose_data,
    require_data,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a config or a recipe, the data and how it is trained."""
    parser.add_argument('config', nargs='?', metavar='CONFIG',
                        help='a config of your own, or data and recipe, as phantom_cinn')
    parser.add_argument('--recipe', default='lddm', metavar='NAME',
                        help='of the generator, where no config is named; default: %(default)s')
    add_data(parser)
    parser.add_argument('--conditional', action='store_true',
                        help="let it know each still's class, which the paper's doesn't")
    parser.add_argument('--work-dir', type=Path, metavar='DIR',
                        help='default: work_dirs/lddm/<data>_<recipe>, or generators/<recipe> in '
                             'a folder of your own')
    parser.add_argument('--resume', action='store_true',
                        help='from the newest checkpoint in the work dir')
    parser.add_argument('--init', metavar='PACKAGE',
                        help=f'begin with the weights of {A_PACKAGE}')
    parser.add_argument('--amp', action='store_true',
                        help='mixed precision, on a GPU or a CPU with bfloat16')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the clips of an iteration, of all '
                             'processes together')
    parser.add_argument('--seed', type=int, metavar='N', help="default: the config's")
    add_launcher(parser)
    add_cfg_options(parser, 'put into the config; in a config of stages, with STAGE. before the '
                            'key')


def run(args: argparse.Namespace) -> None:
    """Train every stage, and print what the package costs."""
    from mmengine.dist import is_main_process

    from lddm_aug.configs import find_recipe, generator_folder, read_config
    from lddm_aug.engine.generator_training import train_generator
    from lddm_aug.evaluation.cost import describe_cost
    from lddm_aug.generators.package import CARD, load_package

    config, choice = find_recipe(args.config or args.recipe)
    os.environ.update(choice)
    choose_data(args)
    require_data(config)
    work_dir = args.work_dir or generator_folder(read_config(config))
    options = {**(_class_options(config) if args.conditional else {}), **args.cfg_options}
    made = train_generator(config, work_dir, resume=args.resume, options=options,
                           seed=args.seed, amp=args.amp, launcher=args.launcher,
                           init=args.init, auto_scale_lr=args.auto_scale_lr)
    if (made / CARD).is_file() and is_main_process():
        print(f'{made} is ready: {describe_cost(load_package(made))}')


def _class_options(config: Path) -> dict[str, Any]:
    """What lets a recipe's diffusion know the classes of the data."""
    from lddm_aug.configs import read_config
    from lddm_aug.engine.config_stages import stage_configs

    classes = read_config(config).get('data', {}).get('classes')
    stages = [name for name, stage in stage_configs(config).items()
              if stage.get('model', {}).get('type') == 'LatentDiffusion']
    if not stages or classes is None:
        raise ValueError(f'--conditional is for LDDM on data of known classes, not for {config}; '
                         'leave it out')
    return {f'{name}.model.classes': list(classes) for name in stages}
