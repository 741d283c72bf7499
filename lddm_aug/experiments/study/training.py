"""One training of a recognizer, and its test on real videos."""
from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from lddm_aug.checkpoints import POINTER, last_checkpoint
from lddm_aug.engine.recognizer_training import train_and_test, use_last_weights
from lddm_aug.engine.runner_config import without_variables
from lddm_aug.experiments.study import stores
from lddm_aug.experiments.study.plan import Run, Study
from lddm_aug.experiments.study.quality import plausible, score_clips
from lddm_aug.experiments.study.training_sets import TrainingSet, put_into
from lddm_aug.files import atomic_write
from lddm_aug.json_files import read_json
from lddm_aug.resumable_steps import fingerprint
from lddm_aug.version import __version__

RESULT = 'result.json'
KEPT = 'kept.json'
REPORTED = ('accuracy', 'f1_macro', 'f1_weighted', 'auc')
# of a config, what says where something lies and not what it is
PLACES = ('ann_file', 'data_root', 'split_file', 'store', 'package', 'keep', 'out_file',
          'work_dir')


def recognizer_config(study: Study, run: Run) -> Config:
    """The config of a training.

    Raises:
        ValueError: if it weighs other classes than the data have.
    """
    folder, training_set = run.folder(study), TrainingSet.parse(run.training_set)
    config = study.recognizer_config(run.recognizer)
    classes = stores.classes_of(study)
    weights = config.model.cls_head.get('loss_cls', {}).get('class_weight')
    if weights is not None and len(weights) != len(classes):
        raise ValueError(f'{config.filename}: class_weight has '
                         f'{len(weights)} weights, one per class, but {study.data} has '
                         f'{len(classes)} classes; take another form, or a config of your own')
    use_last_weights(config, folder, len(classes), run.seed, folder / 'scores.jsonl')
    if study.iterations is not None:
        config.train_cfg.max_iters = study.iterations
    for loader in (config.train_dataloader, config.test_dataloader):
        loader.dataset.update(study.videos(run.ratio, run.seed), classes=classes, seed=run.seed)
    config.data = places(study, run, training_set.generator)
    put_into(config, training_set, seed=run.seed, synthetic_per_real=run.synthetic_per_real,
             keep=str(folder / KEPT) if 'filtered' in training_set.options else None)
    return config


def places(study: Study, run: Run, generator: str | None) -> dict[str, Any]:
    """Where a training set finds clips, the generator and the true clips of this split."""
    data: dict[str, Any] = {
        'oracle': str(study.tables(run.ratio, run.seed) / 'oracle.csv')}
    if generator is not None:
        size = [*study.generator_stages(generator).values()][-1].generator.size
        table, root = study.stills_table(run.ratio, run.seed)
        data |= {
            'size': size,
            'stores': str(stores.store_folder(study, generator, run.ratio, run.seed)),
            'generators': str(stores.generator_folder(study, generator, run.ratio, run.seed)),
            'stills': dict(type='StillDataset', ann_file=str(table), data_root=str(root),
                           classes=stores.classes_of(study))}
    return data


def settings(study: Study, run: Run) -> str:
    """Changes with tables, split, configs, options and version, but not with the code.

    After changing that, name another --out and --work-dir, or remove the lines and the work_dir.
    """
    generator = TrainingSet.parse(run.training_set).generator
    return fingerprint({
        'config': _without_places(without_variables(recognizer_config(study, run)).to_dict()),
        'data': stores.data_settings(study, run.ratio, run.seed),
        'split': stores.split_sha256(study, run.ratio, run.seed),
        'clips': generator and stores.settings(study, generator, run.ratio, run.seed),
        'version': __version__})[:16]


def train_recognizer(study: Study, run: Run) -> None:
    """Train, test and write down what came of it, unless that was done."""
    folder, identity = run.folder(study), settings(study, run)
    if read_result(study, run, identity) and not lacks_checkpoint(study, run):
        return
    (folder / RESULT).unlink(missing_ok=True)
    begun = folder / f'begun_{identity}'
    if not begun.exists():                           # a training with other settings was begun
        _remove_checkpoints(folder)
        for left in folder.glob('begun_*'):
            left.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    begun.touch()
    config = recognizer_config(study, run)
    if 'filtered' in TrainingSet.parse(run.training_set).options:
        keep_plausible(study, run)

    started = time.monotonic()
    runner, measured = train_and_test(config)
    row = {**run.key, 'iterations': runner.iter,
           'n_train': _videos_in(runner.train_dataloader.dataset),
           **_figures(measured, folder / 'scores.jsonl'),
           'form': study.form, 'seconds': round(time.monotonic() - started, 1),
           'settings': identity}
    result = {'row': row, 'scores': _scores(folder / 'scores.jsonl', study.root)}
    with atomic_write(folder / RESULT) as file:
        file.write(json.dumps(result).encode())
    if run.training_set != 'real':                   # what a filter learns from stays
        _remove_checkpoints(folder)


def read_result(study: Study, run: Run, identity: str) -> dict[str, Any] | None:
    """What a finished training wrote down, if its settings were these."""
    file = run.folder(study) / RESULT
    if not file.is_file():
        return None
    result = read_json(file, {'row': {'settings': str}, 'scores': dict},
                       'remove it, and its training is done again')
    return result if result['row']['settings'] == identity else None


def keep_plausible(study: Study, run: Run) -> None:
    """List the clips that the recognizer of the real videos finds plausible for their label."""
    real = run.of('real')
    config = recognizer_config(study, real)
    store = stores.store_folder(study, str(TrainingSet.parse(run.training_set).generator),
                                run.ratio, run.seed)
    scored = score_clips(config, real_checkpoint(study, run), str(store))
    folder = run.folder(study)
    with atomic_write(folder / 'plausibility.json') as file:
        file.write(json.dumps({clip: [label, score] for clip, (label, score)
                               in scored.items()}).encode())
    with atomic_write(folder / KEPT) as file:
        file.write(json.dumps(plausible(scored)).encode())


def real_checkpoint(study: Study, run: Run) -> Path:
    """What training on real videos alone left, in the split that this training belongs to."""
    return last_checkpoint(run.of('real').folder(study))


def lacks_checkpoint(study: Study, run: Run) -> bool:
    """Whether a filter of the study learns from this training, and its weights are gone."""
    return (run.training_set == 'real' and not real_checkpoint(study, run).is_file()
            and any('filtered' in TrainingSet.parse(name).options for name in study.training_sets))


def _remove_checkpoints(folder: Path) -> None:
    for left in (*folder.glob('*.pth'), folder / POINTER):
        left.unlink(missing_ok=True)


def _videos_in(dataset: Any) -> int:
    """Real videos in a training set; none in one of generated clips alone."""
    origins = [dataset.get_data_info(index).get('origin')
               for index in range(len(getattr(dataset, 'real', dataset)))]
    return origins.count('real')


def _figures(measured: Mapping[str, float], scores: Path) -> dict[str, Any]:
    figures = {name: measured[f'video/{name}'] for name in REPORTED}
    return {'n_test': len(scores.read_bytes().splitlines()),
            **{name: None if math.isnan(value) else round(value, 6)
               for name, value in figures.items()}}


def _scores(file: Path, root: Path) -> dict[str, Any]:
    """Each test video's group, label and probabilities, by its path below the data's root."""
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    return {'classes': list(rows[0]['scores']),
            'videos': {Path(os.path.relpath(row['filename'], root.resolve())).as_posix():
                       [row['group'], row['label'],
                        [round(value, 5) for value in row['scores'].values()]] for row in rows}}


def _without_places(value: Any) -> Any:
    if isinstance(value, (dict, ConfigDict)):
        return {key: _without_places(item) for key, item in value.items() if key not in PLACES}
    if isinstance(value, (list, tuple)):
        return [_without_places(item) for item in value]
    return value
