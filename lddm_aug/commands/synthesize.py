"""Turn labelled stills into clips that training sets find.

    lddm-aug synthesize --data data/mine --size 128                    LDDM and the stills repeated
    lddm-aug synthesize --data data/mine --size 128 --recipe cinn random_warp
    lddm-aug synthesize work_dirs/lddm/phantom/package --stills stills.csv --out store
    lddm-aug synthesize PACKAGE --stills stills.csv --out calm --steps 20 --temperature 0.8

Interrupted, it resumes where it was when it is called again in the same way.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lddm_aug.commands.arguments import (
    A_PACKAGE,
    KeyText,
    add_data,
    add_data_root,
    add_device,
    at_least,
    choose_data,
    key_numbers,
    require_data,
    typed_data,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmengine.config import Config

    from lddm_aug.data.annotations import Annotation
    from lddm_aug.evaluation.likeness import LikenessFilter
    from lddm_aug.generators.base import Generator

RECIPES = ('lddm', 'repeat_still')
SEGMENTS = 4                                         # of each training video, to compare with
SHOWN = 10                                           # reasons why clips were left out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a package or recipes, the stills and the store."""
    parser.add_argument('package', nargs='?', metavar='PACKAGE',
                        help=f'{A_PACKAGE}; default: those of the recipes')
    parser.add_argument('--recipe', nargs='+', metavar='NAME',
                        help='generators that lddm-aug train-generator has trained on these data, '
                             'and controls, which need no training; default: '
                             f'{" ".join(RECIPES)}')
    add_data(parser)
    parser.add_argument('--stills', metavar='CSV',
                        help='columns path, label, group and, for a frame of a video, frame; '
                             "default: the data's")
    parser.add_argument('--out', metavar='STORE',
                        help='of a package: a new folder, or an unfinished store of the same '
                             'clips; default: where the training sets look')
    add_data_root(parser)
    parser.add_argument('--per-still', type=int, default=1, metavar='N',
                        help='clips made from each still; default: %(default)s')
    parser.add_argument('--set', nargs='+', action=KeyText, default={}, metavar='NAME=VALUE',
                        help='what all clips are told, as motion=0.5 or view=long, in place of '
                             'what the table says or what is drawn as it occurs')
    parser.add_argument('--max-likeness', type=float, metavar='X',
                        help='leave out clips that are so many times nearer to a training clip '
                             'than any held-out clip is; 2 leaves out copies; needs --data')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='default: %(default)s')
    group = parser.add_argument_group(
        'sampler, in place of what the package says; a store has one, which its plan records')
    group.add_argument('--sampler', metavar='NAME',
                       help='as DPMSolverMultistep or DDIM; an unknown name is answered with all')
    group.add_argument('--steps', type=at_least(1), metavar='N', help='of the sampler')
    group.add_argument('--guidance', type=float, metavar='W',
                       help='weight of still and conditions; other than 1 it needs a diffusion '
                            'that was trained without them, too')
    group.add_argument('--condition-guidance', nargs='+', type=key_numbers, metavar='NAME=W',
                       help='above 1, clips obey this condition more; see docs/conditions.md')
    group.add_argument('--temperature', type=float, metavar='SD',
                       help='standard deviation of the noise that sampling starts from; below 1 '
                            'clips move less')
    add_device(parser)
    parser.add_argument('--batch-size', type=int, default=8, metavar='N',
                        help='clips made at once; default: %(default)s')
    parser.add_argument('--workers', type=int, metavar='N',
                        help='processes that make clips on the CPU; default: one per core')
    parser.add_argument('--num-shards', type=int, default=1, metavar='N',
                        help='into how many shares the stills are divided, one for each call; '
                             'lddm-aug store merge joins their stores; default: %(default)s')
    parser.add_argument('--shard-id', type=int, default=0, metavar='I',
                        help='the share of this call, from 0 on; default: %(default)s')


def run(args: argparse.Namespace) -> None:
    """Make the clips of a package, or of every recipe for the data."""
    from lddm_aug.configs import find_config, read_config, store_folder
    from lddm_aug.data.annotations import read_annotations

    if args.package is not None:
        if args.max_likeness is not None:
            raise ValueError('--max-likeness: compares with the training clips, so it needs --data '
                             'in the place of a package')
        for name in ('stills', 'out'):
            if getattr(args, name) is None:
                raise ValueError(f'--{name}: a package needs one; name it, or name --data in place '
                                 'of the package')
        _synthesize(args, args.package, read_annotations(args.stills, args.data_root), args.out)
        return
    if args.out is not None:
        raise ValueError('--out: of the recipes each has its own store; name a package beside it, '
                         'or leave it out')
    choose_data(args)
    for recipe in args.recipe or RECIPES:
        file = find_config(f'lddm/{recipe}')
        require_data(file, 'name a PACKAGE, or the data by --data')
        config = read_config(file)
        stills = config.data.stills
        rows = (read_annotations(args.stills, args.data_root) if args.stills else
                read_annotations(stills.ann_file, stills.get('data_root')))
        _synthesize(args, _package(args, config), rows, store_folder(config), config)


def _package(args: argparse.Namespace, config: Config) -> Path:
    """A recipe's generator; made here if there is nothing to train.

    Raises:
        FileNotFoundError: if it was not trained yet.
    """
    from lddm_aug.configs import generator_folder
    from lddm_aug.engine.config_stages import stage_configs
    from lddm_aug.engine.generator_training import PACKAGE, train_generator
    from lddm_aug.generators.package import CARD

    file, folder = Path(config.filename), generator_folder(config)
    if (folder / PACKAGE / CARD).is_file():
        return folder / PACKAGE
    if any('model' in stage for stage in stage_configs(file).values()):
        raise FileNotFoundError(
            f'{folder / PACKAGE} is no generator yet; train it with '
            f'lddm-aug train-generator --recipe {file.stem} {typed_data(args)}'.rstrip())
    return train_generator(file, folder)


def _with_sampler(generator: Generator, args: argparse.Namespace) -> Generator:
    """The generator as it shall sample; beside other recipes, controls may have no sampler.

    Raises:
        ValueError: if its sampler has no such setting, or can't work with the value.
    """
    options = dict(name=args.sampler, steps=args.steps, guidance=args.guidance,
                   temperature=args.temperature)
    changes = {name: value for name, value in options.items() if value is not None}
    if args.condition_guidance:
        changes['condition_guidance'] = dict(args.condition_guidance)
    several = args.package is None and len(args.recipe or RECIPES) > 1
    if not changes or (several and not generator.sampler.as_dict()):
        return generator
    return generator.with_sampler(**changes)


def _synthesize(args: argparse.Namespace, package: str | Path, rows: Sequence[Annotation],
                out: str | Path, config: Config | None = None) -> None:
    import torch

    from lddm_aug.evaluation.cost import describe_cost
    from lddm_aug.generators.package import load_package
    from lddm_aug.synthesis.synthesize import synthesize

    generator = _with_sampler(load_package(package, args.device), args)
    cores = torch.get_num_threads() if args.device == 'cpu' else 0
    summary = synthesize(
        generator, rows, out, per_still=args.per_still, seed=args.seed,
        batch_size=args.batch_size, workers=cores if args.workers is None else args.workers,
        shard=args.shard_id, shards=args.num_shards, conditions=args.set,
        keep=None if args.max_likeness is None else _filter(generator, config, args.max_likeness))
    if summary.made:
        print(f'{summary.made} clips in {summary.seconds:.1f} s '
              f'({summary.clips_per_second:.2f} per second, {describe_cost(generator)}); '
              f'{out} holds {summary.clips}')
    else:
        print(f'nothing to do: {out} holds all {summary.clips} clips')
    if summary.left_out:
        print('\n  '.join([f'{len(summary.left_out)} clips were left out; {out}/plan.json lists '
                           'them:', *summary.left_out[:SHOWN]]))


def _filter(generator: Generator, config: Config | None, most: float) -> LikenessFilter:
    """What knows the clips of the data that the generator was trained on."""
    from lddm_aug.evaluation.clip_set import read_split
    from lddm_aug.evaluation.likeness import LikenessFilter

    assert config is not None
    training, held_out = (
        read_split(videos.ann_file, videos.split, generator, segments,
                   data_root=videos.get('data_root'), split_file=videos.get('split_file'),
                   reference_fps=videos.get('reference_fps'))
        for videos, segments in ((config.data.real, SEGMENTS), (config.data.held_out, 1)))
    return LikenessFilter(training, held_out, most)
