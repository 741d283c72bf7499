"""Which trainings a study consists of."""
from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from mmengine.config import Config

from lddm_aug import configs
from lddm_aug.configs import (
    DEFAULTS,
    choose,
    config_names,
    find_config,
    find_recipe,
    part_names,
    recipe_of,
)
from lddm_aug.datasets.mixed import MAX_PER_REAL
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.experiments.study.training_sets import TrainingSet

RECOGNIZERS = ('c3d', 'tsm', 'tdn', 'atmnet')
SMALL = '_small'                                     # how the recognizers for a CPU are called
FORMS = ('small', 'lungs', 'full')
GIVEN = 'given'            # the split that the table of videos itself has; given-8: 8 of its groups
DRAWN = 'drawn'            # roles drawn anew by the seed; drawn-8: 8 of the groups that give videos
MAX_SEED = 2**32


@dataclass(frozen=True)
class Study:
    """What to run.

    Attributes:
        data: folder with videos.csv, stills.csv, splits/ and, for the oracle, oracle.csv.
        work_dir: where generators, clips and trainings go.
        out: the file with one line per training; the videos' scores go beside it.
        recognizers: names of files in the configs' _base_/models.
        training_sets: names as in training_sets.py.
        ratios: as 7:3, for the split in splits/7_3_seed0.csv; `given` for the table's own, and
            `given-8` for 8 of its training groups, drawn by the seed, and its whole test.
        seeds: of split, generator, clips and recognizer.
        synthetic_per_real: of the mixes, one training each.
        form: small networks for a CPU, the same that also see frame differences (TSM and C3D),
            or full ones; the same for every training set.
        generators: data, and size, whose generators are taken, as phantom or phantom_128.
        iterations: of every training, in place of the configs'.
        generator_options: values for the generators' configs, by dotted key with the stage first.
        data_root: folder the tables' paths are relative to; by default `data`.
        stills: table of stills in place of the folder's, its paths relative to its own folder.
        jobs: trainings at a time.
        threads: of each.
    """
    data: Path
    work_dir: Path
    out: Path
    recognizers: tuple[str, ...] = RECOGNIZERS
    training_sets: tuple[str, ...] = ('real', 'real_twice', 'still_mix', 'transfer_mix', 'cinn_mix',
                                      'lddm_mix', 'synthetic', 'oracle')
    ratios: tuple[str, ...] = ('7:3', '5:5', '3:7')
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    synthetic_per_real: tuple[float, ...] = (1.,)
    form: str = 'small'
    generators: str = 'phantom'
    iterations: int | None = None
    generator_options: tuple[tuple[str, Any], ...] = ()
    data_root: Path | None = None
    stills: Path | None = None
    jobs: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, 'generator_options', _tuples(self.generator_options))
        for name in self.training_sets:
            TrainingSet.parse(name)
        for what, given, known in (('recognizer', self.recognizers, known_recognizers()),
                                   ('form', [self.form], FORMS)):
            unknown = [name for name in given if name not in known]
            if unknown:
                raise ValueError(f'Study: {what} must be one of {", ".join(known)}, but got '
                                 f'{", ".join(unknown)}')
        missing = [recognizer for recognizer in self.recognizers if not self._has(recognizer)]
        if missing:
            raise ValueError(f'Study: form {self.form!r} has no config for {", ".join(missing)}; '
                             'add one or leave it out')
        if not find_recipe(self.generators)[1]:
            raise ValueError('Study: generators names data whose generators are taken, as phantom, '
                             f'but got {self.generators!r}')
        for name in ('recognizers', 'training_sets', 'ratios', 'seeds', 'synthetic_per_real'):
            if not getattr(self, name):
                raise ValueError(f'Study: {name} must name at least one, but got none')
        if not all(0 <= seed < MAX_SEED for seed in self.seeds):
            raise ValueError(f'Study: seeds must lie in [0, 2^32), but got {list(self.seeds)}')
        if not all(0 < ratio <= MAX_PER_REAL for ratio in self.synthetic_per_real):
            raise ValueError('Study: synthetic_per_real counts synthetic clips per real clip and '
                             f'must be above 0 and at most {MAX_PER_REAL}, but got '
                             f'{list(self.synthetic_per_real)}')
        odd = [ratio for ratio in self.ratios
               if not re.fullmatch(rf'\d+:\d+|({GIVEN}|{DRAWN})(-[1-9]\d*)?', ratio)]
        if odd:
            raise ValueError(f"Study: a ratio is train:test, as 7:3, or '{GIVEN}', or '{DRAWN}' "
                             f"for roles drawn anew, or '{GIVEN}-8' or '{DRAWN}-8' for 8 training "
                             f"groups, but got {', '.join(odd)}")
        if self.stills is not None and any(ratio.startswith(DRAWN) for ratio in self.ratios):
            raise ValueError(f'Study: {DRAWN} takes stills from the videos of its own groups, but '
                             f'got stills={str(self.stills)!r}; leave one of the two out')
        for what, number in (('iterations', self.iterations), ('jobs', self.jobs),
                             ('threads', self.threads)):
            if number is not None and number < 1:
                raise ValueError(f'Study: {what} must be at least 1, but got {number}')

    @property
    def root(self) -> Path:
        return self.data if self.data_root is None else self.data_root

    def tables(self, ratio: str, seed: int) -> Path:
        """The folder with the tables of a split: the data's, or those of roles drawn anew."""
        drawn = ratio.startswith(DRAWN)
        return self.split_folder(ratio, seed) / 'roles' if drawn else self.data

    def stills_table(self, ratio: str, seed: int) -> tuple[Path, Path]:
        """The table of stills, and the folder that its paths are relative to."""
        if self.stills is None or ratio.startswith(DRAWN):
            return self.tables(ratio, seed) / 'stills.csv', self.root
        return self.stills, self.stills.parent

    def recognizer_config(self, recognizer: str) -> Config:
        """Of real videos: how they are read comes with the form, which of them with the study."""
        if self.form == 'lungs':
            return read_config(f'{recognizer}_covid_blues_real', ())
        model, data = ((f'{recognizer}{SMALL}', 'phantom') if self.form == 'small' else
                       (recognizer, 'busv'))
        return read_config('recognizer', tuple(choose(data, recognizer=model).items()))

    def generator_stages(self, generator: str) -> dict[str, Config]:
        """The stages of a generator whose clips have this name."""
        return generator_stages(recipe_of(generator), self.generators)

    def _has(self, recognizer: str) -> bool:
        name = {'small': f'{recognizer}{SMALL}', 'full': recognizer}.get(self.form)
        return (f'{recognizer}_covid_blues_real' in config_names() if name is None else
                name in part_names('models'))

    def split_file(self, ratio: str, seed: int) -> Path | None:
        """None where the table's own split is meant."""
        if ratio in (GIVEN, DRAWN):
            return None
        if ratio.startswith((GIVEN, DRAWN)):
            return self.split_folder(ratio, seed) / 'split.csv'      # study.py draws it
        return self.data / 'splits' / f'{ratio.replace(":", "_")}_seed{seed}.csv'

    def split_folder(self, ratio: str, seed: int) -> Path:
        return self.work_dir / f'{ratio.replace(":", "_")}_seed{seed}'

    def videos(self, ratio: str, seed: int) -> dict[str, Any]:
        """How a VideoClipDataset finds the videos of a split."""
        split_file = self.split_file(ratio, seed)
        return {'ann_file': str(self.tables(ratio, seed) / 'videos.csv'),
                'data_root': str(self.root),
                'split_file': None if split_file is None else str(split_file)}


@dataclass(frozen=True, order=True)
class Run:
    """One training; all that distinguishes it from the others of its study."""
    recognizer: str
    training_set: str
    ratio: str
    seed: int
    synthetic_per_real: float | None = None

    @property
    def name(self) -> str:
        times = '' if self.synthetic_per_real in (None, 1) else f' ×{self.synthetic_per_real:g}'
        return f'{self.recognizer} {self.training_set}{times} {self.ratio} seed {self.seed}'

    @property
    def key(self) -> dict[str, Any]:
        return asdict(self)

    def folder(self, study: Study) -> Path:
        times = '' if self.synthetic_per_real in (None, 1) else f'_x{self.synthetic_per_real:g}'
        return (study.split_folder(self.ratio, self.seed) / 'recognizers'
                / f'{self.recognizer}_{self.training_set}{times}')

    def of(self, training_set: str) -> Run:
        """The same training on another training set without a ratio of its own."""
        return Run(self.recognizer, training_set, self.ratio, self.seed)


def runs_of(study: Study) -> list[Run]:
    """Every training once, those of one split together; what a filter learns from is added."""
    runs: dict[Run, None] = {}
    for seed, ratio, name, recognizer in product(study.seeds, study.ratios, study.training_sets,
                                                 study.recognizers):
        training_set = TrainingSet.parse(name)
        if 'filtered' in training_set.options:
            runs[Run(recognizer, 'real', ratio, seed)] = None
        for times in study.synthetic_per_real if training_set.is_mix else (None,):
            runs[Run(recognizer, name, ratio, seed, times)] = None
    return list(runs)


def _tuples(value: Any) -> Any:
    """Tuples in place of lists, which a command line gives and which no cache can look up."""
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def known_recognizers() -> list[str]:
    """Those that there are configs for, the usual ones first."""
    names = [name for name in part_names('models') if not name.endswith(SMALL)]
    return [*(name for name in RECOGNIZERS if name in names),
            *(name for name in names if name not in RECOGNIZERS)]


def read_config(name: str, choice: tuple[tuple[str, str], ...]) -> Config:
    """A config to change; hundreds of trainings begin from the same few."""
    return deepcopy(_read_config(name, choice))


@cache
def _read_config(name: str, choice: tuple[tuple[str, str], ...]) -> Config:
    return _unformatted(configs.read_config(name, DEFAULTS | dict(choice)))


@cache
def generator_stages(recipe: str, data: str) -> dict[str, Config]:
    """The stages of a recipe on data, as phantom_128."""
    choice = DEFAULTS | find_recipe(data)[1]
    return {name: _unformatted(stage) for name, stage in
            stage_configs(find_config(f'lddm/{recipe}'), choice=choice).items()}


def _unformatted(config: Config) -> Config:
    """MMEngine formats the text six times a training, which outlasts a small training."""
    return Config(config.to_dict(), filename=config.filename, format_python_code=False)
