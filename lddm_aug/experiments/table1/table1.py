"""Table 1 of the paper again: every generator on the same split and seeds, beside the paper's row.

Whatever is trained works in a folder named after its stage and a fingerprint of the configs and
tables that it depends on: what was done before is found again, and what has changed is done anew.
A change of the code is not seen; `redo` measures again, and another `work_dir` trains again.
"""
from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from torch import Tensor

from lddm_aug.configs import DEFAULTS, choose, config_root, read_config
from lddm_aug.engine.config_stages import build_generator, stage_configs, stage_names
from lddm_aug.engine.generator_training import (
    SUMMARY,
    train_generator,
    train_stage,
)
from lddm_aug.engine.runner_config import without_variables
from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.clip_set import ClipSet, generate_clip_set, read_split
from lddm_aug.evaluation.cost import (
    FLOP_CONVENTION,
    clips_per_second,
    gflop_per_clip,
)
from lddm_aug.evaluation.recognizer_features import (
    FeatureNetwork,
    RecognizerFeatures,
    SeveralRecognizers,
)
from lddm_aug.evaluation.synthesis import evaluate_synthesis
from lddm_aug.evaluation.synthesis_metrics import SynthesisOptions
from lddm_aug.evaluation.synthesis_metrics.frechet import frechet_distance
from lddm_aug.experiments.table1.results import (
    GENERATORS,
    add_row,
    in_order,
    read_results,
    sampling_of,
)
from lddm_aug.files import sha256_of
from lddm_aug.generators.base import Generator, device_of
from lddm_aug.generators.package import CARD, load_package
from lddm_aug.hardware import mixed_precision
from lddm_aug.json_files import read_json
from lddm_aug.models.noise_process import STEPS
from lddm_aug.resumable_steps import fingerprint
from lddm_aug.versions import machine, run_versions
from lddm_aug.visualization.loss_curves import read_losses

PLACES = ('work_dir', 'custom_imports')               # of a config, what no figure depends on
SAME_NETWORK = 0.01             # by how much one network's distances differ between machines


@dataclass(frozen=True)
class Table1:
    """What to make.

    Attributes:
        data: name of the data set, or a prepared folder.
        configs: folder of the configs: recipes in lddm/, `recognizer.py` and `r3d_tempo.py` for the
            networks in which the Fréchet distances are taken.
        work_dir: where trainings go.
        out: the results, a JSON file that is written again after every row.
        generators, seeds: the rows; a generator is the name of its recipe in lddm/, or the file of
            a recipe elsewhere, whose name it has.
        size: height and width of the clips, in pixels; by default the data's.  The networks of the
            Fréchet distances see the data at its own size, so that sizes can be compared.
        split: name of a file in the data's splits/; by default the data's own.
        sampler_steps: with how many steps of its sampler LDDM's distance is measured besides.
        temperatures: at which other temperatures LDDM is measured besides.
        redo: measure rows again that stand in `out`; trainings that are finished stay.
        networks: what looks at the clips, but for the networks of the Fréchet distances.
        options: how much is measured; the seed is the row's.
        recognizers: networks of each kind, trained from as many seeds, over which the Fréchet
            distances are averaged: in a single one any of two generators may be the nearer.
        segments: clips of each held-out video.
        train_segments: clips of each training video, for the memorisation audit.
        amp: train in mixed precision.
        cfg_options: values to put into the generators' configs, by dotted key that begins with a
            stage's name, in every generator that has such a stage: for shorter trainings.
        feature_options: values to put into the configs of the networks of the Fréchet distances.
        trained: generator and seed → the folder of a training that is or will be done elsewhere on
            the same split; None for one that is the table's own.
        device: to synthesize and measure on.
        command: what was typed, for the record.
    """
    data: str
    work_dir: Path
    out: Path
    configs: Path = field(default_factory=config_root)
    generators: Sequence[str] = GENERATORS
    seeds: Sequence[int] = (0, 1, 2)
    size: int | None = None
    split: str | None = None
    sampler_steps: Sequence[int] = ()
    temperatures: Sequence[float] = ()
    redo: bool = False
    networks: Mapping[str, Any] = field(default_factory=dict)
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    recognizers: int = 5
    segments: int = 2
    train_segments: int = 3
    amp: bool = False
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    feature_options: Mapping[str, Any] = field(default_factory=dict)
    trained: Callable[[str, int], Path | None] = lambda generator, seed: None
    device: str = 'cpu'
    command: str = ''

    def __post_init__(self) -> None:
        unknown = sorted(name for name in self.names if not self.config(name).is_file())
        if unknown:
            raise ValueError(f'Table1: generators are {", ".join(self._recipes)}, or files of '
                             f'recipes, but got {", ".join(unknown)}')
        if len({*self.names}) < len(self.names):
            raise ValueError('Table1: every generator has a name of its own, but got '
                             f'{", ".join(self.names)}; name each once')
        if not all(0 <= seed < 2**32 for seed in self.seeds):
            raise ValueError(f'Table1: seeds must lie in [0, 2^32), but got {list(self.seeds)}')
        if self.recognizers < 1:
            raise ValueError('Table1: recognizers counts networks and is at least 1, but got '
                             f'{self.recognizers!r}')
        if self.amp:
            mixed_precision()                        # refuses where there is none
        if not all(1 <= steps <= STEPS for steps in self.sampler_steps):
            raise ValueError(f'Table1: sampler_steps must lie in [1, {STEPS}], but got '
                             f'{list(self.sampler_steps)}')
        if not all(0 <= temperature < math.inf for temperature in self.temperatures):
            raise ValueError('Table1: temperatures are standard deviations, 0 or more, but got '
                             f'{list(self.temperatures)}')
        self._refuse_options_of_no_stage()
        for name in ('lddm', *self.names):                        # before hours, not after them
            *_, last = self.stages(name).values()
            if self.size not in (None, last.generator.size):
                raise ValueError(f'Table1: clips of {self.size} pixels were requested, but those '
                                 f'of {self.config(name)} have {last.generator.size}; let its size '
                                 'follow SIZE, as _base_.clip does')
            build_generator(last)

    @property
    def choice(self) -> dict[str, str | None]:
        return DEFAULTS | choose(self.data, size=self.size, split=self.split)

    def feature_configs(self) -> dict[str, Config]:
        """Figure → the recognizer in which it is taken, of the data at its own size."""
        choice = self.choice | {'SIZE': None, 'RECOGNIZER': 'r3d'}
        configs = {figure: without_variables(read_config(self.configs / file, choice))
                   for figure, file in (('fd', 'recognizer.py'), ('fd_tempo', 'r3d_tempo.py'))}
        for config in configs.values():
            config.merge_from_dict(dict(self.feature_options))
        return configs

    def feature_name(self, figure: str) -> str:
        return f'r3d_{Path(self.data).resolve().name}_{"tempo" if figure == "fd_tempo" else "real"}'

    @property
    def _recipes(self) -> list[str]:
        return in_order(path.stem for path in (self.configs / 'lddm').glob('*.py'))

    @property
    def precision(self) -> tuple[str, ...]:
        """Sets weights that were trained in full precision apart from others."""
        return () if self.amp else ('float32',)

    @property
    def names(self) -> list[str]:
        """The generators as rows name them."""
        return [Path(each).stem for each in self.generators]

    def config(self, generator: str) -> Path:
        files = {Path(each).stem: Path(each) for each in self.generators if each.endswith('.py')}
        return files.get(generator, self.configs / 'lddm' / f'{generator}.py')

    def stage_options(self, generator: str) -> dict[str, Any]:
        """Those of `cfg_options` whose stage this generator has."""
        stages = stage_names(self.config(generator), self.choice)
        return {key: value for key, value in self.cfg_options.items()
                if key.partition('.')[0] in stages}

    def stages(self, generator: str) -> dict[str, Config]:
        return stage_configs(self.config(generator), self.stage_options(generator), self.choice)

    def _refuse_options_of_no_stage(self) -> None:
        names = {name for generator in self.names
                 for name in stage_names(self.config(generator), self.choice) if name}
        unknown = sorted(key for key in self.cfg_options if key.partition('.')[0] not in names)
        if unknown:
            raise ValueError(f'Table1: an option begins with the name of a stage '
                             f'({", ".join(sorted(names)) or "these generators have none"}), but '
                             f'got {", ".join(unknown)}')


def table_name(data: str, size: int | None = None) -> str:
    """As a table's files and folders are called: as its data, with the size if it isn't theirs."""
    choice = DEFAULTS | choose(data, size=size)
    sized = read_config('lddm/repeat_still', choice).clip.size
    own = read_config('lddm/repeat_still', choice | {'SIZE': None}).clip.size
    return Path(data).resolve().name + ('' if sized == own else f'_{sized}')


def make_table1(table: Table1) -> dict[str, Any]:
    """Train and measure what is missing.

    Returns:
        What then stands in `out`, but for rows of other configs or tables, which are named.
    """
    results = read_results(table.out, _protocol(table))
    clips = _read_clips(table)
    features = {figure: _feature_networks(table, table.feature_name(figure), config)
                for figure, config in table.feature_configs().items()}
    for seed in table.seeds:
        for name in table.names:
            if not table.redo and _done(results['rows'], table, name, seed):
                print(f'{name}, seed {seed}: done before', flush=True)
                continue
            row = _make_row(table, name, seed, clips, features)
            results = add_row(table.out, 'rows', row, results['protocol'], table.command)
            print(f'{name}, seed {seed}: FD {row["fd"]:.3g}', flush=True)
    for seed in table.seeds if 'lddm' in table.names else ():
        for steps in table.sampler_steps:
            if table.redo or not _done(results['sampler_steps'], table, 'lddm', seed, steps):
                row = _compare_steps(table, seed, steps, clips.real, features)
                results = add_row(table.out, 'sampler_steps', row, results['protocol'],
                                  table.command)
        for temperature in table.temperatures:
            if table.redo or not _done(results['temperatures'], table, 'lddm', seed, temperature):
                row = _make_row(table, 'lddm', seed, clips, features, temperature)
                results = add_row(table.out, 'temperatures', row | dict(temperature=temperature),
                                  results['protocol'], table.command)
    weights = features['fd'].provenance['sha256']
    fd_real = next((row['fd_real'] for row in results['rows']
                    if row['networks']['fd']['sha256'] == weights), None)
    return results | dict(rows=[row for row in results['rows'] if _still_fits(table, row, fd_real)])


class _Clips(NamedTuple):
    """Held-out clips, and those of the training, of the videos that LDDM's autoencoder has."""
    real: ClipSet
    training: ClipSet


def _read_clips(table: Table1) -> _Clips:
    stages = table.stages('lddm')
    videos = stages['autoencoder']
    *_, last = stages.values()
    generator = build_generator(last)                # knows size, length and playback rate
    return _Clips(_read(videos.val_dataloader.dataset, generator, table.segments),
                  _read(videos.train_dataloader.dataset, generator, table.train_segments))


def _read(dataset: Mapping[str, Any], generator: Generator, segments: int) -> ClipSet:
    return read_split(dataset['ann_file'], dataset.get('split'), generator, segments,
                      data_root=dataset.get('data_root'), split_file=dataset.get('split_file'),
                      reference_fps=dataset.get('reference_fps'))


def _feature_networks(table: Table1, name: str, recognizer: Config) -> SeveralRecognizers:
    """Recognizers in which a Fréchet distance is taken, each trained once on real clips."""
    networks, accuracies = [], []
    for seed in range(table.recognizers):
        config = deepcopy(recognizer)
        config.randomness = dict(seed=seed)
        config.work_dir = str(table.work_dir / f'{name}_{_identity([config])}')
        config.log_level = 'WARNING'
        checkpoint, measured = train_stage(config, resume=True)
        accuracies.append(measured.get('video/accuracy', measured.get('acc/top1')))
        networks.append(RecognizerFeatures(recognizer, checkpoint, device=table.device, name=name))
    print(f'{name}: accuracy {", ".join(f"{each:.2f}" for each in accuracies)} on '
          'held-out videos', flush=True)
    return SeveralRecognizers(networks)


def _make_row(table: Table1, name: str, seed: int, clips: _Clips,
              features: Mapping[str, Any], temperature: float | None = None) -> dict[str, Any]:
    package, seconds, losses = _train(table, name, seed)
    generator = load_package(package, table.device)
    if temperature is not None:
        generator = generator.with_sampler(temperature=temperature)
    began = time.perf_counter()
    figures = evaluate_synthesis(
        generator, clips.real, clips.training, {**features, **table.networks},
        replace(table.options, seed=seed))
    return dict(
        generator=name, seed=seed, size=generator.size,
        **{key: value for key, value in figures.items() if key != 'protocol'},
        gflop_per_clip=gflop_per_clip(generator), clips_per_second=clips_per_second(generator),
        training_seconds=seconds, losses=losses,
        evaluation_seconds=round(time.perf_counter() - began, 1),
        machine=machine(device_of(generator)), versions=run_versions(),
        sampler=generator.sampler.as_dict(), package_sha256=generator.package_sha256,
        identity=_row_identity(table, name, seed))


def _train(table: Table1, name: str, seed: int
           ) -> tuple[Path, float | None, dict[str, Any]]:
    """A generator's package, its stages' seconds, None if one was interrupted, and their losses."""
    stages, folder = table.stages(name), table.trained(name, seed)
    if folder is None:
        folder, folders = _train_here(table, name, seed)
    else:
        folders = {stage: folder / stage for stage in stages}
    measured = read_json(folder / SUMMARY, dict, 'train the generator again')
    parts = [measured] if '' in stages else measured.values()
    seconds = [part.get('seconds', 0.) for part in parts]
    losses = {stage: curve for stage, where in folders.items()
              if (curve := read_losses(where))['iter']}
    return folder / 'package', None if None in seconds else sum(seconds), losses


def _train_here(table: Table1, name: str, seed: int) -> tuple[Path, dict[str, Path]]:
    """Train a generator, unless that was done; its folder, and those of its stages.

    Generators share a stage whose config, and whose earlier stages' configs, are the same.
    """
    stages = table.stages(name)
    folders: dict[str, Path] = {}
    options = table.stage_options(name)
    for number, stage in enumerate(stages, 1):
        known_by = _identity(list(stages.values())[:number], seed, *table.precision)
        folders[stage] = table.work_dir / f'{stage or name}_{known_by}'
        if stage and 'model' in stages[stage]:
            options |= {f'{stage}.log_level': 'WARNING', f'{stage}.default_hooks.progress': dict(
                type='ProgressBarHook', title=f'{name}, seed {seed}: {stage}')}
    folder = table.work_dir / f'{name}_{_identity(stages.values(), seed, *table.precision)}'
    if not (folder / SUMMARY).exists() or not (folder / 'package' / CARD).exists():
        train_generator(table.config(name), folder, resume=True, options=options, seed=seed,
                        amp=table.amp, folders=folders, choice=table.choice)
    return folder, folders


def _compare_steps(table: Table1, seed: int, steps: int, real: ClipSet,
                   features: Mapping[str, FeatureNetwork]) -> dict[str, Any]:
    """LDDM's Fréchet distances with so many steps and with its own, from the same noise."""
    generator = load_package(_train(table, 'lddm', seed)[0], table.device)
    default = generator.sampler.as_dict()['steps']
    few, many = (generate_clip_set(generator.with_sampler(steps=number), real, seed).clips
                 for number in (default, steps))
    row = dict(generator='lddm', seed=seed, steps=steps, default_steps=default)
    for figure, network in features.items():
        row |= _compare_distances(figure, network, real, few, many, table.options.resamples, seed)
    return row | dict(identity=_row_identity(table, 'lddm', seed))


def _compare_distances(figure: str, network: FeatureNetwork, real: ClipSet, few: Tensor,
                       many: Tensor, resamples: int, seed: int) -> dict[str, Any]:
    """A Fréchet distance of (N, C, T, H, W) clips of few steps and of many."""
    theirs, of_few, of_many = real.features(network), network(few), network(many)
    distances = [frechet_distance(clips, theirs) for clips in (of_few, of_many)]
    change = group_interval(
        lambda chosen: (frechet_distance(of_few[chosen], theirs[chosen])
                        / frechet_distance(of_many[chosen], theirs[chosen]) - 1),
        real.groups, resamples=resamples, seed=seed)
    return {figure: distances[1], f'{figure}_default': distances[0],
            f'{figure}_change': distances[0] / distances[1] - 1,
            f'{figure}_change_interval': change, f'{figure}_network': network.name}


def _identity(configs: Iterable[Config], *more: Any) -> str:
    """Changes when what is read of a config does, or a table that it names."""
    plain = [{key: value for key, value in config.to_dict().items() if key not in PLACES}
             for config in configs]
    named = [Path(name) for name in sorted({*_tables(plain)})]
    tables = [sha256_of(table) for table in named if table.is_file()]     # some are never read
    return fingerprint(dict(configs=plain, more=more, tables=tables))[:12]


def _tables(config: Any) -> Iterator[str]:
    """Every table in a nested config."""
    if isinstance(config, dict):
        yield from (config[key] for key in ('ann_file', 'split_file') if config.get(key))
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for value in config:
            yield from _tables(value)


def _row_identity(table: Table1, name: str, seed: int) -> str:
    return _identity([*table.stages(name).values(), *table.feature_configs().values()], seed,
                     *table.precision)


def _done(rows: Sequence[Mapping[str, Any]], table: Table1, name: str, seed: int,
          sampling: float | None = None) -> bool:
    return any((row['generator'], row['seed'], sampling_of(row)) == (name, seed, sampling)
               and row['identity'] == _row_identity(table, name, seed) for row in rows)


def _still_fits(table: Table1, row: Mapping[str, Any], fd_real: float | None) -> bool:
    """Whether a row can stand beside those made now; says so where it can't.

    Args:
        fd_real: what real clips have in the networks of this machine, if a row was measured in
            them.  It shows other weights; files of the same weights differ.
    """
    name, seed = row['generator'], row['seed']
    if not table.config(name).is_file() or row['identity'] != _row_identity(table, name, seed):
        print(f'{name}, seed {seed}: left out, since configs or tables have changed; ask for this '
              'row again', flush=True)
        return False
    if fd_real is not None and not math.isclose(row['fd_real'], fd_real, rel_tol=SAME_NETWORK):
        print(f'{name}, seed {seed}: left out, since its distance was taken in other weights of '
              f'{row["fd_network"]} than here; measure it again with --redo', flush=True)
        return False
    return True


def _protocol(table: Table1) -> dict[str, Any]:
    """What all rows have in common: rows that differ in it cannot be compared."""
    networks = {name: dict(name=network.name, sha256=network.provenance['sha256'])
                for name, network in table.networks.items()}
    *_, last = table.stages('lddm').values()
    return dict(
        data=Path(table.data).resolve().name, size=last.generator.size,
        fd_network=table.feature_name('fd'),
        **{f'{figure}_config': _identity([config])
           for figure, config in table.feature_configs().items()},
        networks=networks, options={key: value for key, value in asdict(table.options).items()
                                    if key != 'seed'},
        recognizers=table.recognizers, segments=table.segments,
        train_segments=table.train_segments, amp=table.amp,
        **({'cfg_options': dict(table.cfg_options)} if table.cfg_options else {}),
        condition='the first frame of each held-out clip, and its class if a generator knows any',
        gflop=f'whole synthesis of one clip, {FLOP_CONVENTION}',
        clips_per_second='one process on one thread, or one GPU')


