"""Train a generator, stage by stage; what it ends as is a package.

    lddm-aug train-generator --data phantom                            LDDM at 64 × 64
    lddm-aug train-generator --data data/mine --size 128 --conditions label    on your own data
    lddm-aug train-generator --recipe cinn --data busv --split 3_7_seed1
    lddm-aug train-generator mine.py --resume                          a config of your own
    lddm-aug train-generator --data phantom --cfg-options diffusion.train_cfg.max_iters=4000
    lddm-aug train-generator --data busv --init DIR/package            fine-tunes it on these videos
"""
from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
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
from lddm_aug.conditions import CATEGORY, KINDS, LABEL, MEASURED, NUMBER


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a config or a recipe, the data and how it is trained."""
    parser.add_argument('config', nargs='?', metavar='CONFIG',
                        help='a config of your own, or data and recipe, as phantom_cinn')
    parser.add_argument('--recipe', default='lddm', metavar='NAME',
                        help='of the generator, where no config is named; default: %(default)s')
    add_data(parser)
    parser.add_argument('--conditions', nargs='+', default=(), metavar='NAME[=KIND]',
                        help="what it is told beside the still; the paper's is told nothing: "
                             f'{LABEL}, the class; {", ".join(MEASURED)}, measured on the clips; '
                             'or a column of the table and its kind, as view=category, ef=number, '
                             'prompt=text')
    parser.add_argument('--work-dir', type=Path, metavar='DIR',
                        help='default: work_dirs/lddm/<data>_<recipe>, or generators/<recipe> in '
                             'a folder of your own')
    parser.add_argument('--resume', action='store_true',
                        help='from the newest checkpoint in the work dir')
    parser.add_argument('--init', metavar='PACKAGE',
                        help=f'begin with the weights of {A_PACKAGE}')
    parser.add_argument('--amp', action='store_true',
                        help='mixed precision, on a GPU or a CPU with bfloat16')
    parser.add_argument('--activation-checkpointing', action='store_true',
                        help='less memory for more time: blocks are computed again in place of '
                             'keeping what is in them')
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
    options = {**_condition_options(config, args.conditions), **args.cfg_options}
    made = train_generator(config, work_dir, resume=args.resume, options=options,
                           seed=args.seed, amp=args.amp, launcher=args.launcher,
                           init=args.init, auto_scale_lr=args.auto_scale_lr,
                           activation_checkpointing=args.activation_checkpointing)
    if (made / CARD).is_file() and is_main_process():
        print(f'{made} is ready: {describe_cost(load_package(made))}')


def _condition_options(config: Path, given: Sequence[str]) -> dict[str, Any]:
    """What lets a recipe's diffusion know these conditions."""
    from lddm_aug.engine.config_stages import stage_configs

    if not given:
        return {}
    declared = dict(_declared(each) for each in given)
    stages = [name for name, stage in stage_configs(config).items()
              if 'teacher' not in stage
              and stage.get('model', {}).get('type') == 'LatentDiffusion']
    if not stages:
        raise ValueError(f'--conditions is for LDDM, not for {config}; leave it out')
    return {f'{name}.model.conditions': declared for name in stages}


def _declared(text: str) -> tuple[str, str]:
    """`view=category` → name and kind; of a known name the kind may be left out."""
    name, _, kind = text.rpartition('=') if '=' in text else (text, '', '')
    known = {LABEL: CATEGORY, **dict.fromkeys(MEASURED, NUMBER)}
    if not kind and name not in known:
        raise ValueError(f'--conditions {text}: a column of the table has a kind, '
                         f'{", ".join(KINDS)}; say {text}={CATEGORY}, for example')
    return name, kind or known[name]
