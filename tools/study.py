"""Do synthetic clips help?  Recognizers × training sets × ratios × seeds, and a report on them.

    python tools/make_splits.py data/phantom --seeds 0 1 2 3 4
    python tools/study.py run --data data/phantom --jobs 2
    python tools/study.py report --data data/phantom

Stopped, `run` goes on where it was when it is called again; what is there with the same settings
isn't run again.
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from lddm_aug.cli import KeyValue, friendly_errors
from lddm_aug.experiments.study.plan import FORMS, RECOGNIZERS, Study
from lddm_aug.experiments.study.report import write_report
from lddm_aug.experiments.study.study import run_study
from lddm_aug.experiments.study.training_sets import BASES, OPTIONS

CONFIGS = Path(__file__).parents[1] / 'mmaction_configs'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest='step', required=True)
    run = steps.add_parser('run', help='run what is left of a study')
    report = steps.add_parser('report', help='write what it tells as HTML and Markdown')
    for step in (run, report):
        step.add_argument('--data', type=Path, required=True, metavar='DIR',
                          help='folder with videos.csv, stills.csv, splits/, oracle.csv')
        step.add_argument('--out', type=Path, metavar='JSONL',
                          help='default: docs/results/study_<folder>.jsonl')
    report.add_argument('--seeds', nargs='+', type=int, metavar='N',
                        help='only these, in files that are named after them; default: all')
    run.add_argument('--recognizers', nargs='+', default=Study.recognizers, metavar='NAME',
                     help=f'default: all, {" ".join(RECOGNIZERS)}')
    run.add_argument('--training-sets', nargs='+', default=Study.training_sets, metavar='NAME',
                     help=f'{", ".join(BASES)}; with options behind a +: {", ".join(OPTIONS)}; '
                          f'default: {" ".join(Study.training_sets)}')
    run.add_argument('--ratios', nargs='+', default=Study.ratios, metavar='TRAIN:TEST',
                     help="'given' for the table's own split, 'given-8' for 8 of its training "
                          f'groups; default: {" ".join(Study.ratios)}')
    run.add_argument('--seeds', nargs='+', type=int, default=Study.seeds, metavar='N',
                     help='default: 0 1 2 3 4')
    run.add_argument('--synthetic-per-real', nargs='+', type=float, metavar='X',
                     default=Study.synthetic_per_real, help='of the mixes; default: 1')
    run.add_argument('--form', choices=FORMS,
                     default='full' if torch.cuda.is_available() else 'small',
                     help='of the recognizers; default here: %(default)s')
    run.add_argument('--generators', default='phantom', metavar='NAME',
                     help='whose configs: mmaction_configs/lddm/NAME.py, NAME_cinn.py and so on; '
                          'default: %(default)s')
    run.add_argument('--generator-options', nargs='+', action=KeyValue, default={},
                     metavar='STAGE.KEY=VALUE', help="values for the generators' configs")
    run.add_argument('--iterations', type=int, help="of every training; default: the configs'")
    run.add_argument('--work-dir', type=Path, metavar='DIR',
                     help='default: work_dirs/study/<folder>')
    run.add_argument('--data-root', type=Path,
                     help="folder the tables' paths are relative to; default: the data's")
    run.add_argument('--jobs', type=int, default=1, help='trainings at a time; default: 1')
    run.add_argument('--threads', type=int, help='of each; default: as many as there are cores')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    out = args.out or Path('docs/results') / f'study_{args.data.resolve().name}.jsonl'
    with friendly_errors():
        if args.step == 'run':
            run_study(Study(
                data=args.data, configs=CONFIGS, out=out, form=args.form,
                work_dir=args.work_dir or Path('work_dirs/study') / args.data.resolve().name,
                recognizers=tuple(args.recognizers), training_sets=tuple(args.training_sets),
                ratios=tuple(args.ratios), seeds=tuple(args.seeds),
                synthetic_per_real=tuple(args.synthetic_per_real), iterations=args.iterations,
                generators=args.generators,
                generator_options=tuple(args.generator_options.items()),
                data_root=args.data_root, jobs=args.jobs,
                threads=max(1, (os.cpu_count() or 1) // max(args.jobs, 1))
                if args.threads is None else args.threads))
            print(out)
        else:
            named = '' if args.seeds is None else '_seeds_' + '_'.join(map(str, args.seeds))
            page, text = (out.with_name(f'{out.stem}{named}{kind}') for kind in ('.html', '.md'))
            write_report(out, page, text, args.seeds)
            print(page, text, sep='\n')


if __name__ == '__main__':
    main()
