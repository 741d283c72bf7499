r"""Train a recognizer on real clips, generated clips or both.

    lddm-aug train tsm_phantom_lddm_mix                                a config by its name
    lddm-aug train --recognizer tsm --training-set lddm_mix --data data/mine --size 128
    lddm-aug train --recognizer tsm c3d --training-set real still_mix lddm_mix --data data/mine
    lddm-aug train tsm_busv_lddm_mix --work-dir work_dirs/mine --seed 1 \
        --cfg-options train_cfg.max_iters=1000
    lddm-aug train my_config.py --resume

It is MMAction2's tools/train.py, and takes all its options.  Of several recognizers or training
sets each is trained in a folder of its own, and at the end a table shows what they reach in the
test.
"""
from __future__ import annotations

import argparse
from contextlib import ExitStack
from copy import copy, deepcopy
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lddm_aug.commands.arguments import (
    add_cfg_options,
    add_data,
    add_launcher,
    choose_data,
    require_data,
    typed_data,
)

if TYPE_CHECKING:
    from mmengine.config import Config

START = '-m lddm_aug_command train'
SHOWN = {'video/accuracy': 'accuracy', 'video/f1_macro': 'F1 macro', 'video/auc': 'AUC'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a config or recognizers, the training sets and the data."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('config', nargs='?', metavar='CONFIG', help='name of a config, or its file')
    what.add_argument('--recognizer', nargs='+', metavar='NAME',
                      help='in place of a config: c3d, tsm, tdn, atmnet, or c3d_small and so on '
                           'for a CPU')
    parser.add_argument('--training-set', nargs='+', metavar='NAME',
                        help='of the recognizer: real, still_mix, lddm_mix, cinn_mix, synthetic '
                             'and others; an unknown name is answered with all; default: real')
    add_data(parser)
    parser.add_argument('--work-dir', type=Path, metavar='DIR',
                        help="of logs and checkpoints; default: the config's, or "
                             'work_dirs/<config>')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='from this checkpoint, or the newest in the work dir')
    parser.add_argument('--amp', action='store_true', help='mixed precision, on a GPU')
    parser.add_argument('--no-validate', action='store_true',
                        help='do not score the test videos while training')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the clips of an iteration, of all '
                             "processes together; the config's auto_scale_lr says from how many")
    parser.add_argument('--seed', type=int, metavar='N', help="default: the config's")
    parser.add_argument('--diff-rank-seed', action='store_true',
                        help='another seed in each process')
    parser.add_argument('--deterministic', action='store_true',
                        help='only algorithms that give the same every time; slower on a GPU')
    add_launcher(parser)
    add_cfg_options(parser, 'put into the config; a list is key="[a,b]" or key=a,b')


def run(args: argparse.Namespace) -> None:
    """Train each recognizer on each training set; of several, print their scores."""
    from lddm_aug.configs import find_config
    from lddm_aug.engine.recognizer_training import test_last_weights
    from lddm_aug.engine.runner_config import require_files
    from lddm_aug.hardware import refuse_unstarted_launcher

    require_files(resume=None if args.resume == 'auto' else args.resume)
    refuse_unstarted_launcher(args.launcher, START)
    choose_data(args)
    if args.recognizer is None and args.training_set is not None:
        raise ValueError(f'--training-set: the config {args.config} has a training set of its '
                         'own; name a --recognizer in its place, or leave the option out')
    require_data(find_config(args.config or 'recognizer'))
    if args.recognizer is None:
        _train(args)
        return
    trainings = list(product(args.recognizer, args.training_set or ['real']))
    _refuse_several_of_one(args, trainings)
    for recognizer, training_set in trainings:       # before hours, not after them
        _require_clips(args, recognizer, training_set)
    scores: dict[tuple[str, str], dict[str, Any]] = {}
    for recognizer, training_set in trainings:
        choose_data(args, recognizer=recognizer, training_set=training_set)
        each = copy(args)
        each.config = 'recognizer'
        if len(trainings) > 1 and args.work_dir is not None:
            each.work_dir = args.work_dir / f'{recognizer}_{training_set}'
        trained = _train(each)
        if len(trainings) > 1:
            scores[recognizer, training_set] = test_last_weights(trained)
    if scores:
        _print_scores(scores)


def _refuse_several_of_one(args: argparse.Namespace, trainings: list[tuple[str, str]]) -> None:
    """A checkpoint belongs to one training."""
    if len(trainings) > 1 and args.resume not in (None, 'auto'):
        raise ValueError(f'--resume: {args.resume} is of one training, but {len(trainings)} were '
                         'given; leave it blank, and each is resumed from its newest '
                         'checkpoint')


def _require_clips(args: argparse.Namespace, recognizer: str, training_set: str) -> None:
    """Raise FileNotFoundError if generated clips of a training set were not made yet."""
    from lddm_aug.configs import read_config, recipe_of
    from lddm_aug.datasets.training_sets import find_training_set
    from lddm_aug.store.manifest import MANIFEST, refuse_format_1

    generator = find_training_set(training_set).generator
    choose_data(args, recognizer=recognizer, training_set=training_set)
    dataset = read_config('recognizer').train_dataloader.dataset
    store = dataset.get('synthetic', dataset).get('store')
    if generator is not None and store is not None and not Path(store, MANIFEST).is_file():
        refuse_format_1(Path(store))
        raise FileNotFoundError(
            f'{training_set}: {store} holds no clips yet; make them with '
            f'lddm-aug synthesize --recipe {recipe_of(generator)} {typed_data(args)}'.rstrip())


def _print_scores(scores: dict[tuple[str, str], dict[str, Any]]) -> None:
    from mmengine.dist import is_main_process

    if not is_main_process():
        return
    shown = [key for key in SHOWN if any(key in each for each in scores.values())]
    lines = [['recognizer', 'trained on', *(SHOWN[key] for key in shown)]]
    lines += [[*names, *(f'{each[key]:.3f}' if key in each else '-' for key in shown)]
              for names, each in scores.items()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print()
    for line in lines:
        print('  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
              .rstrip())


def _train(args: argparse.Namespace) -> Config:
    """Train what the arguments say; the config of the training."""
    from lddm_aug.configs import find_config
    from lddm_aug.engine.mmaction_tool import load_mmaction_tool, merge_checked
    from lddm_aug.engine.runner_config import require_keys

    args.config = str(find_config(args.config))
    args.work_dir = None if args.work_dir is None else str(args.work_dir)
    tool = load_mmaction_tool('train', args)
    merge_args = tool.merge_args
    trained: list[Config] = []
    held = ExitStack()

    def merge_args_and_check(config: Config, args: argparse.Namespace) -> Config:
        require_keys(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
        _set_randomness(config, args)
        if args.auto_scale_lr and 'auto_scale_lr' not in config:
            config.auto_scale_lr = dict(base_batch_size=config.train_dataloader.batch_size)
        began_from = {**config, **(args.cfg_options or {})}.get('load_from')
        config = merge_checked(merge_args, config, args)
        _check(config, args, began_from, held)
        trained.append(deepcopy(config))
        return config

    tool.merge_args = merge_args_and_check  # type: ignore[attr-defined]
    with held:
        tool.main()
    return trained[-1]


def _set_randomness(config: Config, args: argparse.Namespace) -> None:
    """MMAction2 takes these three flags only where the config says nothing about randomness."""
    given = {name: value for name, value in vars(args).items()
             if name in ('seed', 'diff_rank_seed', 'deterministic') and value not in (None, False)}
    config.randomness = {'seed': None, **config.get('randomness', {}), **given}


def _check(config: Config, args: argparse.Namespace, began_from: str | None, held: ExitStack
           ) -> None:
    """Refuse what can't be trained or resumed, and give the config what guards it.

    Args:
        began_from: the weights that the config starts from.
        held: keeps other trainings out of the work dir as long as it is open.
    """
    from mmengine.runner import find_latest_checkpoint

    from lddm_aug.checkpoints import read_checkpoint
    from lddm_aug.distributed import from_main, join_ranks, only_training
    from lddm_aug.engine.runner_config import add_hooks, drop_missing_backends, require_keys
    from lddm_aug.engine.training_record import keep_record
    from lddm_aug.hardware import refuse_amp_without_gpu

    require_keys(config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
    refuse_amp_without_gpu(config.optim_wrapper.get('type'),
                           '--amp' if args.amp else 'optim_wrapper.type')
    join_ranks(config.launcher, START, config)
    held.enter_context(only_training(config.work_dir))
    checkpoint = None
    if args.resume is None and config.get('resume') and began_from:
        checkpoint, began_from = began_from, None                 # as MMEngine understands the two
    elif config.get('resume'):
        checkpoint = (from_main(lambda: find_latest_checkpoint(config.work_dir))
                      if args.resume in (None, 'auto') else args.resume)
    if checkpoint and '://' not in checkpoint and 'meta' not in read_checkpoint(checkpoint):
        raise ValueError(f'resume: {checkpoint} holds weights without the state of a '
                         'training; begin from it by --cfg-options load_from=…')
    drop_missing_backends(config)
    config.load_from = began_from
    keep_record(config, checkpoint)
    add_hooks(config, 'ClassGuardHook', 'LastValidationHook', 'QuarantineHook', 'SamplerGuardHook',
              'WeightsGuardHook', 'RunningStatisticsHook')
