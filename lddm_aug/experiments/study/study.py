"""All trainings of a study, or what is left of them."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from lddm_aug.data.annotations import Annotation, read_annotations, rows_of_split
from lddm_aug.data.roles import draw_roles, read_pool, write_roles
from lddm_aug.data.splits import write_split
from lddm_aug.datasets.training_sets import OF_TRUE_CLIPS, TRAINING_SETS
from lddm_aug.experiments.study import records, stores
from lddm_aug.experiments.study.jobs import Job, run_jobs
from lddm_aug.experiments.study.plan import DRAWN, GIVEN, Run, Study, runs_of
from lddm_aug.experiments.study.training import (
    lacks_checkpoint,
    read_result,
    settings,
    train_recognizer,
)
from lddm_aug.experiments.study.training_sets import TrainingSet
from lddm_aug.locks import only_writer
from lddm_aug.seeds import derive_seed

UNUSED = 'unused'
DRAWS = 100


def run_study(study: Study) -> None:
    """Run what isn't in the file yet, or was run with other settings.

    Studies with folders of their own may write into one file at the same time.

    Raises:
        FileNotFoundError: before anything is trained, if a table, split or config is missing.
        ValueError: before, if another study works in the folder, a line of the file is damaged or
            an option is for no generator; in the end, if trainings failed; the others are kept.
    """
    with only_writer(study.work_dir):
        _run_study(study)


def _run_study(study: Study) -> None:
    runs = runs_of(study)
    draw_fewer_groups(study)
    require_files(study, runs)
    refuse_unknown_options(study)
    expected = {run: settings(study, run) for run in runs}
    kept = records.read_rows(study.out)
    records.read_rows(records.scores_file(study.out), needed=())     # before hours, not after them
    left = [run for run in runs
            if kept.get(run, {}).get('settings') != expected[run] or lacks_checkpoint(study, run)]
    print(f'{len(runs)} trainings: {len(runs) - len(left)} done, {len(left)} to do')

    jobs = [*store_jobs(study, left), *(recognizer_job(study, run) for run in left)]
    by_name = {run.name: run for run in left}

    def done(job: Job) -> str:
        if job.name not in by_name:
            return 'done'
        run = by_name[job.name]
        result = read_result(study, run, expected[run])
        if result is None:
            raise ValueError(f'{run.folder(study)} was changed by another study; give each a '
                             'folder of its own to work in')
        records.keep(study.out, result['row'], result['scores'])
        auc = result['row']['auc']
        return (f'accuracy {result["row"]["accuracy"]:.3f}'
                + ('' if auc is None else f', AUC {auc:.3f}'))

    failed = run_jobs(jobs, study.jobs, study.threads, done)
    if failed:
        name, why = next(iter(failed.items()))
        raise ValueError(f'{len(failed)} of {len(jobs)} jobs failed; the first is {name}: {why}')


def draw_fewer_groups(study: Study) -> None:
    """Write the roles that are drawn anew, and the splits that train on some of the groups alone.

    Raises:
        ValueError: if there are not so many, or they don't hold every class.
    """
    for ratio, seed in product(study.ratios, study.seeds):
        table = study.tables(ratio, seed) / 'videos.csv'
        if ratio.startswith(DRAWN):
            pool, counts = read_pool(study.data, study.root)
            write_roles(table.parent, pool, draw_roles(pool, counts, seed), study.root)
        file = study.split_file(ratio, seed)
        if file is None or not ratio.startswith((GIVEN, DRAWN)):
            continue
        rows = read_annotations(table, study.root)
        trained = rows_of_split(rows, 'train', table)
        chosen = draw_groups(trained, int(ratio.partition('-')[2]), seed)
        write_split(file, [row.path.relative_to(study.root.resolve()).as_posix() for row in rows],
                    [UNUSED if row.split == 'train' and row.group not in chosen
                     else str(row.split) for row in rows])


def draw_groups(rows: Sequence[Annotation], count: int, seed: int) -> set[str]:
    """So many groups that hold every class."""
    groups, classes = sorted({row.group for row in rows}), {row.label for row in rows}
    if count > len(groups):
        raise ValueError(f'draw_groups: {count} training groups were requested, but there are '
                         f'{len(groups)}')
    random = np.random.default_rng(derive_seed('groups', seed))
    for _ in range(DRAWS):
        chosen = {str(group) for group in random.choice(groups, count, replace=False)}
        if {row.label for row in rows if row.group in chosen} == classes:
            return chosen
    raise ValueError(f'draw_groups: {count} training groups are too few to hold the classes '
                     f'{", ".join(sorted(classes))}; ask for more')


def store_jobs(study: Study, runs: Sequence[Run]) -> list[Job]:
    """One per generator and split; those that share an autoencoder wait for the first of them."""
    jobs: dict[str, Job] = {}
    first: dict[Path, str] = {}                      # to fit the autoencoder in a folder
    for run in runs:
        generator = TrainingSet.parse(run.training_set).generator
        if generator is None:
            continue
        name = _store_name(generator, run)
        shared = stores.shared_stage(study, generator, run.ratio, run.seed)
        fits = name if shared is None else first.setdefault(shared, name)
        log = stores.store_folder(study, generator, run.ratio, run.seed).with_suffix('.log')
        jobs[name] = Job(
            name=name, kind=f'clips of {generator}', work=stores.make_store,
            arguments=(study, generator, run.ratio, run.seed), log=log,
            needs=() if fits == name else (fits,))
    return list(jobs.values())


def recognizer_job(study: Study, run: Run) -> Job:
    """The training of a recognizer, and which jobs must end before it."""
    training_set = TrainingSet.parse(run.training_set)
    needs = []
    if training_set.generator is not None:
        needs.append(_store_name(training_set.generator, run))
    if 'filtered' in training_set.options:
        needs.append(run.of('real').name)
    return Job(name=run.name, kind=run.recognizer, work=train_recognizer, arguments=(study, run),
               log=run.folder(study) / 'log.txt', needs=tuple(needs))


def require_files(study: Study, runs: Sequence[Run]) -> None:
    """Raise FileNotFoundError, naming what makes it, for the first file that isn't there."""
    training_sets = {TrainingSet.parse(run.training_set) for run in runs}
    generators = {each.generator for each in training_sets if each.generator is not None}
    needed: dict[Path, str] = {study.data / 'videos.csv': 'prepare the data first'}
    for run in runs:
        if generators:
            needed[study.stills_table(run.ratio, run.seed)[0]] = 'generated clips need stills'
        if any(each.base in OF_TRUE_CLIPS for each in training_sets):
            needed[study.tables(run.ratio, run.seed) / 'oracle.csv'] = (
                f'leave {", ".join(OF_TRUE_CLIPS)} out where the true clips are unknown')
        split = study.split_file(run.ratio, run.seed)
        if split is not None:
            needed[split] = "make the splits first, or take the ratio 'given'"
    for path, advice in needed.items():
        if not path.is_file():
            raise FileNotFoundError(f'Study: {path} is missing; {advice}')


def refuse_unknown_options(study: Study) -> None:
    """Raise ValueError for an option of the generators that none of their stages would get."""
    generators = {each.generator for each in TRAINING_SETS.values()} | {
        TrainingSet.parse(name).generator for name in study.training_sets}
    stages = sorted({stage for generator in generators
                     if generator is not None for stage in study.generator_stages(generator)}
                    - {''})
    unknown = [key for key, _ in study.generator_options
               if key.partition('.')[0] not in stages or '.' not in key]
    if unknown:
        raise ValueError(f'Study: an option of a generator is stage.key, with one of the stages '
                         f'{", ".join(stages)}, but got {", ".join(unknown)}')


def _store_name(generator: str, run: Run) -> str:
    return f'clips of {generator} {run.ratio} seed {run.seed}'
