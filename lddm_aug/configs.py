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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

PACKAGE = Path(__file__).parent
NUM_FRAMES, FRAME_STRIDE = 16, 3                     # the paper's: 16 frames of a segment of 48
FRAMES_MULTIPLE = 4                                  # by which latents compress time
# two places of the latent, of 8 × 8 pixels in clips up to SMALL and of 16 × 16 in larger ones
SMALL, SMALL_MULTIPLE, LARGE_MULTIPLE = 64, 16, 32
UNQUOTABLE = ("'", '"', '\\', '\n')                  # a value becomes text in quotes


def config_root() -> Path:
    """The folder of the configs: the checkout's, or what the wheel carries."""
    checkout = PACKAGE.parent / 'mmaction_configs'
    return checkout if checkout.is_dir() else PACKAGE / '.mim' / 'configs'


def config_names() -> list[str]:
    """Every config that can be asked for, as `lddm/cinn`; not the parts in `_base_`."""
    root = config_root()
    found = (path.relative_to(root) for path in root.rglob('*.py'))
    return sorted(path.with_suffix('').as_posix() for path in found if '_base_' not in path.parts)


def part_names(kind: str) -> list[str]:
    """The files in `_base_/KIND`, as datasets or models, by which a choice is made."""
    return sorted(path.stem for path in (config_root() / '_base_' / kind).glob('*.py'))


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
    wanted = asked.as_posix().rpartition('mmaction_configs/')[2]
    names = config_names()
    found = [each for each in names if each == wanted] or [
        each for each in names if each.rpartition('/')[2] == wanted]
    if len(found) == 1:
        return config_root() / f'{found[0]}.py'
    raise ValueError(f'there is no config {name}{_hint(asked.name, names)}; '
                     'name a file, or one of those that `lddm-aug configs list` shows')


def choose(data: str | Path | None = None, *, size: int | None = None, frames: int | None = None,
           stride: int | None = None, split: str | None = None, recognizer: str | None = None,
           training_set: str | None = None) -> dict[str, str]:
    """The environment variables of a choice; what is None is left as it is.

    Args:
        data: a folder with videos.csv, or the name of a file in `_base_/datasets`.
        size: of generated clips, in pixels: a multiple of 16 up to 64, of 32 above.
        frames: in a generated clip, a multiple of 4.
        stride: frames of the source video from one frame of a clip to the next.
        split: name of a file in the data's splits/, with or without `.csv`.
        recognizer: name of a file in `_base_/models`.
        training_set: as the configs' names end, `real` or `lddm_mix`.

    Raises:
        ValueError: naming the choice that can't be made, and what can.
    """
    chosen = _choose_data(data)
    shape = dict(SIZE=size, FRAMES=frames, STRIDE=stride)
    chosen |= {name: str(value) for name, value in shape.items() if value is not None}
    _require_shape(chosen)
    if recognizer is not None:
        _require_known('recognizer', recognizer, part_names('models'))
        chosen['RECOGNIZER'] = recognizer
    if split is not None:
        chosen['SPLIT'] = split.removesuffix('.csv')
    if training_set is not None:
        chosen['TRAINING_SET'] = training_set
    for name, value in chosen.items():
        if not value or any(letter in value for letter in UNQUOTABLE):
            raise ValueError(f'{name} becomes text in a config and can hold no quotes, backslashes '
                             f'or line breaks, nor be blank, but got {value!r}')
    return chosen


@contextmanager
def environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables for a while; those that are None are taken away."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def read_config(name: str | Path, chosen: Mapping[str, str | None] | None = None) -> Config:
    """Read a config as chosen.

    Args:
        name: as for `find_config`.
        chosen: environment variables, None for those that must not be set; those that aren't named
            are as they are.
    """
    with environment(chosen or {}):
        return Config.fromfile(find_config(name))


class ClipShape(NamedTuple):
    """The shape of generated clips, and what tells it from the data's default in names.

    Attributes:
        sized: as `_128`, blank for the default size.
        variant: the same with all that isn't the default, as `_128_32frames_stride2`.
    """
    size: int
    num_frames: int
    frame_stride: int
    sized: str
    variant: str


def clip_shape(size: int) -> ClipShape:
    """What SIZE, FRAMES and STRIDE choose.

    Args:
        size: where SIZE says nothing.

    Raises:
        ValueError: if one can't be had.
    """
    defaults = dict(SIZE=size, FRAMES=NUM_FRAMES, STRIDE=FRAME_STRIDE)
    given = {name: os.environ[name] for name in defaults if os.environ.get(name)}
    _require_shape(given)
    values = {name: int(given.get(name, default)) for name, default in defaults.items()}
    other = {name: value for name, value in values.items() if value != defaults[name]}
    sized = f'_{other["SIZE"]}' if 'SIZE' in other else ''
    frames = f'_{other["FRAMES"]}frames' if 'FRAMES' in other else ''
    stride = f'_stride{other["STRIDE"]}' if 'STRIDE' in other else ''
    return ClipShape(values['SIZE'], values['FRAMES'], values['STRIDE'], sized,
                     sized + frames + stride)


def _choose_data(data: str | Path | None) -> dict[str, str]:
    if data is None:
        return {}
    if Path(data).is_dir():
        return {'DATASET': 'folder', 'DATA': str(data)}
    names = [name for name in part_names('datasets') if name != 'folder']
    if str(data) not in names:
        raise ValueError(f'data: there is no folder {data}, and no data set of that name'
                         f'{_hint(str(data), names)}; name a folder, or one of {", ".join(names)}')
    return {'DATASET': str(data)}


def _require_shape(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name not in ('SIZE', 'FRAMES', 'STRIDE'):
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
        raise ValueError(f'{what}: there is no {name!r}{_hint(name, names)}; choose among '
                         f'{", ".join(names)}')


def _hint(name: str, known: Iterable[str]) -> str:
    short = {each.rpartition('/')[2]: each for each in known}
    alike = [short[each] for each in difflib.get_close_matches(name, short, 3)]
    return f' (did you mean {" or ".join(alike)}?)' if alike else ''


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
