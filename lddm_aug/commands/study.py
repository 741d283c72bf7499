"""Find out by many trainings whether synthetic clips help.

    lddm-aug split data/phantom --seeds 0 1 2 3 4
    lddm-aug study run --data data/phantom --jobs 2
    lddm-aug study report --data data/phantom

Interrupted, `run` resumes where it was when it is called again; what is there with the same
settings isn't run again.
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path

from lddm_aug.commands.arguments import KeyValue, add_step
from lddm_aug.extras import require_extra

RECOGNIZERS = ('c3d', 'tsm', 'tdn', 'atmnet')
TRAINING_SETS = ('real', 'real_twice', 'still_mix', 'transfer_mix', 'cinn_mix', 'lddm_mix',
                 'synthetic', 'oracle')
RATIOS = ('7:3', '5:5', '3:7')
SEEDS = (0, 1, 2, 3, 4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the steps run and report."""
    steps = parser.add_subparsers(dest='step', required=True, metavar='STEP',
                                  title='steps, each with --help')
    start = add_step(steps, 'run', """Run what is left of a study.

    lddm-aug study run --data data/phantom --recognizers tsm --training-sets real lddm_mix

Its trainings are recognizers × training sets × ratios × seeds.
""")
    report = add_step(steps, 'report', """Write what a study found as HTML and Markdown.

    lddm-aug study report --data data/phantom
""")
    chart = add_step(steps, 'chart', """Draw the README's chart from our own studies.

    lddm-aug study chart --out docs/images/when_it_helps.svg
""")
    chart.add_argument('--results', type=Path, default=Path('docs/results'), metavar='DIR',
                       help="folder with the studies' lines and scores; default: %(default)s")
    chart.add_argument('--out', type=Path, required=True, metavar='SVG', help='file to write')
    for step in (start, report):
        step.add_argument('--data', type=Path, required=True, metavar='DIR',
                          help='folder with videos.csv, stills.csv, splits/, oracle.csv')
        step.add_argument('--out', type=Path, metavar='JSONL',
                          help='default: docs/results/study_<folder>.jsonl')
    report.add_argument('--pages', type=Path, metavar='DIR',
                        help='folder for the two pages and their plots; default: that of --out')
    report.add_argument('--seeds', nargs='+', type=int, metavar='N',
                        help='only these, in files that are named after them; default: all')
    start.add_argument('--recognizers', nargs='+', default=RECOGNIZERS, metavar='NAME',
                       help=f'default: all, {" ".join(RECOGNIZERS)}')
    start.add_argument('--training-sets', nargs='+', default=TRAINING_SETS, metavar='NAME',
                       help='with options behind a +, as in lddm_mix+mixup; an unknown name is '
                            f'answered with all; default: {" ".join(TRAINING_SETS)}')
    start.add_argument('--ratios', nargs='+', default=RATIOS, metavar='TRAIN:TEST',
                       help="'given' for the table's own split, 'given-8' for 8 of its training "
                            f'groups; default: {" ".join(RATIOS)}')
    start.add_argument('--seeds', nargs='+', type=int, default=SEEDS, metavar='N',
                       help=f'default: {" ".join(map(str, SEEDS))}')
    start.add_argument('--synthetic-per-real', nargs='+', type=float, metavar='X', default=(1.,),
                       help='of the mixes; default: 1')
    start.add_argument('--form', choices=('small', 'lungs', 'full'),
                       help='of the recognizers; default: full where there is a GPU, else small')
    start.add_argument('--generators', default='phantom', metavar='NAME',
                       help='data and size whose generators are taken, as covid_blues or '
                            'phantom_128; default: %(default)s')
    start.add_argument('--generator-options', nargs='+', action=KeyValue, default={},
                       metavar='STAGE.KEY=VALUE', help="values for the generators' configs")
    start.add_argument('--iterations', type=int, metavar='N',
                       help="of every training; default: the configs'")
    start.add_argument('--work-dir', type=Path, metavar='DIR',
                       help='default: work_dirs/study/<folder>')
    start.add_argument('--data-root', type=Path, metavar='DIR',
                       help="folder the tables' paths are relative to; default: the data's")
    start.add_argument('--jobs', type=int, default=1, metavar='N',
                       help='trainings at a time; default: %(default)s')
    start.add_argument('--threads', type=int, metavar='N',
                       help='of each; default: as many as there are cores, divided by the jobs')


def run(args: argparse.Namespace) -> None:
    """Run what is left of a study, write its report, or draw its chart."""
    if args.step == 'chart':
        _draw_chart(args)
        return
    require_extra('report', 'the report', 'matplotlib')
    out = args.out or Path('docs/results') / f'study_{args.data.resolve().name}.jsonl'
    if args.step == 'run':
        _run_study(args, out)
        print(out)
    else:
        from lddm_aug.experiments.study.report import write_report

        named = '' if args.seeds is None else '_seeds_' + '_'.join(map(str, args.seeds))
        page, text = ((args.pages or out.parent) / f'{out.stem}{named}{kind}'
                      for kind in ('.html', '.md'))
        write_report(out, page, text, args.seeds)
        print(page, text, sep='\n')


def _draw_chart(args: argparse.Namespace) -> None:
    from lddm_aug.experiments.study.chart import bar_of, draw_chart, read_gains
    from lddm_aug.files import atomic_write

    gains = read_gains(args.results)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(args.out) as file:
        file.write(draw_chart(gains).encode())
    for setting, by_name in gains.items():
        for name, gain in by_name.items():
            print(f'{setting.title}, {setting.metric}: {bar_of(setting, name, gain).text} '
                  f'over {name}')
    print(args.out)


def _run_study(args: argparse.Namespace, out: Path) -> None:
    import torch

    from lddm_aug.experiments.study.plan import Study
    from lddm_aug.experiments.study.study import run_study

    run_study(Study(
        data=args.data, out=out,
        form=args.form or ('full' if torch.cuda.is_available() else 'small'),
        work_dir=args.work_dir or Path('work_dirs/study') / args.data.resolve().name,
        recognizers=tuple(args.recognizers), training_sets=tuple(args.training_sets),
        ratios=tuple(args.ratios), seeds=tuple(args.seeds),
        synthetic_per_real=tuple(args.synthetic_per_real), iterations=args.iterations,
        generators=args.generators, generator_options=tuple(args.generator_options.items()),
        data_root=args.data_root, jobs=args.jobs,
        threads=max(1, (os.cpu_count() or 1) // max(args.jobs, 1))
        if args.threads is None else args.threads))
