"""Table 1 of the paper again: every generator on the same split and seeds, beside the paper's row.

Whatever is trained works in a folder named after its config and a fingerprint of all that it
depends on: what was done before is found again, and what has changed is done anew.
"""
from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.config import Config

from lddm_aug.engine.generator_training import (
    SUMMARY,
    build_generator,
    train_generator,
    train_stage,
)
from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.clip_set import ClipSet, generate_clip_set, read_split
from lddm_aug.evaluation.cost import FLOP_CONVENTION, clips_per_second, gflop_per_clip
from lddm_aug.evaluation.frechet import frechet_distance
from lddm_aug.evaluation.recognizer_features import FeatureNetwork, RecognizerFeatures
from lddm_aug.evaluation.synthesis import (
    EvaluationNetworks,
    SynthesisOptions,
    evaluate_synthesis,
)
from lddm_aug.files import sha256_of, write_aside
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import CARD, load_package, versions
from lddm_aug.journal import fingerprint
from lddm_aug.models.noise_process import STEPS

GENERATORS = ('lddm', 'cinn', 'cinn_paper', 'repeat_still', 'random_warp', 'motion_transfer')
# Chen, Shi et al. 2024, Table 1: BUSV, conditioned on the first frame; which DIV isn't said.
PAPER = {'cinn': dict(fvd=58.98, dtfvd=0.62, lpips=0.33, div=2.23),
         'lddm': dict(fvd=53.82, dtfvd=0.58, lpips=0.32, div=1.07)}
COLUMNS = {'fd': 'FD', 'fd_tempo': 'FD-tempo', 'fvd': 'FVD', 'dtfvd': 'DTFVD', 'lpips': 'LPIPS',
           'div': 'DIV', 'psnr_db': 'PSNR', 'ssim': 'SSIM', 'two_sample_auc': 'AUC',
           'gflop_per_clip': 'GFLOP', 'clips_per_second': 'clips/s'}


@dataclass(frozen=True)
class Table1:
    """What to make.

    Attributes:
        data: name of the data set, by which configs are found: `lddm/DATA.py` for lddm,
            `lddm/DATA_GENERATOR.py` for the others, `r3d_DATA_real.py` for the network of the
            Fréchet distance and, if there is one, `r3d_DATA_tempo.py` for that of a second one;
            where size isn't 64, `DATA_SIZE` stands for DATA in the first two.
        configs: folder of the configs.
        work_dir: where trainings go.
        out: the results, a JSON file that is written again after every row.
        generators, seeds: the rows.
        size: height and width of the clips, in pixels.
        sampler_steps: with how many steps of its sampler LDDM's distance is measured besides.
        redo: measure rows again that stand in `out`; trainings that are finished stay.
        networks: what looks at the clips, but for the networks of the Fréchet distances.
        options: how much is measured; the seed is the row's.
        segments: clips of each held-out video.
        train_segments: clips of each training video, for the memorisation audit.
        amp: train in mixed precision.
        device: to synthesize and measure on.
        command: what was typed, for the record.
    """
    data: str
    configs: Path
    work_dir: Path
    out: Path
    generators: Sequence[str] = GENERATORS
    seeds: Sequence[int] = (0, 1, 2)
    size: int = 64
    sampler_steps: Sequence[int] = ()
    redo: bool = False
    networks: EvaluationNetworks = EvaluationNetworks()
    options: SynthesisOptions = SynthesisOptions()
    segments: int = 2
    train_segments: int = 3
    amp: bool = False
    device: str = 'cpu'
    command: str = ''

    def __post_init__(self) -> None:
        unknown = sorted({*self.generators} - {*GENERATORS})
        if unknown:
            raise ValueError(f'Table1: generators are {", ".join(GENERATORS)}, '
                             f'but got {", ".join(unknown)}')
        if not all(0 <= seed < 2**32 for seed in self.seeds):
            raise ValueError(f'Table1: seeds must lie in [0, 2^32), but got {list(self.seeds)}')
        if not all(1 <= steps <= STEPS for steps in self.sampler_steps):
            raise ValueError(f'Table1: sampler_steps must lie in [1, {STEPS}], but got '
                             f'{list(self.sampler_steps)}')
        for config in (self.recognizer, *map(self.config, self.generators)):
            if not config.is_file():
                raise FileNotFoundError(f'Table1: there is no config {config}; add it, or choose '
                                        'other generators, another size or other data')

    @property
    def recognizer(self) -> Path:
        return self.configs / f'r3d_{self.data}_real.py'

    @property
    def feature_configs(self) -> dict[str, Path]:
        """Figure → the recognizer in which it is taken."""
        tempo = self.configs / f'r3d_{self.data}_tempo.py'
        return {'fd': self.recognizer} | ({'fd_tempo': tempo} if tempo.is_file() else {})

    @property
    def precision(self) -> tuple[str, ...]:
        """Sets weights that were learnt in full precision apart from others."""
        return () if self.amp else ('float32',)

    def config(self, generator: str) -> Path:
        data = self.data if self.size == 64 else f'{self.data}_{self.size}'
        return self.configs / 'lddm' / (f'{data}.py' if generator == 'lddm' else
                                        f'{data}_{generator}.py')


def make_table1(table: Table1) -> dict[str, Any]:
    """Train and measure what is missing; what then stands in `out`."""
    results = _read_results(table)
    clips = _read_clips(table)
    features = {figure: _feature_network(table, config)
                for figure, config in table.feature_configs.items()}
    for seed in table.seeds:
        for name in table.generators:
            if not table.redo and _done(results['rows'], table, name, seed):
                print(f'{name}, seed {seed}: done before', flush=True)
                continue
            row = _make_row(table, name, seed, clips, features)
            _put(results['rows'], row)
            _write_results(table, results)
            print(f'{name}, seed {seed}: FD {row["fd"]:.3g}, trained in '
                  f'{row["training_seconds"]:.0f} s', flush=True)
    for seed in table.seeds if 'lddm' in table.generators else ():
        for steps in table.sampler_steps:
            if table.redo or not _done(results['sampler_steps'], table, 'lddm', seed, steps):
                _put(results['sampler_steps'], _compare_steps(table, seed, steps, clips[0],
                                                             features['fd']))
                _write_results(table, results)
    return results


def format_table1(results: Mapping[str, Any]) -> str:
    """The mean over seeds of every figure, ± its standard deviation; then the paper's rows."""
    rows = results['rows']
    shown = [key for key in COLUMNS if any(row.get(key) is not None for row in rows)]
    lines = [['generator', 'seeds', *(COLUMNS[key] for key in shown)]]
    for name in GENERATORS:
        same = [row for row in rows if row['generator'] == name]
        if same:
            lines.append([name, str(len(same)), *(_mean(same, key) for key in shown)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [' '.join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines]
    for name, figures in PAPER.items():
        text.append(f'the paper, {name}: ' + ', '.join(
            f'{COLUMNS[key]} {value:g}' for key, value in figures.items()))
    return '\n'.join([*text, *_conclusions(results)])


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> str:
    values = [row[key] for row in rows if row.get(key) is not None]
    if not values:
        return '-'
    spread = f'±{np.std(values, ddof=1):.2g}' if len(values) > 1 else ''
    return f'{np.mean(values):.3g}{spread}'


def _conclusions(results: Mapping[str, Any]) -> Iterator[str]:
    """What the figures are called, and how LDDM and its baseline compare."""
    rows = results['rows']
    for key in ('fd_network', 'fd_tempo_network', 'lpips_name', 'div_name'):
        names = sorted({row[key] for row in rows if row.get(key)})
        if names:
            yield f'{COLUMNS[key.rpartition("_")[0]]}: {", ".join(names)}'
    for key in ('fd', 'fd_tempo', 'fvd', 'dtfvd'):
        sizes = {(row[f'{key}_clips'], row[f'{key}_features']) for row in rows
                 if row.get(f'{key}_clips')}
        for clips, features in sorted(sizes):
            few = ' (fewer clips than features: too large)' if clips <= features else ''
            yield f'{COLUMNS[key]}: of N = {clips} clips, in D = {features} features{few}'
    yield f'GFLOP: per clip, {FLOP_CONVENTION}; clips/s: one process on one thread or one GPU'
    fd = {name: [row['fd'] for row in rows if row['generator'] == name] for name in PAPER}
    if all(fd.values()):
        yield (f"LDDM's FD is {np.mean(fd['lddm']) / np.mean(fd['cinn']):.2f} × cINN's; "
               f"the paper's FVD is {PAPER['lddm']['fvd'] / PAPER['cinn']['fvd']:.2f} ×")
    rates = {name: [row['clips_per_second'] for row in rows if row['generator'] == name]
             for name in ('lddm', 'cinn_paper')}
    if all(rates.values()):
        yield (f'LDDM makes {np.mean(rates["lddm"]) / np.mean(rates["cinn_paper"]):.1f} × as many '
               'clips per second as the published cINN')
    for row in results['sampler_steps']:
        yield (f'LDDM, seed {row["seed"]}: FD {row["fd"]:.3g} with {row["steps"]} steps, '
               f'{row["fd_default"]:.3g} with {row["default_steps"]} '
               f'({row["change"]:+.1%})')


def _read_clips(table: Table1) -> tuple[ClipSet, ClipSet]:
    """Held-out clips, and those of the training, of the videos that LDDM's autoencoder has."""
    stages = list(_stage_configs(table.config('lddm')).values())
    generator = build_generator(stages[-1])                       # knows size, length and tempo
    held_out, training = stages[0].val_dataloader.dataset, stages[0].train_dataloader.dataset
    return (_read(held_out, generator, table.segments),
            _read(training, generator, table.train_segments))


def _read(dataset: Mapping[str, Any], generator: Generator, segments: int) -> ClipSet:
    return read_split(dataset['ann_file'], dataset.get('split'), generator, segments,
                      data_root=dataset.get('data_root'), split_file=dataset.get('split_file'))


def _feature_network(table: Table1, config_file: Path) -> RecognizerFeatures:
    """A recognizer in which a Fréchet distance is taken, trained once on real clips."""
    config = Config.fromfile(config_file)
    folder = table.work_dir / f'{config_file.stem}_{_identity([config])}'
    config.work_dir = str(folder)
    config.log_level = 'WARNING'
    checkpoint, measured = train_stage(config, resume=True)
    accuracy = measured.get('video/accuracy', measured.get('acc/top1'))
    print(f'{config_file.stem}: accuracy {accuracy:.2f} on held-out videos', flush=True)
    return RecognizerFeatures(config_file, checkpoint, device=table.device)


def _make_row(table: Table1, name: str, seed: int, clips: tuple[ClipSet, ClipSet],
              features: Mapping[str, Any]) -> dict[str, Any]:
    package, seconds = _train(table, name, seed)
    generator = load_package(package, table.device)
    if generator.size != table.size:
        raise ValueError(f'Table1: clips of {table.size} pixels were asked for, but '
                         f'{table.config(name)} makes {generator.size}')
    began = time.perf_counter()
    figures = evaluate_synthesis(generator, *clips, replace(table.networks, **features),
                                 replace(table.options, seed=seed))
    return dict(
        generator=name, seed=seed, size=generator.size,
        **{key: value for key, value in figures.items() if key != 'protocol'},
        gflop_per_clip=gflop_per_clip(generator), clips_per_second=clips_per_second(generator),
        training_seconds=seconds, evaluation_seconds=round(time.perf_counter() - began, 1),
        sampler=generator.sampler, package_sha256=generator.package_sha256,
        identity=_row_identity(table, name, seed))


def _train(table: Table1, name: str, seed: int) -> tuple[Path, float]:
    """A generator's package, and the seconds that its stages took to train.

    Generators share a stage whose config, and whose earlier stages' configs, are the same.
    """
    config_file = table.config(name)
    stages = _stage_configs(config_file)
    folders: dict[str, Path] = {}
    options: dict[str, Any] = {}
    for number, stage in enumerate(stages, 1):
        known_by = _identity(list(stages.values())[:number], seed, *table.precision)
        folders[stage] = table.work_dir / f'{Path(stages[stage].filename).stem}_{known_by}'
        if 'stages' in Config.fromfile(config_file) and 'model' in stages[stage]:
            options |= {f'{stage}.log_level': 'WARNING', f'{stage}.default_hooks.progress': dict(
                type='ProgressBarHook', title=f'{name}, seed {seed}: {stage}')}
    folder = table.work_dir / f'{name}_{_identity(stages.values(), seed, *table.precision)}'
    if not (folder / SUMMARY).exists() or not (folder / 'package' / CARD).exists():
        train_generator(config_file, folder, resume=True, options=options, seed=seed,
                        amp=table.amp, folders=folders)
    measured = json.loads((folder / SUMMARY).read_bytes())
    return folder / 'package', sum(part.get('seconds', 0.) for part in measured.values())


def _compare_steps(table: Table1, seed: int, steps: int, real: ClipSet, fd: FeatureNetwork
                   ) -> dict[str, Any]:
    """LDDM's Fréchet distance with so many steps and with its own, from the same noise."""
    generator = load_package(_train(table, 'lddm', seed)[0], table.device)
    theirs = fd(real.clips)
    few, many = (fd(generate_clip_set(sampled, real, seed).clips)
                 for sampled in (generator, _with_steps(generator, steps)))
    distances = [frechet_distance(ours, theirs) for ours in (few, many)]
    return dict(
        generator='lddm', seed=seed, steps=steps, default_steps=generator.sampler['steps'],
        fd=distances[1], fd_default=distances[0], change=distances[0] / distances[1] - 1,
        change_interval=group_interval(
            lambda chosen: (frechet_distance(few[chosen], theirs[chosen])
                            / frechet_distance(many[chosen], theirs[chosen]) - 1),
            real.groups, resamples=table.options.resamples, seed=seed),
        fd_network=fd.name, identity=_row_identity(table, 'lddm', seed))


def _with_steps(generator: Generator, steps: int) -> Generator:
    other = MODELS.build({**generator.config, 'steps': steps})
    other.load_state_dict(generator.state_dict())
    device = next(generator.parameters()).device
    return other.eval().requires_grad_(False).to(device)


def _stage_configs(config_file: Path) -> dict[str, Config]:
    config = Config.fromfile(config_file)
    if 'stages' not in config:
        return {config_file.stem: config}
    return {name: Config.fromfile(config_file.parent / path)
            for name, path in config.stages.items()}


def _identity(configs: Iterable[Config], *more: Any) -> str:
    """Changes when a config does, or a table that it names."""
    plain = [config.to_dict() for config in configs]
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
    return _identity([*_stage_configs(table.config(name)).values(),
                      *map(Config.fromfile, table.feature_configs.values())], seed,
                     *table.precision)


def _done(rows: Sequence[Mapping[str, Any]], table: Table1, name: str, seed: int,
          steps: int | None = None) -> bool:
    return any((row['generator'], row['seed'], row.get('steps')) == (name, seed, steps)
               and row['identity'] == _row_identity(table, name, seed) for row in rows)


def _put(rows: list[dict[str, Any]], row: dict[str, Any]) -> None:
    """In place of the older one, and in the paper's order."""
    def place(row: Mapping[str, Any]) -> tuple:
        return GENERATORS.index(row['generator']), row['seed'], row.get('steps', 0)

    rows[:] = sorted([other for other in rows if place(other) != place(row)] + [row], key=place)


def _read_results(table: Table1) -> dict[str, Any]:
    protocol = _protocol(table)
    if not table.out.is_file():
        return dict(rows=[], sampler_steps=[], paper=PAPER, protocol=protocol)
    try:
        results = json.loads(table.out.read_bytes())
        rows = [(GENERATORS.index(row['generator']), row['seed'], row['identity'])
                for row in results['rows'] + results['sampler_steps']]
        before = dict(results['protocol'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'Table1: {table.out} holds no results of this tool ({error}); name '
                         'another --out, or remove it') from error
    if rows and before != json.loads(json.dumps(protocol)):
        changed = sorted(key for key in protocol
                         if json.loads(json.dumps(protocol[key])) != before.get(key))
        raise ValueError(f'Table1: the rows in {table.out} were measured in another way '
                         f'({", ".join(changed)} differ); name another --out, or remove it')
    return results


def _protocol(table: Table1) -> dict[str, Any]:
    """What all rows have in common: rows that differ in it cannot be compared."""
    networks = {name: dict(name=network.name)
                for name in ('lpips', 'vgg', 'i3d', 'dti3d')
                if (network := getattr(table.networks, name)) is not None}
    return dict(
        data=table.data, size=table.size, fd_network=table.recognizer.stem,
        **{f'{figure}_config': _identity([Config.fromfile(config)])
           for figure, config in table.feature_configs.items()},
        networks=networks, options={key: value for key, value in asdict(table.options).items()
                                    if key != 'seed'},
        segments=table.segments, train_segments=table.train_segments, amp=table.amp,
        condition='the first frame of each held-out clip, and its class if a generator knows any',
        gflop=f'whole synthesis of one clip, {FLOP_CONVENTION}',
        clips_per_second='one process on one thread, or one GPU')


def _write_results(table: Table1, results: dict[str, Any]) -> None:
    results |= dict(
        paper=PAPER, protocol=_protocol(table), command=table.command,
        versions=versions() | {'python': platform.python_version(),
                               **{name: version(name) for name in ('mmengine', 'mmaction2')}},
        machine=dict(device=table.device, threads=torch.get_num_threads(),
                     processor=platform.machine()))
    table.out.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(table.out) as file:
        file.write(json.dumps(results, indent=1).encode() + b'\n')
