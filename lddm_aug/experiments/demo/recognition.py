"""The demo's recognizers: every training set with every seed, two trainings at a time."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from mmengine.config import Config

from lddm_aug.configs import choose
from lddm_aug.datasets.training_sets import find_training_set
from lddm_aug.engine.recognizer_training import train_and_test, use_last_weights
from lddm_aug.engine.runner_config import without_variables
from lddm_aug.experiments.demo.prepare import Tables
from lddm_aug.experiments.demo.scores import read_scores
from lddm_aug.experiments.study.jobs import Job, run_jobs
from lddm_aug.experiments.study.plan import read_config
from lddm_aug.experiments.study.training_sets import TrainingSet, put_into
from lddm_aug.files import sha256_of
from lddm_aug.resumable_steps import ResumableSteps
from lddm_aug.store.manifest import MANIFEST
from lddm_aug.version import __version__

DATA = 'phantom'                                     # whose sizes and budgets are taken
RECOGNIZER, NAME = 'tsm_small', 'tsm'
TRAINING_SETS = ('real', 'still_mix', 'lddm_mix', 'oracle')
SYNTHETIC_PER_REAL = 2.                              # the study's
AT_ONCE = 2                                          # trainings, where there are so many cores
THREADS = 1                                          # of each, so that scores depend on no machine


@dataclass(frozen=True)
class Recognizers:
    """Trainings that differ in the training set and the seed alone.

    Attributes:
        work_dir: of the demo; trainings go into its folder `recognizers`.
        tables: videos to train and to test on.
        data: identity of the tables and of the files that they name.
        oracle: table of the true clips behind the stills; None where they are unknown.
        options: values for the recognizers' config, by dotted key.
    """
    work_dir: Path
    tables: Tables
    data: str
    oracle: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def training_sets(self) -> list[str]:
        """Without the oracle where nobody knows it."""
        return [name for name in TRAINING_SETS if name != 'oracle' or self.oracle is not None]

    def store(self, clips: str) -> Path:
        """The folder of clips, as `lddm` or `still`."""
        return self.work_dir / 'stores' / clips

    def folder(self, training_set: str, seed: int) -> Path:
        return self.work_dir / 'recognizers' / f'{NAME}_{training_set}_seed{seed}'

    def config(self, training_set: str, seed: int) -> Config:
        """The config of a training."""
        folder = self.folder(training_set, seed)
        config = read_config('recognizer', tuple(choose(DATA, recognizer=RECOGNIZER).items()))
        use_last_weights(config, folder, len(self.tables.classes), seed,
                         folder / 'predictions.jsonl')
        for loader in (config.train_dataloader, config.test_dataloader):
            loader.dataset.update(
                ann_file=str(self.tables.videos), data_root=str(self.tables.videos_root),
                classes=self.tables.classes, seed=seed)
        config.data = {'stores': str(self.store('{clips}'))}
        if self.oracle is not None:
            config.data['oracle'] = str(self.oracle)
        put_into(config, TrainingSet.parse(training_set), seed=seed,
                 synthetic_per_real=SYNTHETIC_PER_REAL)
        config.merge_from_dict(dict(self.options))
        # unformatted: MMEngine would format the text for longer than a short training takes
        return Config(without_variables(config).to_dict(), filename=config.filename,
                      format_python_code=False)

    def step(self, training_set: str, seed: int) -> tuple[str, dict[str, Any], Path]:
        """Name, inputs and output of a training, as a resumable step."""
        generator = find_training_set(training_set).generator
        inputs = {
            'data': self.data, 'config': self.config(training_set, seed).to_dict(),
            'clips': sha256_of(self.store(generator) / MANIFEST) if generator else None,
            'oracle': sha256_of(self.oracle) if self.oracle and training_set == 'oracle' else None,
            'version': __version__}
        return name_of(training_set, seed), inputs, self.folder(training_set, seed)

    def train(self, training_set: str, seed: int) -> None:
        """Train and test, unless that was done, and record what is reported of it."""
        folder = self.folder(training_set, seed)

        def work() -> dict[str, Any]:
            runner, scores = train_and_test(self.config(training_set, seed))
            return {'recognizer': NAME, 'training_set': training_set,
                    'iterations': runner.iter, 'seed': seed,
                    **read_scores(scores, folder / 'predictions.jsonl', self.tables.classes)}

        ResumableSteps(self.work_dir).run(*self.step(training_set, seed), work)

    def find(self, training_set: str, seed: int) -> dict[str, Any] | None:
        """The record of a training that was done."""
        return ResumableSteps(self.work_dir).find(*self.step(training_set, seed))

    def train_all(self, seeds: Sequence[int]) -> Trained:
        """Train and test what isn't trained yet, each in a process of its own.

        Raises:
            ValueError: if a training failed; the others are kept.
        """
        wanted = list(product(self.training_sets, seeds))
        before = {each: record for each in wanted if (record := self.find(*each)) is not None}
        jobs = [Job(name=name_of(*each), kind=NAME, work=self.train, arguments=each,
                    log=self.folder(*each).with_suffix('.log'))
                for each in sorted(set(wanted) - set(before), key=lambda each: each[::-1])]
        print(f'{len(wanted)} trainings of recognizers: {len(before)} done before', flush=True)
        failed = run_jobs(jobs, at_once(), THREADS, done=lambda job: 'done')
        if failed:
            name, why = next(iter(failed.items()))
            raise ValueError(f'{len(failed)} of {len(jobs)} trainings failed; the first is '
                             f'{name}: {why}')
        records = [record for each in wanted if (record := self.find(*each)) is not None]
        return Trained(
            rows=[record['result'] for record in records],
            seconds_before=sum(each['seconds'] for each in before.values()) / at_once(),
            peak_rss_mb=max(record['peak_rss_mb'] for record in records))


@dataclass(frozen=True)
class Trained:
    """What came of all trainings.

    Attributes:
        rows: what is reported of each, by training set and seed.
        seconds_before: how long those took that were done before.
        peak_rss_mb: memory of the largest, in MiB.
    """
    rows: list[dict[str, Any]]
    seconds_before: float
    peak_rss_mb: float


def name_of(training_set: str, seed: int) -> str:
    """The step that trains it."""
    return f'train {NAME} on {training_set} seed {seed}'


def at_once() -> int:
    """How many trainings run side by side."""
    cores = (len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else
             os.cpu_count() or 1)
    return max(1, min(AT_ONCE, cores))
