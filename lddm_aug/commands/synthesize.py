"""Turn labelled stills into clips that training sets find.

    lddm-aug synthesize --data data/mine --size 128                    LDDM and the stills repeated
    lddm-aug synthesize --data data/mine --size 128 --recipe cinn random_warp
    lddm-aug synthesize work_dirs/lddm/phantom/package --stills stills.csv --out store
    lddm-aug synthesize PACKAGE --stills stills.csv --out calm --steps 20 --temperature 0.8
    lddm-aug synthesize PACKAGE --stills stills.csv --out long --frames 64        go on to 64 frames

Interrupted, it resumes where it was when it is called again in the same way.  Started by torchrun,
srun or as a Slurm array, every process makes a shard of the stills, in STORE/shard-0003-of-0008:

    torchrun --nproc_per_node=8 -m lddm_aug_command synthesize PACKAGE --stills CSV --out STORE
    lddm-aug store merge STORE
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lddm_aug.commands.arguments import (
    A_PACKAGE,
    KeyNumber,
    KeyText,
    add_data,
    add_data_root,
    add_devices,
    add_sampler,
    at_least,
    choose_data,
    chosen_sampler,
    require_data,
    typed_data,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmengine.config import Config

    from lddm_aug.data.annotations import Annotation
    from lddm_aug.evaluation.likeness import LikenessFilter
    from lddm_aug.generators.base import Generator
    from lddm_aug.synthesis.share import Share

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
                        help='columns path, label, group and, for a frame of a video, frame; may '
                             "be a URL; default: the data's")
    parser.add_argument('--out', metavar='STORE',
                        help='of a package: a new folder, an unfinished store of the same clips, '
                             'or a URL; default: where the training sets look')
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
    parser.add_argument('--fps', type=float, metavar='N',
                        help='frames of a clip per second, in place of --stride: the nearest that '
                             "frames of the data's videos allow; needs --data whose table has a "
                             'column fps')
    group = parser.add_argument_group(
        'sampler, in place of what the package says; a store has one, which its plan records')
    add_sampler(group)
    group.add_argument('--guidance', type=float, metavar='W',
                       help='weight of still and conditions; other than 1 it needs a diffusion '
                            'that was trained without them, too')
    group.add_argument('--condition-guidance', nargs='+', action=KeyNumber, metavar='NAME=W',
                       help='above 1, clips obey this condition more; see docs/conditions.md')
    group.add_argument('--temperature', type=float, metavar='SD',
                       help='standard deviation of the noise that sampling starts from; below 1 '
                            'clips move less')
    add_devices(parser)
    parser.add_argument('--batch-size', type=int, default=8, metavar='N',
                        help='clips made at once; default: %(default)s')
    parser.add_argument('--workers', type=at_least(0), metavar='N',
                        help='processes that make clips on the CPU, or actors of Ray; default: one '
                             "per core, or per CPU or GPU of Ray's")
    parser.add_argument('--num-shards', type=at_least(1), metavar='N',
                        help='into how many shards the stills are divided, one for each call; '
                             'lddm-aug store merge joins their stores; default: as many as '
                             'torchrun, srun and a Slurm array start processes, else 1')
    parser.add_argument('--shard-id', type=at_least(0), metavar='I',
                        help='the shard of this call, from 0 on; default: from the same')
    parser.add_argument('--engine', choices=('local', 'ray'), default='local',
                        help='ray: actors of a Ray cluster make the shards, and their stores are '
                             'merged; default: %(default)s')
    parser.add_argument('--ray-address', metavar='ADDRESS',
                        help='of a running cluster; default: Ray is started on this machine')


def run(args: argparse.Namespace) -> None:
    """Make the clips of a package, or of every recipe for the data."""
    from lddm_aug.configs import find_config, read_config, store_folder

    if args.package is not None:
        if args.max_likeness is not None:
            raise ValueError('--max-likeness: compares with the training clips, so it needs --data '
                             'in the place of a package')
        for name in ('stills', 'out'):
            if getattr(args, name) is None:
                raise ValueError(f'--{name}: a package needs one; name it, or name --data in place '
                                 'of the package')
        if args.fps is not None:
            raise ValueError('--fps: a package does not know how fast its videos were recorded; '
                             'take --stride, which counts their frames from one of a clip to the '
                             'next')
        _synthesize(args, args.package, args.stills, args.data_root, args.out)
        return
    if args.out is not None:
        package = ', or name a package in place of --data' if args.max_likeness is None else ''
        raise ValueError(f'--out: of the recipes each has its own store; leave it out{package}')
    choose_data(args)
    if args.fps is not None:
        if args.stride is not None:
            raise ValueError('--fps: is in place of --stride; leave one of the two out')
        args.stride = _stride(args.fps, (args.recipe or RECIPES)[0])
        choose_data(args)
    for recipe in args.recipe or RECIPES:
        file = find_config(f'lddm/{recipe}')
        require_data(file, 'name a PACKAGE, or the data by --data')
        config = read_config(file)
        stills = config.data.stills
        table, root = ((args.stills, args.data_root) if args.stills else
                       (stills.ann_file, stills.get('data_root')))
        _synthesize(args, _package(args, config), table, root, store_folder(config), config)


def _stride(fps: float, recipe: str) -> int:
    """Frames of the data's videos from one of a clip to the next, at a rate per second."""
    from lddm_aug.configs import find_config, read_config
    from lddm_aug.data.annotations import read_annotations

    videos = read_config(find_config(f'lddm/{recipe}')).data.real
    rates = {row.fps for row in read_annotations(videos.ann_file, videos.get('data_root'))}
    rate = rates.pop() if len(rates) == 1 else None
    if rate is None:
        raise ValueError(f'--fps: the videos in {videos.ann_file} have '
                         f'{"several" if rates else "no"} frame rates, in its column fps; '
                         'take --stride, which counts frames from one of a clip to the next')
    if not 0 < fps <= rate:
        raise ValueError(f'--fps: lies above 0 and not above {rate:g}, the frames per second of '
                         f'the videos in {videos.ann_file}, but got {fps:g}')
    return round(rate / fps)


def _package(args: argparse.Namespace, config: Config) -> Path:
    """A recipe's generator; made here if there is nothing to train.

    Without one of the chosen length and stride it is the one of the usual, whose clips go on.

    Raises:
        FileNotFoundError: if it was not trained yet.
    """
    from lddm_aug.configs import generator_folder, read_config
    from lddm_aug.engine.config_stages import stage_configs
    from lddm_aug.engine.generator_training import PACKAGE, train_generator
    from lddm_aug.generators.package import CARD

    file, folder = Path(config.filename), generator_folder(config)
    if (folder / PACKAGE / CARD).is_file():
        return folder / PACKAGE
    if any('model' in stage for stage in stage_configs(file).values()):
        usual = generator_folder(read_config(file, dict(FRAMES=None, STRIDE=None))) / PACKAGE
        if (usual / CARD).is_file():
            return usual
        raise FileNotFoundError(
            f'{folder / PACKAGE} is no generator yet; train it with '
            f'lddm-aug train-generator --recipe {file.stem} {typed_data(args)}'.rstrip())
    return train_generator(file, folder)


def _sampler_changes(args: argparse.Namespace) -> dict[str, Any]:
    """Settings of the sampler that were chosen."""
    options = dict(guidance=args.guidance, temperature=args.temperature,
                   condition_guidance=args.condition_guidance)
    return chosen_sampler(args) | {
        name: value for name, value in options.items() if value is not None}


def _length(args: argparse.Namespace, config: Config | None) -> dict[str, Any]:
    """How long clips shall be, where it was chosen, for `with_length`."""
    if config is None:
        return dict(num_frames=args.frames, frame_stride=args.stride)
    return dict(num_frames=config.data.num_frames if os.environ.get('FRAMES') else None,
                frame_stride=config.data.frame_stride if os.environ.get('STRIDE') else None)


def _with_sampler(generator: Generator, args: argparse.Namespace) -> Generator:
    """The generator as it shall sample; beside other recipes, controls may have no sampler.

    Raises:
        ValueError: if its sampler has no such setting, or can't work with the value.
    """
    changes = _sampler_changes(args)
    several = args.package is None and len(args.recipe or RECIPES) > 1
    if not changes or (several and not generator.sampler.as_dict()):
        return generator
    return generator.with_sampler(**changes)


def _synthesize(args: argparse.Namespace, package: str | Path, table: str | Path,
                data_root: str | Path | None, out: str | Path, config: Config | None = None
                ) -> None:
    from lddm_aug.data.annotations import read_annotations
    from lddm_aug.remote import is_url
    from lddm_aug.synthesis.plan import shard_of
    from lddm_aug.synthesis.share import share_of_process

    if args.engine == 'ray':
        urls = [place for place in (package, table, data_root, out) if is_url(place)]
        if urls:
            raise ValueError(f'--engine ray: actors on every machine read files, but got {urls[0]};'
                             ' name a path that every machine sees')
        _synthesize_on_ray(args, package, read_annotations(table, data_root), Path(out), config)
        return
    if args.ray_address is not None:
        raise ValueError('--ray-address: is for --engine ray; add it, or leave the address out')
    share = share_of_process(args.shard_id, args.num_shards)
    rows = read_annotations(table, data_root, keep=None if share.shards == 1 else lambda row: (
        shard_of(row, share.shards) == share.shard))
    _synthesize_here(args, package, rows, out, share, config)


def _synthesize_here(args: argparse.Namespace, package: str | Path, rows: Sequence[Annotation],
                     out: str | Path, share: Share, config: Config | None) -> None:
    import torch

    from lddm_aug.evaluation.cost import describe_cost
    from lddm_aug.generators.package import load_package
    from lddm_aug.remote import written
    from lddm_aug.store.divided import shard_folder
    from lddm_aug.synthesis.synthesize import synthesize

    folder = shard_folder(out, share.shard, share.shards)
    if share.shards > 1:
        print(f'shard {share.shard} of {share.shards} ({share.source}): {folder}', flush=True)
    devices = [torch.device(name) for name in args.device]
    if devices == [torch.device('cuda')] and share.local_rank is not None:
        devices = [torch.device('cuda', share.local_rank % torch.cuda.device_count())]
    several = devices if len(devices) > 1 else ()
    if several and args.workers:
        raise ValueError(f'--workers: there is one process for each of the {len(several)} devices; '
                         'leave one of the options out')
    generator = _with_sampler(load_package(package, 'cpu' if several else devices[0]), args)
    generator = generator.with_length(**_length(args, config))
    if args.max_likeness is not None and not generator.has_own_length:
        raise ValueError('--max-likeness: compares clips of the length and stride that the '
                         'generator was trained on; leave out --frames, --stride and --fps, or '
                         '--max-likeness')
    keep = None if args.max_likeness is None else _filter(generator, config, args.max_likeness)
    cores = torch.get_num_threads() if devices[0].type == 'cpu' and not several else 0
    with written(folder) as here:
        summary = synthesize(
            generator, rows, here, per_still=args.per_still, seed=args.seed,
            batch_size=args.batch_size, workers=cores if args.workers is None else args.workers,
            shard=share.shard, shards=share.shards, devices=several, conditions=args.set,
            keep=keep)
    if summary.made:
        print(f'{summary.made} clips in {summary.seconds:.1f} s '
              f'({summary.clips_per_second:.2f} per second, {describe_cost(generator)}); '
              f'{folder} holds {summary.clips}')
    else:
        print(f'nothing to do: {folder} holds all {summary.clips} clips')
    _print_left_out(summary.left_out, folder)


def _synthesize_on_ray(args: argparse.Namespace, package: str | Path, rows: Sequence[Annotation],
                       out: Path, config: Config | None) -> None:
    from lddm_aug.store.divided import found_shards
    from lddm_aug.store.manifest import open_rows
    from lddm_aug.store.merge import merge_stores
    from lddm_aug.synthesis.ray_engine import synthesize_on_ray

    if args.max_likeness is not None:
        raise ValueError('--engine ray: its actors read no training clips, so that --max-likeness '
                         'cannot be used; leave one of the two out')
    if args.shard_id is not None or len(args.device) > 1:
        raise ValueError('--engine ray: Ray divides shards and devices among its actors; leave out '
                         f'{"--shard-id" if args.shard_id is not None else "all devices but one"}')
    left_out = synthesize_on_ray(
        str(package), rows, out, device=args.device[0].partition(':')[0],
        per_still=args.per_still, seed=args.seed, batch_size=args.batch_size,
        shards=args.num_shards, workers=args.workers, address=args.ray_address,
        sampler=_sampler_changes(args), conditions=args.set, length=_length(args, config))
    clips = merge_stores([out], out) if found_shards(out) else len(open_rows(out).rows)
    print(f'{out} holds {clips} clips')
    _print_left_out(left_out, out)


def _print_left_out(reasons: Sequence[str], folder: Path) -> None:
    if reasons:
        print('\n  '.join([f'{len(reasons)} clips were left out; {folder}/plan.json lists them:',
                           *reasons[:SHOWN]]))


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
