"""Training sets by name: what a recognizer learns from beside its real videos, or instead of them.

A config names one by its function, which reads the config that it inherits:

    _base_ = './tsm_busv_real.py'
    from lddm_aug.datasets.training_sets import lddm_mix
    train_dataloader = dict(dataset=lddm_mix(_base_))

With lddm_online or lddm_device in the place of lddm_mix, clips are made while training.
A function with `@training_set` before it is one more, for configs, commands, demo and study alike.
RECIPE_mix, as cinn_paper_mix, needs no function: real videos and the clips of that recipe.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from lddm_aug.configs import CLIPS, fill, recipe_names, suggestion
from lddm_aug.datasets.transforms.sample_segment import SEGMENT

Base = Mapping[str, Any]                             # a config that has been read, and its `data`
Make = Callable[[Base], dict[str, Any]]
MakeT = TypeVar('MakeT', bound=Make)
MIX = '_mix'
OF_TRUE_CLIPS = ('oracle', 'shuffled', 'rebuilt_mix')    # need the true clips behind the stills


@dataclass(frozen=True)
class TrainingSet:
    """One training set.

    Attributes:
        make: config of a recognizer of real videos → its training data set.
        generator: who makes its clips, as stores are named; None if it has none.
        mixes: whether something joins the real videos at a ratio.
        stored: whether its clips come from a store.
    """
    make: Make
    generator: str | None = None
    mixes: bool = True
    stored: bool = True


TRAINING_SETS: dict[str, TrainingSet] = {}


def training_set(generator: str | None = None, mixes: bool = True, stored: bool = True
                 ) -> Callable[[MakeT], MakeT]:
    """Register a function by its name; see `TrainingSet`."""
    def register(make: MakeT) -> MakeT:
        TRAINING_SETS[make.__name__] = TrainingSet(make, generator, mixes, stored)
        return make
    return register


def find_training_set(name: str) -> TrainingSet:
    """A training set by its name.

    Raises:
        ValueError: if there is none.
    """
    recipe = name.removesuffix(MIX)
    if name not in TRAINING_SETS and name.endswith(MIX) and recipe in {*recipe_names()} - {*CLIPS}:
        return TrainingSet(partial(_mix_of, recipe), recipe)
    if name not in TRAINING_SETS:
        raise ValueError(f'training set: there is no {name!r}{suggestion(name, TRAINING_SETS)}; '
                         f'choose among {", ".join(TRAINING_SETS)}, or name a recipe and {MIX}')
    return TRAINING_SETS[name]


def is_training_set(name: str) -> bool:
    """Whether `find_training_set` knows the name."""
    try:
        find_training_set(name)
    except ValueError:
        return False
    return True


@training_set(mixes=False)
def real(base: Base) -> dict[str, Any]:
    """Real videos only."""
    return deepcopy(dict(base['train_dataloader']['dataset']))


@training_set()
def real_twice(base: Base) -> dict[str, Any]:
    """The duplicated-real control: each real clip once more in place of a generated one."""
    return mixed(base, dict(real(base), seed=1))


@training_set()
def oracle(base: Base) -> dict[str, Any]:
    """Real videos, and the true clips behind the stills, where they are known."""
    return mixed(base, _true_clips(base, 'oracle'))


@training_set()
def shuffled(base: Base) -> dict[str, Any]:
    """Control: the same, but the frames of the true clips are in random order."""
    joining = _true_clips(base, 'shuffled')
    pipeline = joining['pipeline']
    decode = [step['type'] for step in pipeline].index('ArrayDecode')
    return mixed(base, dict(joining, pipeline=[
        *pipeline[:decode], dict(type='ShuffleFrames'), *pipeline[decode:]]))


@training_set('lddm', stored=False)
def rebuilt_mix(base: Base) -> dict[str, Any]:
    """Ceiling: real videos, and the true clips behind the stills, through LDDM's autoencoder."""
    joining, size = _true_clips(base, 'rebuilt_mix'), base['data']['size']
    package = fill(base['data']['generators'], recipe='lddm') + '/package'
    read, *rest = joining['pipeline']
    return mixed(base, dict(joining, pipeline=[
        dict(read, size=size), dict(type='RebuildClip', package=package), *rest]))


@training_set('lddm', mixes=False)
def synthetic(base: Base) -> dict[str, Any]:
    """LDDM's clips only."""
    return dict(clips(base, 'lddm'), _delete_=True)


@training_set('lddm')
def lddm_mix(base: Base) -> dict[str, Any]:
    """Real videos, and one clip of LDDM per real clip."""
    return mixed(base, clips(base, 'lddm'))


@training_set('lddm', stored=False)
def lddm_online(base: Base) -> dict[str, Any]:
    """Real videos, and clips that LDDM makes anew in every epoch."""
    return mixed(base, _made_anew(base, lambda package, steps: [
        dict(type='SynthesizeClip', package=package), *steps]))


@training_set('lddm', stored=False)
def lddm_device(base: Base, **kept: Any) -> dict[str, Any]:
    """Real videos, and clips that LDDM makes anew in every epoch, on the training device.

    Args:
        kept: latents_per_still, refresh_every and seed of `DeferSynthesis`.
    """
    return mixed(base, _made_anew(base, lambda package, steps: [
        dict(type='DeferSynthesis', package=package, pipeline=steps, **kept)]))


@training_set('lddm', stored=False)
def lddm_bank(base: Base) -> dict[str, Any]:
    """The same, but of four latents per still, which are sampled anew every ten epochs."""
    return lddm_device(base, latents_per_still=4, refresh_every=10)


@training_set('lddm_blind')
def lddm_blind_mix(base: Base) -> dict[str, Any]:
    """Real videos, and clips of an unconditional LDDM: it has the still alone, as in the paper."""
    return mixed(base, clips(base, 'lddm_blind'))


@training_set('cinn')
def cinn_mix(base: Base) -> dict[str, Any]:
    """Real videos, and the clips of cINN, the paper's baseline."""
    return mixed(base, clips(base, 'cinn'))


@training_set('still')
def still_mix(base: Base) -> dict[str, Any]:
    """Control: real videos, and stills in which nothing moves."""
    return mixed(base, clips(base, 'still'))


@training_set('noisy_still')
def noisy_still(base: Base) -> dict[str, Any]:
    """Control: real videos, and stills with noise whose size depends on brightness alone."""
    return mixed(base, clips(base, 'noisy_still'))


@training_set('warp')
def warp_mix(base: Base) -> dict[str, Any]:
    """Control: real videos, and stills that are warped at random."""
    return mixed(base, clips(base, 'warp'))


@training_set('transfer')
def transfer_mix(base: Base) -> dict[str, Any]:
    """Control: real videos, and stills that move like a training video of their class."""
    return mixed(base, clips(base, 'transfer'))


def mixed(base: Base, joining: dict[str, Any]) -> dict[str, Any]:
    """Real videos and, one per real clip, what joins them; it takes the place of the base's."""
    return dict(_delete_=True, type='LDDMMixedDataset', synthetic_per_real=1.0, real=real(base),
                synthetic=joining)


def _true_clips(base: Base, name: str) -> dict[str, Any]:
    """The true clips behind the stills, seen as the real videos are."""
    joining = real(base)
    for key in ('split', 'split_file'):
        joining.pop(key, None)
    if 'oracle' not in base['data']:
        raise ValueError(f'{name}: the true clips behind the stills of this data set are not '
                         'known; choose another training set')
    return dict(joining, ann_file=base['data']['oracle'])


def _mix_of(generator: str, base: Base) -> dict[str, Any]:
    return mixed(base, clips(base, generator))


def _made_anew(base: Base, make: Callable[[str, list], list]) -> dict[str, Any]:
    """The stills, of which LDDM makes clips while training.

    Args:
        make: package, transforms of a clip → transforms that make it and apply these.
    """
    data = base['data']
    package = fill(data['generators'], recipe='lddm') + '/package'
    _, *rest = real(base)['pipeline']                # what reads a video is not needed
    return dict(data['stills'], pipeline=[dict(type='LoadStill', size=data['size']),
                                          *make(package, rest)])


def clips(base: Base, generator: str) -> dict[str, Any]:
    """The store of a generator's clips, seen as the real videos are."""
    videos = real(base)
    return dict(type='SyntheticClipDataset', store=fill(base['data']['stores'], clips=generator),
                classes=videos.get('classes'), pipeline=videos['pipeline'])


def loaders(base: Base, name: str = 'real', **parts: Any) -> tuple[dict, dict, dict]:
    """What is read in training, validation and test, put together from `data` and `inputs`.

    A pipeline is read + sample + augment + resize + see + pack: `read`, `augment` and `see` come
    with the data, the others with the recognizer.  In validation and test nothing is augmented,
    and the segment in the middle is taken.  Segments of videos are no longer than generated clips,
    so that these have the same playback rate.

    Args:
        base: config with both.
        name: of the training set.
        parts: of a pipeline, or `sample_test` for the test alone, in place of the base's.
    """
    data = base['data']
    seen = dict(dict(data, **base['inputs']), **parts)
    after = [*seen['resize'], *seen.get('see', ()), *seen['pack']]

    def centre(sample: list[dict]) -> list[dict]:
        first, *rest = sample
        return [dict(first, test_mode=True), *rest]

    length = data['num_frames'] * data['frame_stride']
    sample, sample_test = (_no_longer_than(length, seen.get(key, seen['sample']))
                           for key in ('sample', 'sample_test'))
    train = [*seen['read'], *sample, *seen['augment'], *after]
    validate = [*seen['read'], *centre(sample), *after]
    test = [*seen['read'], *centre(sample_test), *after]
    videos = dict(data=data, train_dataloader=dict(dataset=dict(data['real'], pipeline=train)))
    dataset = find_training_set(name).make(videos)
    dataset.pop('_delete_', None)
    return (dict(dataset=dataset), dict(dataset=dict(data['held_out'], pipeline=validate)),
            dict(dataset=dict(data['held_out'], pipeline=test)))


def _no_longer_than(length: int, sample: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Transforms that take a segment of at most so many frames of a video."""
    return [dict(step, segment_length=length)
            if step['type'] == 'SampleSegment' and length < step.get('segment_length', SEGMENT)
            else step for step in sample]
