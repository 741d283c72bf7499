"""Samplers × wrappers × data sets: no two visits of a sample are alike."""
from __future__ import annotations

import copy
import pickle
import random
from abc import ABC
from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS
from mmengine.dataset import (
    DefaultSampler,
    InfiniteSampler,
    RepeatDataset,
    pseudo_collate,
)
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import ConcatDataset as TorchConcatDataset
from torch.utils.data import (
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    WeightedRandomSampler,
)

from lddm_aug.data.annotations import Annotation
from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.labelled_dataset import LabelledDataset
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.visits import Visit, accept_visits, current_visit, draw_seed
from lddm_aug.generators.package import save_package
from lddm_aug.generators.random_warp import RandomWarp
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.seeds import derive_seed, seeded
from lddm_aug.synthesis.synthesize import synthesize

T = TypeVar('T')
CLASSES = ('benign', 'malignant')
READ = [dict(type='ReadVideo', cache=True)]
SAMPLE = [dict(type='SampleSegment', num_frames=4), dict(type='ArrayDecode')]
DECODE = [dict(type='OpenCVInit'), dict(type='SampleFrames', clip_len=4), dict(type='OpenCVDecode')]
AUGMENT = [dict(type='RandomResizedCrop'), dict(type='Resize', scale=(16, 16), keep_ratio=False),
           dict(type='Flip', flip_ratio=0.5), dict(type='FormatShape', input_format='NCTHW'),
           dict(type='PackActionInputs', meta_keys=('filename',))]
EPOCHS = 3


@pytest.fixture(scope='module')
def configs(tmp_path_factory) -> dict[str, dict]:
    """Four data sets of two samples each, that differ in every frame and place."""
    folder = tmp_path_factory.mktemp('data')
    pixels = np.random.default_rng(0)
    videos, stills, lines = ['path,label,group'], ['path,label,group'], []
    for number, label in enumerate(CLASSES):
        np.save(folder / f'{number}.npy', pixels.integers(256, size=(60, 32, 32), dtype=np.uint8))
        cv2.imwrite(str(folder / f'{number}.png'), pixels.integers(256, size=(32, 32)))
        writer = cv2.VideoWriter(str(folder / f'{number}.mp4'),
                                 cv2.VideoWriter_fourcc(*'mp4v'), 25, (32, 32))
        for frame in pixels.integers(256, size=(16, 32, 32, 3), dtype=np.uint8):
            writer.write(frame)
        writer.release()
        videos.append(f'{number}.npy,{label},v{number}')
        stills.append(f'{number}.png,{label},s{number}')
        lines.append(f'{number}.mp4 {number}')
    for name, rows in (('videos.csv', videos), ('stills.csv', stills), ('list.txt', lines)):
        (folder / name).write_text('\n'.join(rows))
    still = RepeatStill(size=32, num_frames=8)
    still.package_sha256 = 'of a package'
    synthesize(still, [Annotation(folder / f'{n}.png', label, f's{n}', None, None, 0)
                       for n, label in enumerate(CLASSES)], folder / 'store', progress=False)
    save_package(folder / 'package', RandomWarp(size=32, num_frames=8), ['v0'])
    return dict(
        VideoClipDataset=dict(type='VideoClipDataset', ann_file=str(folder / 'videos.csv'),
                              pipeline=[*READ, *SAMPLE, *AUGMENT]),
        StillDataset=dict(
            type='StillDataset', ann_file=str(folder / 'stills.csv'),
            pipeline=[dict(type='LoadStill', size=32),
                      dict(type='SynthesizeClip', package=str(folder / 'package')),
                      *SAMPLE, *AUGMENT]),
        SyntheticClipDataset=dict(type='SyntheticClipDataset', store=str(folder / 'store'),
                                  pipeline=[*READ, *SAMPLE, *AUGMENT]),
        VideoDataset=dict(type='VideoDataset', ann_file=str(folder / 'list.txt'),
                          data_prefix=dict(video=str(folder)), metainfo=dict(classes=CLASSES),
                          pipeline=[*DECODE, *AUGMENT]))


KINDS = ['VideoClipDataset', 'StillDataset', 'SyntheticClipDataset', 'VideoDataset']


def mixed(config: dict, configs: dict[str, dict]) -> dict:
    """Among real clips where the samples are synthetic, and otherwise among synthetic ones."""
    synthetic = config['type'] in ('StillDataset', 'SyntheticClipDataset')
    parts = ((configs['VideoClipDataset'], config) if synthetic else
             (config, configs['SyntheticClipDataset']))
    return dict(type='LDDMMixedDataset', real=parts[0], synthetic=parts[1], synthetic_per_real=2.)


def repeated(config: dict) -> dict:
    return dict(type='RepeatDataset', times=2, dataset=config)


def balanced(config: dict) -> dict:
    return dict(type='ClassBalancedDataset', oversample_thr=1., dataset=config)


WRAPPERS: dict[str, Callable[[dict, dict], Any]] = {
    'bare': lambda config, _: config,
    'RepeatDataset': lambda config, _: repeated(config),
    'ClassBalancedDataset': lambda config, _: balanced(config),
    'ConcatDataset': lambda config, _: dict(type='ConcatDataset', datasets=[config, config]),
    'torch ConcatDataset': lambda config, _: TorchConcatDataset([build(config), build(config)]),
    'Subset': lambda config, _: Subset(build(config), [1, 0, 1]),
    'LDDMMixedDataset': mixed}
NESTED: dict[str, Callable[[dict, dict], Any]] = {
    'RepeatDataset in a mix': lambda config, configs: mixed_with(repeated(config), configs),
    'Subset in a mix': lambda config, configs: mixed_with(
        Subset(build(config), [0, 1, 1]), configs),
    'torch ConcatDataset in a mix': lambda config, configs: mixed_with(
        TorchConcatDataset([build(config), build(config)]), configs),
    'RepeatDataset of a mix': lambda config, configs: repeated(mixed(config, configs)),
    'ClassBalancedDataset of a mix': lambda config, configs: balanced(mixed(config, configs)),
    'Subset of a mix': lambda config, configs: Subset(
        build(mixed(config, configs)), [5, 4, 4, 0, 1, 1]),
    'a mix of a mix': lambda config, configs: mixed_with(mixed(config, configs), configs)}


def mixed_with(real: Any, configs: dict[str, dict]) -> dict:
    return dict(type='LDDMMixedDataset', real=real, synthetic=configs['SyntheticClipDataset'])


def wrapped(kind: str, wrapper: str, configs: dict[str, dict]) -> Any:
    return (WRAPPERS | NESTED)[wrapper](configs[kind], configs)


def build(config: Any) -> Any:
    init_default_scope('mmaction')
    return DATASETS.build(config) if isinstance(config, dict) else config


SAMPLERS = {
    'DefaultSampler': lambda dataset: DefaultSampler(dataset, seed=0),
    'InfiniteSampler': lambda dataset: InfiniteSampler(dataset, seed=0),
    'RandomSampler': RandomSampler,
    'SequentialSampler': SequentialSampler,
    'WeightedRandomSampler': lambda dataset: WeightedRandomSampler(
        [1., *[2.] * (len(dataset) - 1)], 2 * len(dataset)),
    'EpochSampler': lambda dataset: EpochSampler(dataset, seed=0),
    'EpochSampler, endless': lambda dataset: EpochSampler(dataset, seed=0, endless=True)}


def samples_of(loader: DataLoader,
               epochs: Iterable[int] = range(EPOCHS)) -> list[list[tuple[str, str]]]:
    """The file and the hash of every sample, epoch after epoch."""
    epochs = list(epochs)
    endless = isinstance(loader.sampler, InfiniteSampler) or getattr(
        loader.sampler, 'endless', False)
    if endless:                                      # in one go, through the epochs
        at = len(loader) * len(epochs)
        return [[visit for batch in islice(loader, at) for visit in _visits(batch)]]
    found = []
    for epoch in epochs:
        if hasattr(loader.sampler, 'set_epoch'):
            loader.sampler.set_epoch(epoch)
        found.append([visit for batch in loader for visit in _visits(batch)])
    return found


def _visits(batch: dict) -> list[tuple[str, str]]:
    return [(sample.filename, sha256(clip.numpy().tobytes()).hexdigest())
            for sample, clip in zip(batch['data_samples'], batch['inputs'], strict=True)]


def load(dataset: Any, sampler: str, seed: int = 0, **options: Any) -> DataLoader:
    np.random.seed(seed)
    random.seed(seed)
    torch.manual_seed(seed)
    return DataLoader(dataset, batch_size=2, sampler=SAMPLERS[sampler](dataset),
                      collate_fn=pseudo_collate, **options)


def alike(epochs: list[list[tuple[str, str]]]) -> list[str]:
    """The files that looked the same at two visits."""
    looks = defaultdict(list)
    for filename, look in chain.from_iterable(epochs):
        looks[filename].append(look)
    assert max(map(len, looks.values())) >= EPOCHS
    return [Path(name).name for name, found in looks.items() if len(set(found)) < len(found)]


# ── the whole matrix ──

MATRIX = [(kind, wrapper) for kind in KINDS for wrapper in WRAPPERS] + [
    (kind, wrapper) for kind in ('SyntheticClipDataset', 'VideoDataset') for wrapper in NESTED]


@pytest.mark.parametrize('kind, wrapper', MATRIX)
def test_no_two_visits_of_a_sample_are_alike(configs, kind: str, wrapper: str):
    dataset = build(wrapped(kind, wrapper, configs))
    for sampler in SAMPLERS:
        assert alike(samples_of(load(dataset, sampler))) == [], sampler


@pytest.mark.parametrize('kind, wrapper', MATRIX)
def test_epoch_sampler_shows_the_same_in_another_run_and_after_a_resume(configs, kind, wrapper):
    first, resumed = (build(wrapped(kind, wrapper, configs)) for _ in range(2))
    whole = samples_of(load(first, 'EpochSampler', seed=0))
    assert samples_of(load(resumed, 'EpochSampler', seed=1), epochs=[2, 1]) == [whole[2], whole[1]]
    endless = samples_of(load(resumed, 'EpochSampler, endless', seed=2))[0]
    visits = list(chain.from_iterable(whole))
    assert endless[:len(visits)] == visits


# ── workers ──

WITH_WORKERS = [('StillDataset', 'Subset'), ('VideoDataset', 'RepeatDataset of a mix')]


@pytest.mark.parametrize('persistent', [False, True])
@pytest.mark.parametrize('kind, wrapper', WITH_WORKERS)
def test_workers_do_not_change_what_epoch_sampler_shows(configs, kind, wrapper, persistent):
    config = wrapped(kind, wrapper, configs)
    workers = dict(num_workers=2, persistent_workers=persistent)
    for sampler in ('EpochSampler', 'EpochSampler, endless'):
        alone = samples_of(load(build(config), sampler))
        assert samples_of(load(build(config), sampler, seed=1, **workers)) == alone


@pytest.mark.parametrize('persistent', [False, True])
@pytest.mark.parametrize('sampler', [
    dict(type='DefaultSampler', shuffle=False), dict(type='InfiniteSampler')], ids=str)
@pytest.mark.parametrize('kind, wrapper', WITH_WORKERS)
def test_workers_that_mmengine_seeds_alike_in_every_epoch_show_nothing_twice(
        configs, kind, wrapper, sampler, persistent):
    torch.manual_seed(0)
    samples = samples_of(Runner.build_dataloader(dict(
        dataset=build(wrapped(kind, wrapper, configs)), batch_size=2, num_workers=2,
        persistent_workers=persistent, sampler=sampler), seed=0))
    assert alike(samples) == []
    torch.manual_seed(0)
    again = samples_of(Runner.build_dataloader(dict(
        dataset=build(wrapped(kind, wrapper, configs)), batch_size=2, num_workers=2,
        persistent_workers=persistent, sampler=sampler), seed=0))
    assert again == samples                          # as far as MMEngine's runs are reproducible


@pytest.mark.parametrize('again', [lambda dataset: pickle.loads(pickle.dumps(dataset)),
                                   copy.deepcopy], ids=['pickle', 'deepcopy'])
@pytest.mark.parametrize('wrapper', [*WRAPPERS, *NESTED])
def test_a_data_set_that_takes_visits_survives(configs, wrapper: str, again: Callable):
    """Also on its way to a spawned worker, which knows no class made in another process."""
    dataset = build(wrapped('VideoClipDataset', wrapper, configs))
    kind, visit = type(dataset), Visit(0, 3, 5, 1)
    accept_visits(dataset)
    assert isinstance(dataset, kind) and type(dataset).__name__ == kind.__name__
    other = again(dataset)
    assert type(other) is type(dataset) and len(other) == len(dataset)
    assert (other[visit]['inputs'] == dataset[visit]['inputs']).all()


# ── one visit ──

class Draws(LabelledDataset):
    """What each source of chance drew; every second try fails, so that it is tried again."""

    def __init__(self, fails: bool = False, **kwargs: Any) -> None:
        self.fails, self.tries = fails, 0
        super().__init__('', CLASSES, [self.look], **{'test_mode': False, 'seed': 0} | kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(label=0, group='g')]

    def look(self, results: dict) -> tuple | None:
        self.tries += 1
        drawn = results['seed'], np.random.rand(), random.random(), torch.rand(()).item()
        return None if self.fails and drawn[1] < 0.7 else drawn


def test_every_source_of_chance_is_drawn_anew():
    drawn = [Draws()[0] for _ in range(5)]
    assert all(len(set(source)) == 5 for source in zip(*drawn, strict=True))


def test_a_failing_draw_is_not_drawn_again():
    dataset = Draws(fails=True)
    accept_visits(dataset)
    drawn = [dataset[Visit(0, epoch, 0, seed=0)] for epoch in range(20)]
    assert dataset.tries > 30 and len(set(drawn)) == 20
    assert drawn == [dataset[Visit(0, epoch, 0, seed=0)] for epoch in range(20)]


@pytest.mark.parametrize('other', [dict(epoch=1), dict(position=1), dict(seed=1)], ids=str)
def test_a_visit_is_a_function_of_seed_epoch_and_position(other: dict):
    visit = dict(index=0, epoch=0, position=0, seed=0)
    dataset = Draws()
    accept_visits(dataset)
    assert dataset[Visit(**visit)] == dataset[Visit(**visit)] != dataset[Visit(**visit | other)]
    another = Draws(seed=1)
    accept_visits(another)
    assert another[Visit(**visit)] != dataset[Visit(**visit)]


def test_a_held_out_sample_is_always_the_same():
    dataset = Draws(test_mode=True, seed=4)
    accept_visits(dataset)
    assert dataset[0] == dataset[0] == dataset[Visit(0, 3, 2, 1)]
    assert dataset[0][0] == derive_seed(4, 0, 0)
    assert dataset[0] != Draws(test_mode=True, seed=5)[0]


def test_a_run_that_seeds_its_draws_can_be_run_again():
    runs = []
    for _ in range(2):
        with seeded(3):
            runs.append([Draws()[0], Draws()[0], draw_seed()])
    assert runs[0] == runs[1]


def test_a_validation_that_seeds_numpy_does_not_make_epochs_alike():
    dataset = Draws()
    loader, drawn = DataLoader(dataset, collate_fn=list), []
    for _ in range(4):
        np.random.seed(255)                          # as MMAction2's UniformSampleFrames does
        drawn += [sample for batch in loader for sample in batch]
    assert len(set(drawn)) == 4


class Slotted:
    __slots__ = ('size',)

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[str, int, float]:
        return type(self).__name__, index, np.random.rand()


class Reduced(Slotted):
    def __reduce__(self) -> tuple:
        return Reduced, (self.size,)


class Keyworded(Slotted):
    def __new__(cls, *, size: int = 3) -> Keyworded:
        self = super().__new__(cls)
        self.size = size
        return self

    def __init__(self, *, size: int = 3) -> None:
        pass

    def __getnewargs_ex__(self) -> tuple[tuple, dict]:
        return (), {'size': self.size}


class Abstract(Generic[T], Slotted, ABC):
    pass


@pytest.mark.parametrize('kind', [Slotted, Reduced, Keyworded, Abstract, Abstract[int]], ids=str)
def test_classes_of_every_making_take_visits_and_pickles(kind):
    dataset = kind(size=3)
    EpochSampler(dataset)
    again = pickle.loads(pickle.dumps(dataset))
    visit = Visit(2, 0, 1, 0)
    assert again[visit] == dataset[visit] == dataset.__getitems__([visit])[0]
    assert dataset[visit][:2] == (type(kind(size=3)).__name__, 2)


def test_ranks_that_begin_alike_draw_otherwise(monkeypatch):
    drawn = []
    for rank in (0, 1):
        monkeypatch.setattr('lddm_aug.datasets.visits.get_rank', lambda rank=rank: rank)
        with seeded(3):
            drawn.append(Draws()[0])
    assert not {*drawn[0]} & {*drawn[1]}


def test_a_visit_ends_with_an_error_too():
    class Broken(Draws):
        def look(self, results: dict) -> None:
            assert current_visit() is not None
            raise OSError('cut off')

    dataset = Broken()
    accept_visits(dataset)
    with pytest.raises(ValueError, match='cut off'):
        dataset[Visit(0, 0, 0, 0)]
    assert current_visit() is None


def test_only_the_data_set_of_the_sampler_takes_visits():
    taught, untaught = Draws(), Draws()
    EpochSampler(taught)
    EpochSampler(taught)                             # once is enough
    assert type(taught).__mro__.count(Draws) == 1
    assert taught[Visit(0, 0, 0, 0)] == taught[Visit(0, 0, 0, 0)]
    for dataset in (untaught, RepeatDataset(taught.__class__(), 2), LDDMMixedDataset(
            Draws(), Draws())):
        with pytest.raises(TypeError):
            dataset[Visit(0, 0, 0, 0)]
