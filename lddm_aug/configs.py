"""Where configs lie, and what is chosen in them without editing a file.

MMEngine puts environment variables into a config when it reads one, so every tool follows them:

    RECOGNIZER    a file in _base_/models, as tsm or c3d_small
    TRAINING_SET  a function in datasets/training_sets.py, as lddm_mix
    DATASET       a file in _base_/datasets, as phantom; `folder`, the default, reads DATA
    DATA          a folder with videos.csv and stills.csv
    SPLIT         a file in the data's splits/, as 7_3_seed0
    SIZE          of generated clips, in pixels
    FRAMES        in a generated clip
    STRIDE        frames of the source video from one frame of a clip to the next
"""
from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.logging import MMLogger

PACKAGE = Path(__file__).parent
NUM_FRAMES, FRAME_STRIDE = 16, 3                     # the paper's: 16 frames of a segment of 48
FIRST_SPLIT = '7_3_seed0'
VARIABLES = ('RECOGNIZER', 'TRAINING_SET', 'DATASET', 'DATA', 'SPLIT', 'SIZE', 'FRAMES', 'STRIDE')
DEFAULTS: dict[str, str | None] = dict.fromkeys(VARIABLES)        # a choice of nothing
# what a generator's clips are called; others are called as their recipe
CLIPS = {'repeat_still': 'still', 'random_warp': 'warp', 'motion_transfer': 'transfer',
         'noisy_still': 'noisy_still'}
SHAPE = ('SIZE', 'FRAMES', 'STRIDE')
FRAMES_MULTIPLE = 4                                  # by which latents compress time
# two places of the latent, of 8 × 8 pixels in clips up to SMALL and of 16 × 16 in larger ones
SMALL, SMALL_MULTIPLE, LARGE_MULTIPLE = 64, 16, 32
UNQUOTABLE = ("'", '"', '\\', '\n')                  # a value becomes text in quotes


def config_root() -> Path:
    """The folder of the configs: the checkout's, or what the wheel carries."""
    checkout = PACKAGE.parent / 'mmaction_configs'
    return checkout if checkout.is_dir() else PACKAGE / '.mim' / 'configs'


def config_names() -> list[str]:
    """Every config that can be named, as `lddm/cinn`; not the parts in `_base_`."""
    root = config_root()
    found = (path.relative_to(root) for path in root.rglob('*.py'))
    return sorted(path.with_suffix('').as_posix() for path in found if '_base_' not in path.parts)


def part_names(kind: str) -> list[str]:
    """The files in `_base_/KIND`, as datasets or models, by which a choice is made."""
    return sorted(path.stem for path in (config_root() / '_base_' / kind).glob('*.py'))


def data_names() -> list[str]:
    """The data sets that are known by name."""
    return [name for name in part_names('datasets') if name != 'folder']


def find_config(name: str | Path) -> Path:
    """A config's file: a path, or a name as `tsm_busv_lddm_mix`, `lddm/cinn` or `cinn`.

    Names are found from any folder, with or without `.py` and the `mmaction_configs/` before it.

    Raises:
        ValueError: if there is no such config; the message names those that are alike.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    asked = path.with_suffix('') if path.suffix == '.py' else path
    below = asked.as_posix().rpartition('mmaction_configs/')[2]
    names = config_names()
    found = [each for each in names if each == below] or [
        each for each in names if each.rpartition('/')[2] == below]
    if len(found) == 1:
        return config_root() / f'{found[0]}.py'
    raise ValueError(f'there is no config {name}{suggestion(asked.name, names)}; '
                     'name a file, or one of those that `lddm-aug configs list` shows')


def find_recipe(name: str | Path) -> tuple[Path, dict[str, str]]:
    """A generator's config, and the choice that its name makes.

    Args:
        name: a path; a recipe in lddm/, as `cinn`; or data, size and recipe as generators' folders
            are called, `phantom_128_cinn`, of which all but the data may be left out.

    Raises:
        ValueError: if there is no such generator.
    """
    path = Path(name).expanduser()
    stem = path.stem if path.suffix == '.py' else path.name
    if path.is_file() or stem in recipe_names():
        return find_config(path), {}
    named = path.parent.as_posix() == '.' or path.parent.name == 'lddm'
    for data in data_names() if named else ():
        found = re.fullmatch(rf'{data}(?:_(\d+))?(?:_(\w+?))?', stem)
        if found is None:
            continue
        size, recipe = found[1], {None: 'lddm', 'paper': 'lddm_paper'}.get(found[2], found[2])
        if recipe in recipe_names():
            return find_config(f'lddm/{recipe}'), choose(data, size=int(size) if size else None)
    names = recipe_names()
    raise ValueError(f'there is no generator {name}{suggestion(stem, names)}; name one of the '
                     f'recipes {", ".join(names)} and its data, or a config of your own')


def recipe_names() -> list[str]:
    """The generators that can be trained."""
    return sorted(path.stem for path in (config_root() / 'lddm').glob('*.py'))


def recipe_of(clips: str) -> str:
    """The recipe of the generator whose clips have this name, as still → repeat_still."""
    if clips == 'lddm_blind':                        # LDDM, but unconditional
        return 'lddm'
    return {name: recipe for recipe, name in CLIPS.items()}.get(clips, clips)


def choose(data: str | Path | None = None, *, size: int | None = None, frames: int | None = None,
           stride: int | None = None, split: str | None = None, recognizer: str | None = None,
           training_set: str | None = None) -> dict[str, str]:
    """The environment variables of a choice; what is None is left as it is.

    Args:
        data: a folder with videos.csv, or the name of a file in `_base_/datasets`, or the path of
            one of your own.
        size: of generated clips, in pixels: a multiple of 16 up to 64, of 32 above.
        frames: in a generated clip, a multiple of 4.
        stride: frames of the source video from one frame of a clip to the next.
        split: name of a file in the data's splits/, with or without `.csv`.
        recognizer: name of a file in `_base_/models`, or the path of one of your own.
        training_set: as the configs' names end, `real` or `lddm_mix`.

    Raises:
        ValueError: naming the choice that can't be made, and what can.
    """
    choice = _choose_data(data)
    shape = dict(zip(SHAPE, (size, frames, stride), strict=True))
    choice |= {name: str(value) for name, value in shape.items() if value is not None}
    _require_shape(choice)
    if recognizer is not None:
        choice['RECOGNIZER'] = _part_of_ones_own('models', recognizer) or recognizer
        if choice['RECOGNIZER'] == recognizer:
            _require_known('recognizer', recognizer, part_names('models'))
    if split is not None:
        choice['SPLIT'] = split.removesuffix('.csv')
    if training_set is not None:
        choice['TRAINING_SET'] = training_set
    for name, value in choice.items():
        if not value or any(letter in value for letter in UNQUOTABLE):
            raise ValueError(f'{name} becomes text in a config and can hold no quotes, backslashes '
                             f'or line breaks, nor be blank, but got {value!r}')
    return choice


@contextmanager
def environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables for a while; those that are None are taken away."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def read_config(name: str | Path, choice: Mapping[str, str | None] | None = None) -> Config:
    """Read a config as chosen.

    Args:
        name: as for `find_config`.
        choice: environment variables, None for those that must not be set; those that aren't named
            are as they are.
    """
    with environment(choice or {}), _quiet():
        return Config.fromfile(find_config(name))


def generator_folder(config: Config) -> Path:
    """Where a generator is trained and its package lies, by default."""
    stem = Path(config.filename).stem
    pattern = config.get('data', {}).get('generators', f'work_dirs/lddm/{stem}')
    return Path(fill(pattern, recipe=stem))


def store_folder(config: Config) -> Path:
    """Where the clips of a generator's recipe lie, for the training sets to find them."""
    stem = Path(config.filename).stem
    pattern = config.get('data', {}).get('stores', 'work_dirs/synthetic/{clips}')
    return Path(fill(pattern, clips=CLIPS.get(stem, stem)))


class Choice(NamedTuple):
    """The shape of generated clips and the split; in names, what differs from the defaults.

    Attributes:
        split: name of a file in the data's splits/; blank for the table's own split.
        sized: as `_128`; blank for the default size.
        variant: all that isn't the default, as `_128_32frames_stride2_3_7_seed1`.
    """
    size: int
    num_frames: int
    frame_stride: int
    split: str
    sized: str
    variant: str


def chosen(size: int, split: str = '') -> Choice:
    """What SIZE, FRAMES, STRIDE and SPLIT choose, for a config of data.

    Args:
        size: where SIZE says nothing.
        split: where SPLIT says nothing.

    Raises:
        ValueError: if a size, a number of frames or a stride can't be had.
    """
    defaults = dict(SIZE=str(size), FRAMES=str(NUM_FRAMES), STRIDE=str(FRAME_STRIDE), SPLIT=split)
    values = {name: os.environ.get(name) or default for name, default in defaults.items()}
    _require_shape(values)
    sized, frames, stride, of_split = [
        '' if values[name] == defaults[name] else form.format(values[name])
        for name, form in (('SIZE', '_{}'), ('FRAMES', '_{}frames'), ('STRIDE', '_stride{}'),
                           ('SPLIT', '_{}'))]
    return Choice(int(values['SIZE']), int(values['FRAMES']), int(values['STRIDE']),
                  values['SPLIT'], sized, sized + frames + stride + of_split)


def default_split(folder: str) -> str:
    """The split of a folder of one's own: that of the paper's 7:3, if it was drawn."""
    return FIRST_SPLIT if Path(folder, 'splits', f'{FIRST_SPLIT}.csv').is_file() else ''


def split_file(folder: str, split: str) -> dict[str, str]:
    """A data set's argument that names a split; none where the table's own is meant."""
    return {'split_file': f'{folder}/splits/{split}.csv'} if split else {}


def fill(pattern: str, **names: str) -> str:
    """Where something goes: `work_dirs/synthetic/phantom_{clips}` with the clips' name put in.

    `{recipe}` is a generator's recipe, and `{_recipe}` the same but for LDDM, which has no ending.
    """
    if 'recipe' in names:
        names['_recipe'] = '' if names['recipe'] == 'lddm' else f'_{names["recipe"]}'
    for key, name in names.items():
        pattern = pattern.replace(f'{{{key}}}', name.rpartition('/')[2])
    return pattern


@contextmanager
def _quiet() -> Iterator[None]:
    """MMEngine logs every variable in every file that it reads."""
    if not any(name in os.environ for name in VARIABLES):
        yield
        return
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')
    try:
        yield
    finally:
        logger.setLevel(level)


def _choose_data(data: str | Path | None) -> dict[str, str]:
    if data is None:
        return {}
    if Path(data).is_dir():
        return {'DATASET': 'folder', 'DATA': str(data)}
    if own := _part_of_ones_own('datasets', data):
        return {'DATASET': own}
    names = data_names()
    if str(data) not in names:
        raise ValueError(f'data: there is no folder {data}, and no data set of that name'
                         f'{suggestion(str(data), names)}; name a folder, or one of '
                         f'{", ".join(names)}')
    return {'DATASET': str(data)}


def _part_of_ones_own(kind: str, given: str | Path) -> str:
    """A file that isn't in `_base_/KIND`, as it is named from there; blank for all else."""
    path = Path(given).expanduser()
    if path.suffix != '.py' or not path.is_file():
        return ''
    folder = (config_root() / '_base_' / kind).resolve()
    return Path(os.path.relpath(path.resolve().with_suffix(''), folder)).as_posix()


def _require_shape(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name not in SHAPE:
            continue
        number = int(value) if value.isdecimal() else 0
        step = {'STRIDE': 1, 'FRAMES': FRAMES_MULTIPLE,
                'SIZE': SMALL_MULTIPLE if number <= SMALL else LARGE_MULTIPLE}[name]
        rule = {'STRIDE': 'a whole number from 1 on',
                'FRAMES': f'a multiple of {FRAMES_MULTIPLE}',
                'SIZE': f'a multiple of {SMALL_MULTIPLE} pixels up to {SMALL}, and of '
                        f'{LARGE_MULTIPLE} above'}[name]
        if number < 1 or number % step:
            raise ValueError(f'{name.lower()} of clips must be {rule}, but got {value}')


def _require_known(what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise ValueError(f'{what}: there is no {name!r}{suggestion(name, names)}; choose among '
                         f'{", ".join(names)}')


def suggestion(name: str, known: Iterable[str]) -> str:
    """What may be meant by a name that isn't known; blank if nothing is alike."""
    short = {each.rpartition('/')[2]: each for each in known}
    alike = [short[each] for each in difflib.get_close_matches(name, short, 3)]
    return f' (did you mean {" or ".join(alike)}?)' if alike else ''


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
