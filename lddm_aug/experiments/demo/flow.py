"""The main job in order: data → generator → clips → recognizers → report."""
from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import ConfigDict

from lddm_aug.checkpoints import POINTER
from lddm_aug.configs import DEFAULTS, choose, find_config, read_config
from lddm_aug.data.annotations import read_annotations
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.generator_training import SUMMARY, train_generator
from lddm_aug.engine.recognizer_training import train_and_test, use_last_weights
from lddm_aug.engine.runner_config import without_variables
from lddm_aug.evaluation.gallery import make_previews
from lddm_aug.experiments.demo.prepare import Tables, prepare
from lddm_aug.experiments.demo.report import write_report
from lddm_aug.experiments.demo.scores import compare, read_curves, read_scores
from lddm_aug.files import atomic_write, sha256_of
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import load_package, save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.preparation.phantom import write_phantom
from lddm_aug.resumable_steps import ResumableSteps, fingerprint, peak_rss_mb
from lddm_aug.store.manifest import MANIFEST
from lddm_aug.synthesis.synthesize import synthesize
from lddm_aug.version import __version__
from lddm_aug.versions import run_versions
from lddm_aug.visualization.previews import Preview, encode_webp, grid

RECIPE, DATA = 'lddm/lddm', 'phantom'                # whose size and budget are taken
GENERATOR_DATASETS = ('autoencoder.train_dataloader.dataset', 'autoencoder.val_dataloader.dataset',
                      'diffusion.train_dataloader.dataset.clips',
                      'diffusion.default_hooks.preview.clips')
RECOGNIZER, NAME = 'tsm_small', 'tsm'
TRAINING_SETS = ('real', 'still_mix', 'lddm_mix')
PREVIEWS_PER_CLASS = 3


@dataclass(frozen=True)
class Budget:
    """How much is simulated and trained, where it isn't what the configs say.

    Attributes:
        phantom: arguments of `write_phantom`.
        generator: values for the generator's config, by dotted key.
        recognizer: values for the recognizers' configs.
        note: what a reader of the report must know about it.
    """
    phantom: Mapping[str, Any] = field(default_factory=dict)
    generator: Mapping[str, Any] = field(default_factory=dict)
    recognizer: Mapping[str, Any] = field(default_factory=dict)
    note: str = ''


QUICK = Budget(
    note='A quick run, which only shows that everything works: with two iterations nothing learns '
         'anything, so the scores and clips below say nothing about the method.',
    phantom={'train': 8, 'test': 8, 'stills': 8, 'frames': 50},
    generator={'autoencoder.train_cfg.max_iters': 2, 'diffusion.train_cfg.max_iters': 2,
               'diffusion.train_dataloader.dataset.draws': 1},
    recognizer={'train_cfg.max_iters': 2})


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
        seed: of everything that is random.
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
    fresh: bool = False
    budget: Budget = Budget()


def run(demo: Demo) -> dict[str, Any]:
    """Run the whole flow, or what is left of it, and write results.json and report.html."""
    started = time.monotonic()
    if (demo.videos is None) != (demo.stills is None):
        raise ValueError('own data needs both a table of videos and a table of stills')
    if not 0 <= demo.seed < 2**32:
        raise ValueError(f'seed must lie in [0, 2^32), but got {demo.seed!r}')
    steps = ResumableSteps(demo.work_dir)
    if demo.fresh:
        steps.forget()

    tables = make_tables(demo, steps)
    flow = Flow(demo, steps, tables, data_identity(tables))
    package, autoencoder = flow.make_generator()
    generator = load_package(package)
    stores = {'still_mix': demo.work_dir / 'stores' / 'repeat_still',
              'lddm_mix': demo.work_dir / 'stores' / 'lddm'}
    repeated = repeat_still_like(generator, demo.work_dir / 'repeat_still')
    flow.make_store('repeat the stills', repeated, stores['still_mix'])
    synthesis = flow.make_store('synthesize', generator, stores['lddm_mix'])
    recognition = [flow.make_recognizer(name, stores.get(name)) for name in TRAINING_SETS]
    recognition[-1]['against'] = {
        row['training_set']: compare(recognition[-1]['correct'], row['correct'])
        for row in recognition[:-1]}

    previews = choose_previews(generator, tables, demo.seed)
    results = {
        'autoencoder': autoencoder,
        'synthesis': synthesis,
        'recognition': [{key: value for key, value in row.items() if key != 'correct'}
                        for row in recognition],
        'data': describe(demo, tables),
        'versions': run_versions(),
        'command': demo.command,
        'note': demo.budget.note,
        'wall_s': round(time.monotonic() - started + steps.seconds_of_earlier_calls, 1),
        'peak_rss_mb': round(max(steps.peak_rss_mb, peak_rss_mb()), 1),
    }
    with atomic_write(demo.work_dir / 'results.json') as file:
        file.write(json.dumps(results, indent=2).encode())
    write_report(demo.work_dir / 'report.html', results,
                 files={'package': str(package), 'store': str(stores['lddm_mix'])},
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
        settings = {**demo.budget.phantom, 'seed': demo.seed}
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
        options['diffusion.model.classes'] = self.tables.classes      # a still's label is known
        stages = stage_configs(config, choice=choice)
        for stage in stages:
            options |= {f'{stage}.log_level': 'ERROR', f'{stage}.default_hooks.logger.interval': 10,
                        f'{stage}.default_hooks.progress': dict(type='ProgressBarHook',
                                                                title=stage)}
        options |= self.demo.budget.generator
        texts = [stage.pretty_text for stage in stages.values()]

        def train() -> dict[str, Any]:
            begun = any(folder.glob(f'*/{POINTER}'))
            train_generator(config, folder, resume=begun, options=options, seed=self.demo.seed,
                            choice=choice)
            return json.loads((folder / SUMMARY).read_bytes())['autoencoder']

        inputs = {'data': self.data, 'configs': texts, 'options': options, 'seed': self.demo.seed,
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

    def make_recognizer(self, training_set: str, store: Path | None) -> dict[str, Any]:
        """Train on a training set and score the test videos."""
        folder = self.demo.work_dir / 'recognizers' / f'{NAME}_{training_set}'
        choice = choose(DATA, recognizer=RECOGNIZER, training_set=training_set)
        config = without_variables(read_config('recognizer', DEFAULTS | choice))
        predictions = folder / 'predictions.jsonl'
        for loader in (config.train_dataloader, config.test_dataloader):
            point_at(loader.dataset, self.tables, store, self.demo.seed)
        use_last_weights(config, folder, len(self.tables.classes), self.demo.seed, predictions)
        config.merge_from_dict({
            'default_hooks.progress': dict(type='ProgressBarHook',
                                           title=f'{NAME} {training_set}'),
            **self.demo.budget.recognizer})
        inputs = {'data': self.data, 'config': config.pretty_text,
                  'store': sha256_of(store / MANIFEST) if store else None,
                  'version': __version__}

        def work() -> dict[str, Any]:
            runner, scores = train_and_test(config)
            return {'recognizer': NAME, 'training_set': training_set,
                    'iterations': runner.iter, 'seed': self.demo.seed,
                    **read_scores(scores, predictions, self.tables.classes)}

        return self.steps.run(f'train {NAME} on {training_set}', inputs, folder, work)


def repeat_still_like(generator: Generator, folder: Path) -> Generator:
    """The control of the same shape and tempo, as a package, which a store asks for."""
    control = RepeatStill(generator.size, generator.channels, generator.num_frames,
                          generator.frame_stride)
    save_package(folder, control, groups=())
    return control


def point_at(dataset: ConfigDict, tables: Tables, store: Path | None, seed: int) -> None:
    """Let a config's dataset, and those within it, read the demo's data."""
    dataset.seed = seed
    if dataset.type == 'LDDMMixedDataset':
        point_at(dataset.real, tables, store, seed)
        point_at(dataset.synthetic, tables, store, seed)
    elif dataset.type == 'SyntheticClipDataset':
        dataset.update(store=str(store), classes=tables.classes)
    else:
        dataset.update(video_arguments(tables))


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
              if demo.videos is None else f'Videos of {demo.videos}, stills of {demo.stills}.')
    kept = asdict(tables)
    return {'source': source, 'videos': str(tables.videos), 'stills': str(tables.stills),
            **{key: kept[key] for key in ('classes', 'counts', 'test_groups', 'split', 'skipped')}}
