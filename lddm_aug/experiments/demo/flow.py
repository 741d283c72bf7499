"""The main job in order: data → generator → clips → recognizers → report."""
from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from lddm_aug.checkpoints import POINTER
from lddm_aug.configs import DEFAULTS, choose, find_config
from lddm_aug.data.annotations import read_annotations
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.generator_training import SUMMARY, train_generator
from lddm_aug.evaluation.gallery import make_previews
from lddm_aug.experiments.demo.prepare import Tables, prepare
from lddm_aug.experiments.demo.recognition import DATA, Recognizers
from lddm_aug.experiments.demo.report import write_report
from lddm_aug.experiments.demo.scores import compare, read_curves, read_probabilities, rows_of
from lddm_aug.files import atomic_write, sha256_of
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import load_package, save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.preparation.phantom import write_phantom
from lddm_aug.resumable_steps import ResumableSteps, fingerprint, peak_rss_mb
from lddm_aug.synthesis.synthesize import synthesize
from lddm_aug.version import __version__
from lddm_aug.versions import run_versions
from lddm_aug.visualization.previews import Preview, encode_webp, grid

RECIPE = 'lddm/lddm'
# Few patients with a labelled video and many with a still: of the study's settings the one in which
# generated clips improved recognizers (docs/results/study.md, 3:7).
PHANTOM = {'train': 26, 'test': 62, 'stills': 96}
# three quarters of the recipe's iterations, so that all of it takes nine minutes on two cores
ITERATIONS = {'autoencoder.train_cfg.max_iters': 300, 'autoencoder.train_cfg.val_interval': 300,
              'diffusion.train_cfg.max_iters': 800}
RECOGNIZER_SEEDS = (0, 1, 2)
GENERATOR_DATASETS = ('autoencoder.train_dataloader.dataset', 'autoencoder.val_dataloader.dataset',
                      'diffusion.train_dataloader.dataset.clips',
                      'diffusion.default_hooks.preview.clips')
PREVIEWS_PER_CLASS = 3


@dataclass(frozen=True)
class Budget:
    """How much is simulated and trained.

    Attributes:
        phantom: arguments of `write_phantom`.
        generator: values for the generator's config, by dotted key.
        recognizer: values for the recognizers' configs.
        recognizer_seeds: one training each, on every training set.
        note: what a reader of the report must know about it.
    """
    phantom: Mapping[str, Any] = field(default_factory=lambda: dict(PHANTOM))
    generator: Mapping[str, Any] = field(default_factory=lambda: dict(ITERATIONS))
    recognizer: Mapping[str, Any] = field(default_factory=dict)
    recognizer_seeds: Sequence[int] = RECOGNIZER_SEEDS
    note: str = ''


QUICK = Budget(
    note='A quick run, which only shows that everything works: with two iterations nothing learns '
         'anything, so the scores and clips below say nothing about the method.',
    phantom={'train': 8, 'test': 8, 'stills': 8, 'frames': 50},
    generator={'autoencoder.train_cfg.max_iters': 2, 'diffusion.train_cfg.max_iters': 2,
               'diffusion.train_dataloader.dataset.draws': 1},
    recognizer={'train_cfg.max_iters': 2}, recognizer_seeds=(0, 1))


@dataclass(frozen=True)
class Demo:
    """What to run.

    Attributes:
        work_dir: where everything goes.
        command: what was typed, for the record.
        videos: table of the user's videos; the phantom's where it is None.
        stills: table of the user's stills.
        data_root: folder their paths are relative to; by default each table's own.
        skip_bad: leave out rows that can't be used.
        seed: of the split, the generator and its clips.
        phantom_seed: of the simulated patients; by default the same.
        recognizer_seeds: of the recognizers; by default the budget's.
        fresh: do again what was done before.
        budget: how much to train.
    """
    work_dir: Path
    command: str = ''
    videos: Path | None = None
    stills: Path | None = None
    data_root: Path | None = None
    skip_bad: bool = False
    seed: int = 0
    phantom_seed: int | None = None
    recognizer_seeds: Sequence[int] | None = None
    fresh: bool = False
    budget: Budget = Budget()


    def __post_init__(self) -> None:
        if (self.videos is None) != (self.stills is None):
            raise ValueError('own data needs both a table of videos and a table of stills')
        if not self.simulated and self.phantom_seed is not None:
            raise ValueError('phantom_seed is of simulated sweeps; leave it out for own data')
        if not self.seeds or len({*self.seeds}) < len(self.seeds):
            raise ValueError('recognizer_seeds must name at least one, each once, but got '
                             f'{list(self.seeds)}')
        for seed in (self.seed, self.phantom_seed or 0, *self.seeds):
            if not 0 <= seed < 2**32:
                raise ValueError(f'seed must lie in [0, 2^32), but got {seed!r}')

    @property
    def simulated(self) -> bool:
        return self.videos is None

    @property
    def seeds(self) -> Sequence[int]:
        """Of the recognizers."""
        return (self.budget.recognizer_seeds if self.recognizer_seeds is None else
                self.recognizer_seeds)

    @property
    def data_seed(self) -> int | None:
        """Of the simulated patients; None for own data."""
        if not self.simulated:
            return None
        return self.seed if self.phantom_seed is None else self.phantom_seed

    @property
    def oracle(self) -> Path | None:
        """Table of the true clips behind the stills, which only a simulation knows."""
        return self.work_dir / 'data' / 'oracle.csv' if self.simulated else None


def run(demo: Demo) -> dict[str, Any]:
    """Run the whole flow, or what is left of it, and write results.json and report.html."""
    started = time.monotonic()
    steps = ResumableSteps(demo.work_dir)
    if demo.fresh:
        steps.forget()

    tables = make_tables(demo, steps)
    flow = Flow(demo, steps, tables, data_identity(tables))
    recognizers = Recognizers(demo.work_dir, tables, flow.data, demo.oracle,
                              demo.budget.recognizer)
    package, autoencoder = flow.make_generator()
    generator = load_package(package)
    repeated = repeat_still_like(generator, demo.work_dir / 'repeat_still')
    flow.make_store('repeat the stills', repeated, recognizers.store('still'))
    synthesis = flow.make_store('synthesize', generator, recognizers.store('lddm'))
    trained = recognizers.train_all(demo.seeds)

    previews = choose_previews(generator, tables, demo.seed)
    seconds = time.monotonic() - started + steps.seconds_of_earlier_calls + trained.seconds_before
    results = {
        'autoencoder': autoencoder,
        'synthesis': synthesis,
        'recognition': trained.rows,
        'rows': rows_of(trained.rows, demo.data_seed),
        **compare({name: {seed: read_probabilities(
            recognizers.folder(name, seed) / 'predictions.jsonl', tables.classes)
            for seed in demo.seeds} for name in recognizers.training_sets}),
        'data': describe(demo, tables),
        'versions': run_versions(),
        'command': demo.command,
        'note': demo.budget.note,
        'wall_s': round(seconds, 1),
        'peak_rss_mb': round(max(steps.peak_rss_mb, trained.peak_rss_mb, peak_rss_mb()), 1),
    }
    with atomic_write(demo.work_dir / 'results.json') as file:
        file.write(json.dumps(results, indent=2).encode())
    write_report(demo.work_dir / 'report.html', results,
                 files={'package': str(package), 'store': str(recognizers.store('lddm')),
                        'videos': str(tables.videos), 'root': str(tables.videos_root)},
                 previews=previews, curves=read_curves(package.parent),
                 num_frames=generator.num_frames)
    with atomic_write(demo.work_dir / 'clips.webp') as file:
        file.write(encode_webp(grid(previews), quality=60))
    return results


def make_tables(demo: Demo, steps: ResumableSteps) -> Tables:
    """The user's tables, or the phantom's, checked and with a split."""
    videos, stills, root = demo.videos, demo.stills, demo.data_root
    if videos is None or stills is None:
        folder = demo.work_dir / 'data'
        settings = {**demo.budget.phantom, 'seed': demo.data_seed}
        steps.run('simulate sweeps', {**settings, 'version': __version__}, folder,
                     lambda: write_phantom(folder, **settings, jobs=os.cpu_count() or 1))
        videos, stills, root = folder / 'videos.csv', folder / 'stills.csv', None
    return prepare(videos, stills, demo.work_dir / 'tables', root, demo.skip_bad, demo.seed)


def data_identity(tables: Tables) -> str:
    """Changes when a table does, or a file that one names."""
    rows = [row for table, root in ((tables.videos, tables.videos_root),
                                    (tables.stills, tables.stills_root))
            for row in read_annotations(table, root)]
    states = [(str(row.path), row.path.stat().st_size, row.path.stat().st_mtime_ns) for row in rows]
    return fingerprint({'tables': [sha256_of(tables.videos), sha256_of(tables.stills)],
                        'files': states})


@dataclass(frozen=True)
class Flow:
    """The steps that are not done again as long as what they depend on stays as it was.

    Attributes:
        data: changes when a table does, or a file that one names.
    """
    demo: Demo
    steps: ResumableSteps
    tables: Tables
    data: str

    def make_generator(self) -> tuple[Path, dict[str, float]]:
        """Train it; its package, and how well the autoencoder rebuilds held-out clips."""
        config, folder = find_config(RECIPE), self.demo.work_dir / 'generator'
        choice = DEFAULTS | choose(DATA)
        options: dict[str, Any] = {}
        for dataset in GENERATOR_DATASETS:
            arguments = {**video_arguments(self.tables), 'seed': self.demo.seed}
            options |= {f'{dataset}.{key}': value for key, value in arguments.items()}
        options['diffusion.model.conditions'] = dict(label=self.tables.classes)
        stages = stage_configs(config, choice=choice)
        for stage in stages:
            options |= {f'{stage}.log_level': 'ERROR', f'{stage}.default_hooks.logger.interval': 10,
                        f'{stage}.default_hooks.progress': dict(type='ProgressBarHook',
                                                                title=stage)}
        options |= self.demo.budget.generator
        configs = [stage.to_dict() for stage in stages.values()]

        def train() -> dict[str, Any]:
            begun = any(folder.glob(f'*/{POINTER}'))
            train_generator(config, folder, resume=begun, options=options, seed=self.demo.seed,
                            choice=choice)
            return json.loads((folder / SUMMARY).read_bytes())['autoencoder']

        inputs = {'data': self.data, 'configs': configs, 'options': options, 'seed': self.demo.seed,
                  'version': __version__}
        measured = self.steps.run('train the generator', inputs, folder, train)
        return folder / 'package', {key: measured[key] for key in ('psnr_db', 'still_psnr_db')}

    def make_store(self, name: str, generator: Generator, folder: Path) -> dict[str, float]:
        """A clip of every still."""
        rows = read_annotations(self.tables.stills, self.tables.stills_root)

        def work() -> dict[str, float]:
            made = synthesize(generator, rows, folder, seed=self.demo.seed,
                              workers=torch.get_num_threads())
            return {'clips': made.clips, 'seconds': round(made.seconds, 2),
                    'clips_per_second': round(made.clips_per_second, 2)}

        inputs = {'data': self.data, 'package': generator.package_sha256, 'seed': self.demo.seed}
        return self.steps.run(name, inputs, folder, work)


def repeat_still_like(generator: Generator, folder: Path) -> Generator:
    """The control of the same shape and playback rate, as a package, which a store needs."""
    control = RepeatStill(generator.size, generator.channels, generator.num_frames,
                          generator.frame_stride)
    save_package(folder, control, groups=())
    return control


def video_arguments(tables: Tables) -> dict[str, Any]:
    """What a dataset of the videos is built with."""
    return {'ann_file': str(tables.videos), 'data_root': str(tables.videos_root),
            'classes': tables.classes}


def choose_previews(generator: Generator, tables: Tables, seed: int) -> list[Preview]:
    """Some test videos of every class beside what the generator makes of their first frames."""
    rows = [row for row in read_annotations(tables.videos, tables.videos_root)
            if row.split == 'test']
    return make_previews(generator, rows, PREVIEWS_PER_CLASS, seed)


def describe(demo: Demo, tables: Tables) -> dict[str, Any]:
    """What the report says about the data."""
    source = ('Simulated ultrasound sweeps (the phantom): a test bench, not a model of disease.'
              if demo.simulated else f'Videos of {demo.videos}, stills of {demo.stills}.')
    kept = asdict(tables)
    return {'source': source, 'videos': str(tables.videos), 'stills': str(tables.stills),
            **{key: kept[key] for key in ('classes', 'counts', 'test_groups', 'split', 'skipped')}}


def summary_lines(results: Mapping[str, Any]) -> list[str]:
    """The mean scores of every training set, for the terminal."""
    means: dict[str, dict[str, float]] = {}
    for row in results['means']:
        means.setdefault(row['training_set'], {})[row['metric']] = row['value']
    metrics = list(next(iter(means.values())))
    return [f'{"training set":<14}' + ''.join(f'  {metric:>8}' for metric in metrics),
            *(f'{name:<14}' + ''.join(f'  {of_metric[metric]:>8.2f}' for metric in metrics)
              for name, of_metric in means.items())]
