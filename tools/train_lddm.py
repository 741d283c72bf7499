"""Train a generator: `python tools/train_lddm.py mmaction_configs/lddm/phantom.py`."""
from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.dist import is_main_process

from lddm_aug.cli import KeyValue, friendly_errors
from lddm_aug.engine.generator_training import train_generator
from lddm_aug.evaluation.cost import describe_cost
from lddm_aug.generators.package import CARD, load_package


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='one stage, or a config that names its stages')
    parser.add_argument('--work-dir', help='default: work_dirs/lddm/<config>')
    parser.add_argument('--resume', action='store_true',
                        help='go on from the newest checkpoint in the work dir')
    parser.add_argument('--amp', action='store_true',
                        help='mixed precision, on a GPU or a CPU with bfloat16')
    parser.add_argument('--seed', type=int, help="default: the config's")
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValue, default={},
                        help='key=value; in a config of stages, stage.key=value')
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with friendly_errors():
        work_dir = args.work_dir or Path('work_dirs/lddm') / Path(args.config).stem
        made = train_generator(args.config, work_dir, resume=args.resume, options=args.cfg_options,
                               seed=args.seed, amp=args.amp, launcher=args.launcher)
        if (made / CARD).is_file() and is_main_process():
            print(f'{made} is ready: {describe_cost(load_package(made))}')


if __name__ == '__main__':
    main()
