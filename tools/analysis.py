"""Print how large and how costly models are, as a Markdown table.

    python tools/analysis.py
    python tools/analysis.py mmaction_configs/tdn_busv_real.py mmaction_configs/atmnet_busv_real.py
    python tools/analysis.py --time mmaction_configs/lddm/busv_{diffusion,cinn_paper_flow}.py
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.cli import friendly_errors
from lddm_aug.engine.runner_config import require_files
from lddm_aug.experiments.analysis import analyse, to_markdown
from lddm_aug.files import write_aside

CONFIGS = Path(__file__).parents[1] / 'mmaction_configs'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', type=Path, help='default: all in mmaction_configs')
    parser.add_argument('--out', type=Path, help='write the table into this file as well')
    parser.add_argument('--time', action='store_true',
                        help='measure also how many clips per second the generators make')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with friendly_errors():
        for config in args.configs:
            require_files(config=str(config))
        configs = args.configs or sorted(path for path in CONFIGS.rglob('*.py')
                                         if '_base_' not in path.parts)
        table = to_markdown(analyse(configs, timed=args.time, skip=not args.configs))
        print(table)
        if args.out:
            args.out.parent.mkdir(parents=True, exist_ok=True)
            with write_aside(args.out) as file:
                file.write(f'{table}\n'.encode())


if __name__ == '__main__':
    main()
