from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmaction.datasets import VideoDataset
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from scipy.stats import chisquare

from lddm_aug.data.audit_record import FORMAT_VERSION
from lddm_aug.datasets import mixed as module
from lddm_aug.datasets.labelled_dataset import LabelledDataset
from lddm_aug.datasets.mixed import LDDMMixedDataset, shuffled_place
from lddm_aug.datasets.synthetic_clips import StoredClips
from lddm_aug.datasets.visits import Visit, accept_visits
from lddm_aug.engine.mmaction_tool import load_mmaction_tool
from lddm_aug.files import sha256_of
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.generators.package import save_package

CLASSES = ('benign', 'malignant')
PIPELINE = [dict(type='ReadVideo', size=16), dict(type='SampleSegment', num_frames=8),
            dict(type='ArrayDecode'), dict(type='Flip', flip_ratio=0.5),
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs', meta_keys=('group', 'origin', 'filename'))]


class Listed(LabelledDataset):
    """So many samples of each class, with nothing behind them."""

    def __init__(self, counts: dict[int, int], origin: str = 'real', seed: int = 0,
                 classes: Sequence[str] = tuple(f'class {label}' for label in range(5))) -> None:
        self.counts, self.origin = counts, origin
        super().__init__('', classes, [], False, seed)

    def load_data_list(self) -> list[dict]:
        return [dict(label=label, group='g', origin=self.origin)
                for label, count in self.counts.items() for _ in range(count)]


def mixed(videos: str, store: str, **changes: Any) -> LDDMMixedDataset:
    config = dict(type='LDDMMixedDataset',
                  real=dict(type='VideoClipDataset', ann_file=videos, pipeline=PIPELINE),
                  synthetic=dict(type='SyntheticClipDataset', store=store, classes=CLASSES,
                                 pipeline=PIPELINE))
    return DATASETS.build({**config, **changes})


def drawn(dataset: LDDMMixedDataset, epoch: int) -> list[dict]:
    """What each place of an epoch shows."""
    infos = []
    for index in range(len(dataset)):
        with Visit(index, epoch, index, seed=0).active():
            infos.append(dataset.get_data_info(index))
    return infos


# ── shares ──

counts = st.dictionaries(st.integers(0, 4), st.integers(1, 30), min_size=1)


@settings(max_examples=40, deadline=None)
@given(real=counts, clips=st.lists(st.integers(1, 30), min_size=5, max_size=5),
       ratio=st.floats(0, 4))
def test_every_class_has_the_same_share_of_synthetic_clips(real, clips, ratio: float):
    dataset = LDDMMixedDataset(Listed(real), Listed(dict(enumerate(clips)), 'synthetic'), ratio)
    for epoch in (0, 3):
        made = Counter((info['label'], info['origin']) for info in drawn(dataset, epoch))
        assert {label for label, _ in made} == set(real)
        for label, count in real.items():
            assert made[label, 'real'] == count
            assert abs(made[label, 'synthetic'] - ratio * count) <= 0.5


@settings(max_examples=40, deadline=None)
@given(real=st.integers(1, 20), clips=st.integers(1, 20), ratio=st.sampled_from([0.5, 1., 2.7]),
       seed=st.integers(0, 3))
def test_every_clip_is_used_equally_often_as_epochs_go_by(real, clips, ratio, seed):
    dataset = LDDMMixedDataset(Listed({2: real}), Listed({2: clips}, 'synthetic'), ratio, seed=seed)
    used: Counter = Counter(dict.fromkeys(range(clips), 0))
    for epoch in range(5):
        synthetic = [info for info in drawn(dataset, epoch) if info['origin'] == 'synthetic']
        used.update(info['sample_idx'] for info in synthetic)
        assert max(used.values()) - min(used.values()) <= 1


@settings(max_examples=200, deadline=None)
@given(count=st.integers(1, 700), seed=st.integers(0, 2**63 - 1))
def test_a_place_is_shuffled_to_each_place_once(count, seed):
    shuffled = [shuffled_place(place, count, seed) for place in range(count)]
    assert sorted(shuffled) == [*range(count)]


def test_shuffled_places_are_uniform_and_differ_between_seeds():
    count, seeds = 100, 4000
    places = np.array([[shuffled_place(place, count, seed) for place in (0, 1, 99)]
                       for seed in range(seeds)])
    for column in places.T:                              # each place is hit equally often
        assert chisquare(np.bincount(column, minlength=count)).pvalue > 1e-4
    together = np.bincount(places[:, 0] // 10 * 10 + places[:, 1] // 10, minlength=100)
    assert chisquare(together).pvalue > 1e-4             # and two of them independently
    assert abs(np.corrcoef(places.T)[0, 2]) < .06


def test_of_many_clips_each_is_used_once_before_one_is_used_twice(monkeypatch):
    monkeypatch.setattr(module, 'MAX_SHUFFLED', 8)
    dataset = LDDMMixedDataset(Listed({0: 10}), Listed({0: 25}, 'synthetic'))
    epochs = [[info['sample_idx'] for info in drawn(dataset, epoch)[10:]] for epoch in range(5)]
    for number in range(2):
        cycle = [clip for epoch in epochs for clip in epoch][25 * number:25 * number + 25]
        assert sorted(cycle) == [*range(25)] and cycle != sorted(cycle)


def test_no_clip_of_a_store_is_looked_at_before_it_is_drawn(videos, store, monkeypatch):
    looked_at = []
    look = StoredClips.__getitem__
    monkeypatch.setattr(StoredClips, '__getitem__',
                        lambda clips, index: looked_at.append(index) or look(clips, index))
    dataset = mixed(videos, store, synthetic_per_real=1.)
    assert looked_at == [] and dataset.groups > {'trained-on'} and looked_at == []
    dataset[len(dataset.real)]
    assert len(looked_at) == 1


def test_the_draws_of_a_store_are_those_of_a_list_with_the_same_labels(videos, store):
    dataset = mixed(videos, store)
    listed = LDDMMixedDataset(dataset.real, Listed({0: 3, 1: 2}, 'synthetic', classes=CLASSES))
    for epoch in range(3):
        assert [(info['origin'], info['label'], info['sample_idx']) for info in
                drawn(dataset, epoch)] == [(info['origin'], info['label'], info['sample_idx'])
                                           for info in drawn(listed, epoch)]


def test_another_seed_draws_other_clips_and_another_epoch_too():
    def clips(seed: int, epoch: int) -> list[int]:
        dataset = LDDMMixedDataset(Listed({0: 9}), Listed({0: 40}, 'synthetic'), seed=seed)
        return [info['sample_idx'] for info in drawn(dataset, epoch)[9:]]
    assert clips(0, 0) == clips(0, 0)
    assert clips(0, 0) != clips(1, 0)
    assert not set(clips(0, 0)) & set(clips(0, 1))


def test_the_union_is_all_that_there_is():
    dataset = LDDMMixedDataset(Listed({0: 3, 1: 5}), Listed({0: 7, 2: 1}, 'synthetic'), None,
                               'union')
    infos = drawn(dataset, 4)
    assert Counter((info['label'], info['origin']) for info in infos) == {
        (0, 'real'): 3, (1, 'real'): 5, (0, 'synthetic'): 7, (2, 'synthetic'): 1}
    assert len({(info['origin'], info['sample_idx']) for info in infos}) == 16


def places(visits: Sequence[tuple[int, int]], dataset: LDDMMixedDataset, epoch: int) -> list[dict]:
    """What a wrapper shows that asks at its index `outer` for the mix's index `inner`."""
    infos = []
    for outer, inner in visits:
        with Visit(outer, epoch, outer, seed=0).active():
            infos.append(dataset.get_data_info(inner))
    return infos


def test_a_mix_that_is_repeated_shows_other_clips_in_each_repetition_and_all_equally_often():
    dataset = LDDMMixedDataset(Listed({0: 10}), Listed({0: 40}, 'synthetic'))
    used: Counter = Counter()
    for epoch in range(4):
        shown = [[info['sample_idx'] for info in places(
            [(repetition * 20 + inner, inner) for inner in range(10, 20)], dataset, epoch)]
            for repetition in range(2)]
        assert shown[0] != shown[1]
        used.update(chain.from_iterable(shown))
    assert used == dict.fromkeys(range(40), 2)


def test_without_epochs_clips_are_drawn_anew_and_as_evenly_as_there_is_room():
    dataset = LDDMMixedDataset(Listed({0: 2}), Listed({0: 3}, 'synthetic'), 4.)     # 8 of 3 clips
    counts: Counter = Counter()
    for _ in range(300):
        one = Counter(dataset[index]['sample_idx'] for index in range(2, 10))
        assert all(one[clip] >= 2 for clip in range(3)) and one.total() == 8
        counts += one
    assert max(counts.values()) - min(counts.values()) < 100                       # of 800 each
    union = LDDMMixedDataset(Listed({0: 2}), Listed({0: 5}, 'synthetic'), None, 'union')
    assert sorted(union[index]['sample_idx'] for index in range(2, 7)) == [*range(5)]


# ── a share that changes ──

@settings(max_examples=25, deadline=None)
@given(real=counts, clips=st.lists(st.integers(1, 30), min_size=5, max_size=5),
       schedule=st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_real_clips_of_the_class_take_the_places_that_a_schedule_frees(real, clips, schedule):
    dataset = LDDMMixedDataset(Listed(real), Listed(dict(enumerate(clips)), 'synthetic'), 1.5)
    before = Counter(info['label'] for info in drawn(dataset, 0))
    dataset.set_schedule(schedule)
    for epoch in range(5):
        infos = drawn(dataset, epoch)
        assert Counter(info['label'] for info in infos) == before
        made = Counter(info['label'] for info in infos if info['origin'] == 'synthetic')
        for label, count in real.items():
            part = schedule[min(epoch, len(schedule) - 1)]
            assert made[label] == round(part * round(1.5 * count))


def test_a_schedule_that_changes_needs_to_know_the_epoch():
    dataset = LDDMMixedDataset(Listed({0: 4}), Listed({0: 4}, 'synthetic'))
    dataset.set_schedule([0., 1.])
    with pytest.raises(ValueError, match=r"sampler\.type='EpochSampler'"):
        dataset[7]
    dataset.set_schedule([0., 0.])
    assert dataset[7]['origin'] == 'real'


@pytest.mark.parametrize('schedule', [[], [0.5, 1.1], [-1.], [float('nan')]])
def test_a_schedule_outside_0_and_1_is_refused(schedule):
    dataset = LDDMMixedDataset(Listed({0: 1}), Listed({0: 1}, 'synthetic'))
    with pytest.raises(ValueError, match=r'LDDMMixedDataset: .*\[0, 1\], .*got \['):
        dataset.set_schedule(schedule)


# ── samples ──

def batches(dataset: LDDMMixedDataset, **loader: Any) -> list[list[tuple]]:
    """What a training sees in two epochs, by MMEngine's own way of building its loader."""
    built = Runner.build_dataloader(dict(
        dataset=dataset, batch_size=3, sampler=dict(type='EpochSampler'),
        collate_fn=dict(type='pseudo_collate'), **loader), seed=5)
    seen = []
    for epoch in range(2):
        built.sampler.set_epoch(epoch)
        seen.append([(sample.filename, sample.origin, int(sample.gt_label), clip.numpy().tobytes())
                     for batch in built
                     for sample, clip in zip(batch['data_samples'], batch['inputs'], strict=True)])
    return seen


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmaction')


@pytest.mark.parametrize('persistent_workers', [False, True])
def test_workers_do_not_change_what_a_training_sees(videos: str, store: str,
                                                    persistent_workers: bool):
    first, second = batches(mixed(videos, store), num_workers=0)
    assert [first, second] == batches(mixed(videos, store), num_workers=2,
                                      persistent_workers=persistent_workers)
    assert sorted(first) != sorted(second)           # it isn't only another order


def test_the_origin_and_class_of_a_sample_are_those_of_its_file(videos: str, store: str):
    for filename, origin, label, _ in batches(mixed(videos, store), num_workers=0)[0]:
        assert origin == ('synthetic' if filename.startswith(str(Path(store).resolve())) else
                          'real')
        name = Path(filename).name
        assert label == ('malignant' in name or name in ('c.npy', 'd'))


def test_get_cat_ids_gives_the_label_of_every_sample(videos: str, store: str):
    dataset = mixed(videos, store)
    assert len(dataset) == 8
    assert [dataset.get_cat_ids(index) for index in range(8)] == [
        [int(dataset[index]['data_samples'].gt_label)] for index in range(8)]


def test_groups_and_classes_are_those_of_both_parts(videos: str, store: str):
    dataset = mixed(videos, store)
    assert dataset.metainfo == dict(classes=CLASSES)
    assert dataset.groups == dataset.real.groups | dataset.synthetic.groups
    assert {'p1', 'still-benign0', 'trained-on'} <= dataset.groups


WRAPPERS = [lambda inner: dict(type='RepeatDataset', times=2, dataset=inner),
            lambda inner: dict(type='ConcatDataset', datasets=[inner, inner])]


@pytest.mark.parametrize('wrap', WRAPPERS, ids=['RepeatDataset', 'ConcatDataset'])
def test_groups_are_those_inside_mmengines_wrappers_of_its_parts(videos: str, store: str, wrap):
    real = dict(type='VideoClipDataset', ann_file=videos, pipeline=PIPELINE)
    synthetic = dict(type='SyntheticClipDataset', store=store, classes=CLASSES, pipeline=PIPELINE)
    wrapped = mixed(videos, store, real=wrap(real), synthetic=wrap(synthetic))
    assert wrapped.groups == mixed(videos, store).groups


@pytest.mark.parametrize('wrapper', [dict(type='RepeatDataset', times=2),
                                     dict(type='ClassBalancedDataset', oversample_thr=0.9)],
                         ids=lambda wrapper: wrapper['type'])
def test_it_works_inside_mmengines_wrappers(videos: str, store: str, wrapper: dict):
    inner = dict(type='LDDMMixedDataset',
                 real=dict(type='VideoClipDataset', ann_file=videos, pipeline=PIPELINE),
                 synthetic=dict(type='SyntheticClipDataset', store=store, classes=CLASSES,
                                pipeline=PIPELINE))
    first, second = batches({**wrapper, 'dataset': inner}, num_workers=0)
    assert len(first) == len(second) >= 8
    assert {filename for filename, *_ in first} > {str(Path(videos).resolve().parent / 'b.npy')}


def test_mmaction2s_own_data_set_gives_the_real_clips(tmp_path: Path, store: str, write_mp4,
                                                      grey_levels):
    lines = [f'{write_mp4(tmp_path / f"v{label}.mp4", grey_levels(30, 32, 32)).name} {label}'
             for label in (0, 1)]
    (tmp_path / 'list.txt').write_text('\n'.join(lines))
    decode = [dict(type='DecordInit'), dict(type='SampleFrames', clip_len=8), dict(
        type='DecordDecode'), *PIPELINE[3:-1], dict(type='PackActionInputs')]

    dataset = mixed('', store, real=dict(
        type='VideoDataset', ann_file=str(tmp_path / 'list.txt'), pipeline=decode,
        data_prefix=dict(video=str(tmp_path)), serialize_data=False))
    assert isinstance(dataset.real, VideoDataset)
    assert dataset.metainfo == dict(classes=CLASSES)
    assert [dataset[index]['data_samples'].origin for index in range(4)] == [
        'real', 'real', 'synthetic', 'synthetic']


def test_stills_are_synthesized_on_the_fly(videos: str, stills: str, tmp_path: Path,
                                           tiny_lddm: LDDMGenerator):
    save_package(tmp_path / 'package', tiny_lddm, ['trained-on'])
    pipeline = [dict(type='LoadStill', size=16),
                dict(type='SynthesizeClip', package=str(tmp_path / 'package')), *PIPELINE[1:]]
    dataset = mixed(videos, '', synthetic=dict(type='StillDataset', ann_file=stills,
                                               pipeline=pipeline), synthetic_per_real=2.)
    assert len(dataset) == 12
    accept_visits(dataset)
    for index in range(4, 12):
        sample = dataset[index]
        assert sample['inputs'].shape == (1, 3, 8, 16, 16)
        assert sample['data_samples'].origin == 'synthetic'
        assert (sample['inputs'] != dataset[index]['inputs']).any()
        one, again, other = (dataset[Visit(index, epoch, index, 0)]['inputs']
                             for epoch in (0, 0, 1))
        assert (one == again).all() and (one != other).any()


def test_it_prints_what_it_mixed(monkeypatch):
    printed: list[str] = []
    monkeypatch.setattr('lddm_aug.datasets.mixed.print_log',
                        lambda message, **_: printed.append(message))
    LDDMMixedDataset(Listed({0: 12, 1: 8}), Listed({0: 30, 1: 5}, 'synthetic'), 0.5)
    assert [line.split() for line in printed[0].splitlines()[1:]] == [
        ['class', 'real', 'synthetic', 'of', 'clips'],
        ['class', '0', '12', '6', 'of', '30'], ['class', '1', '8', '4', 'of', '5']]


def test_it_can_wait_with_reading(videos: str, store: str):
    dataset = mixed(videos, store, lazy_init=True)
    assert not hasattr(dataset, '_slots')
    assert len(dataset) == 8


# ── refusals ──

@pytest.mark.parametrize('changes, message', [
    (dict(test_mode=True), 'for training only'),
    (dict(class_balance='equal'), "class_balance .*'equal'"),
    (dict(synthetic_per_real=-1), r'synthetic_per_real .*\[0, 1000\], but got -1'),
    (dict(synthetic_per_real=1e30), r'synthetic_per_real .*got 1e\+30'),
    (dict(synthetic_per_real='one'), "synthetic_per_real .*got 'one'"),
    (dict(synthetic_per_real=float('nan')), 'synthetic_per_real .*got nan'),
    (dict(synthetic_per_real=None), 'synthetic_per_real .*got None'),
    (dict(class_balance='union'), r"'union' .*synthetic_per_real .*None, but got 1\.0")])
def test_arguments_that_make_no_sense_are_refused(changes: dict, message: str):
    with pytest.raises(ValueError, match=f'LDDMMixedDataset: .*{message}'):
        LDDMMixedDataset(Listed({0: 1}), Listed({0: 1}, 'synthetic'), **changes)


@pytest.mark.parametrize('wrap', [lambda inner: inner, *WRAPPERS],
                         ids=['bare', 'RepeatDataset', 'ConcatDataset'])
def test_what_an_audit_found_to_leak_is_refused_inside_wrappers_too(videos: str, store: str, wrap):
    audit = Path(videos).parent / 'audit'
    audit.mkdir()
    (audit / 'audit.json').write_text(json.dumps(dict(
        format_version=FORMAT_VERSION, same=[], leaks=[dict(kind='group', what='p1 is p4')],
        tables=[dict(table=videos, sha256=sha256_of(Path(videos)), split_sha256=None)])))
    real = wrap(dict(type='VideoClipDataset', ann_file=videos, pipeline=PIPELINE))
    with pytest.raises(ValueError, match=r'LDDMMixedDataset: .*1 leaks: p1 is p4'):
        mixed(videos, store, real=real)
    assert len(mixed(videos, store, real=real, allow_leakage=True)) >= 8


@pytest.mark.parametrize('part', ['real', 'synthetic'])
def test_a_part_that_would_stand_still_is_refused(part: str):
    parts = {'real': Listed({0: 1}), 'synthetic': Listed({0: 1}, 'synthetic')}
    parts[part].test_mode = True
    with pytest.raises(ValueError, match=f'LDDMMixedDataset: {part} has test_mode=True'):
        LDDMMixedDataset(**parts)


def test_a_class_without_synthetic_clips_is_refused():
    parts = Listed({0: 4, 1: 4, 3: 4}), Listed({1: 2}, 'synthetic')
    with pytest.raises(ValueError, match=r'LDDMMixedDataset: .*class 0, class 3 '):
        LDDMMixedDataset(*parts)
    assert len(LDDMMixedDataset(*parts, synthetic_per_real=0)) == 12


def test_parts_with_other_classes_are_refused(videos: str, make_store: Callable[..., str]):
    store = make_store(1, 1, classes=('malignant', 'benign'))
    with pytest.raises(ValueError, match=r'LDDMMixedDataset: .*real are benign, malignant, '
                                         r'.*synthetic are malignant, benign: '):
        mixed(videos, store, synthetic=dict(type='SyntheticClipDataset', store=store,
                                            classes=('malignant', 'benign')))


def test_a_label_outside_the_classes_is_refused(tmp_path: Path, store: str):
    (tmp_path / 'list.txt').write_text('a.mp4 0\nb.mp4 2\n')
    with pytest.raises(ValueError, match=r'labels \[2\] of VideoDataset'):
        mixed('', store, real=dict(type='VideoDataset', ann_file=str(tmp_path / 'list.txt'),
                                   pipeline=[]))


def test_an_index_outside_is_an_index_error():
    dataset = LDDMMixedDataset(Listed({0: 2}), Listed({0: 2}, 'synthetic'))
    for index in (-1, 4):
        with pytest.raises(IndexError, match=r'index .*\[0, 4\)'):
            dataset[index]


# ── data sets of MMAction2 that are no real clips of one class each ──

class Labelled(Listed):
    """One sample with this label, or without one."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        super().__init__({0: 1})

    def load_data_list(self) -> list[dict]:
        return [dict(group='g', origin='real', **self.info)]


@pytest.mark.parametrize('info, named', [
    ({'label': [0, 1]}, r'\[0, 1\]'), ({'label': torch.tensor([0., 1.])}, 'tensor'),
    ({'label': np.array([0, 1])}, 'array'), ({'label': 0.5}, '0.5'), ({'label': 'b'}, "'b'"),
    ({'label': None}, 'None'), ({}, 'no label')])
def test_samples_without_one_class_each_are_refused_with_their_label(info, named):
    for real, synthetic in ((Labelled(info), Listed({0: 1})), (Listed({0: 1}), Labelled(info))):
        with pytest.raises(ValueError, match=f'sample 0 of Labelled .*{named}'):
            LDDMMixedDataset(real, synthetic)


@pytest.mark.parametrize('label', [1, np.int64(1), torch.tensor(1), np.array(1)])
def test_any_whole_number_is_a_label(label):
    assert len(LDDMMixedDataset(Labelled({'label': label}), Listed({1: 3}))) == 2


@pytest.mark.parametrize('kind, kwargs, named', [
    ('VideoDataset', dict(multi_class=True, num_classes=3), 'label .*multi_class'),
    ('RepeatAugDataset', dict(num_repeats=3), 'num_repeats=3')])
def test_multi_label_and_repeated_data_of_mmaction2_is_refused(tmp_path, kind, kwargs, named):
    (tmp_path / 'list.txt').write_text('a.mp4 0\nb.mp4 1\n')
    decord = [dict(type='DecordInit'), dict(type='SampleFrames', clip_len=1),
              dict(type='DecordDecode')]
    real = dict(type=kind, ann_file=str(tmp_path / 'list.txt'), pipeline=decord, **kwargs)
    with pytest.raises(ValueError, match=f'{kind} .*{named}'):
        LDDMMixedDataset(real, Listed({0: 1, 1: 1}))


def test_a_dataset_that_returns_several_samples_at_an_index_is_named():
    mix = LDDMMixedDataset(Listed({0: 1}), Listed({0: 1}))
    mix.real.pipeline = lambda info: [info, info]
    with pytest.raises(ValueError, match='Listed returns a list'):
        mix[0]


def test_mmaction2s_browse_dataset_sees_real_and_synthetic_clips(videos: str, store: str):
    browse = load_mmaction_tool('visualizations/browse_dataset', Namespace(local_rank=0))
    mix = mixed(videos, store)
    last = PIPELINE[3]['type']
    for leaf in (mix.synthetic, mix.real):           # they need not have the same transforms
        leaf.pipeline.transforms = list(leaf.pipeline.transforms)
    del mix.synthetic.pipeline.transforms[3]         # no flip
    seen: list[dict] = []
    mix.pipeline = browse.InspectCompose(mix.pipeline.transforms, seen)
    names = []
    for index in range(len(mix)):
        seen.clear()
        origin = mix[index]['data_samples'].origin
        names.append((origin, seen[-1]['name']))
    assert {*names} == {('real', last), ('synthetic', 'ArrayDecode')}
    with pytest.raises(ValueError, match=r'real\.pipeline'):
        mix.pipeline = browse.InspectCompose([dict], seen)
