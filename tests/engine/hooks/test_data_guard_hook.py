from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.registry import init_default_scope
from torch.utils.data import Subset

from lddm_aug.data.audit_record import FORMAT_VERSION, refuse_audited_leaks
from lddm_aug.datasets.leaves import leaves
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.shared_files import SourceFiles
from lddm_aug.datasets.stills import StillDataset
from lddm_aug.datasets.video_clips import VideoClipDataset
from lddm_aug.engine.hooks import data_guard_hook
from lddm_aug.engine.hooks.data_guard_hook import (
    DataGuardHook,
    audits_of,
    refuse_shared_files,
    refuse_shared_groups,
)
from lddm_aug.files import sha256_of
from tests.engine.conftest import Points

CONFIGS = Path(__file__).parents[3] / 'mmaction_configs'
HOOKS = [dict(type='DataGuardHook')]


def test_parts_with_their_own_groups_are_trained_on(toy_runner):
    toy_runner(1, hooks=HOOKS, val=Points('ghi'), test=Points('ghi')).train()


@pytest.mark.parametrize('part, name', [('val', 'validation'), ('test', 'test')])
def test_a_shared_group_is_named_before_the_first_iteration(toy_runner, part, name):
    runner = toy_runner(1, hooks=HOOKS, **{part: Points('xbay')})
    with pytest.raises(ValueError, match=f'in training and in {name}, but 2 of them do: a, b;'):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize('part, name', [('val', 'validation'), ('test', 'test')])
def test_one_synthetic_clip_among_the_held_out_is_refused(toy_runner, part, name):
    runner = toy_runner(1, hooks=HOOKS, **{part: Points('xyz', origins='rrrrrs')})
    with pytest.raises(ValueError, match=f'{name} must see real clips only, but its Points'):
        runner.train()


@pytest.mark.parametrize('part', ['val', 'test'])
def test_it_guards_a_validation_or_test_without_training(toy_runner, part):
    runner = toy_runner(1, hooks=HOOKS, **{part: Points('xyz', origins='ssssss')})
    with pytest.raises(ValueError, match='must see real clips only'):
        getattr(runner, part)()


def test_synthetic_clips_are_welcome_in_training(toy_runner):
    toy_runner(1, hooks=HOOKS, train=Points(origins='ssssss'), val=Points('xyz')).train()


def test_many_shared_groups_are_counted_and_the_first_are_named():
    many = frozenset(f'g{number:02}' for number in range(30))
    with pytest.raises(ValueError, match='30 of them do: g00, g01, g02, g03, g04, …; take'):
        refuse_shared_groups('test', many, many)


def test_classes_are_compared_as_well(toy_runner):
    train, held_out = Points(), Points('xyz')
    train.metainfo, held_out.metainfo = dict(classes=('a', 'b')), dict(classes=('b', 'a'))
    with pytest.raises(ValueError, match='DataGuardHook: the classes of training are a, b, but'):
        toy_runner(1, hooks=HOOKS, train=train, val=held_out).train()


def test_groups_are_guarded_where_the_pipeline_makes_labels_of_its_own(toy_runner):
    runner = toy_runner(1, hooks=[dict(type='DataGuardHook', own_labels=True)], val=Points('xbay'))
    with pytest.raises(ValueError, match='must not stand in training and in'):
        runner.train()


# ── the segments of a clip ──

@pytest.mark.parametrize('loop', ['train', 'val', 'test'])
def test_a_head_with_other_segments_is_refused_before_anything_runs(toy_runner, loop):
    runner = toy_runner(1, hooks=HOOKS, val=Points('xyz'), test=Points('xyz'))
    runner.model.backbone = SimpleNamespace(num_segments=8)
    runner.model.cls_head = SimpleNamespace(num_segments=4)
    with pytest.raises(ValueError, match=r'DataGuardHook: head and backbone .* cls_head has '
                                         r'num_segments=4 and backbone has num_segments=8; set'):
        getattr(runner, loop)()
    assert runner.iter == 0


@pytest.mark.parametrize('name', ['tsm_busv_real', 'tsm_phantom_real'])
def test_a_tsm_of_mmaction2s_recognizer_is_refused_with_a_head_for_other_segments(name):
    init_default_scope('mmaction')
    model = Config.fromfile(CONFIGS / f'{name}.py').model
    for segments in (8, 4):
        model.cls_head.num_segments = segments
        with torch.device('meta'):
            runner = SimpleNamespace(model=MODELS.build(model))
        if segments == 8:
            DataGuardHook().before_run(runner)
        else:
            with pytest.raises(ValueError, match='cls_head has num_segments=4 and backbone has'):
                DataGuardHook().before_run(runner)


# ── files, and what an audit says of them ──

@pytest.fixture
def divided(tmp_path: Path) -> Callable[..., VideoClipDataset]:
    """divided(split) → the videos of one part; each has its own group, sha256 as given."""
    sha256s = dict(a='1', b='2', c='3', d='1')       # d is a, under another name
    lines = [f'{name}.npy,benign,{name},{"test" if name in "cd" else "train"},{sha256}'
             for name, sha256 in sha256s.items()]
    for name in sha256s:
        np.save(tmp_path / f'{name}.npy', np.zeros((16, 8, 8), np.uint8))
    table = tmp_path / 'videos.csv'
    table.write_text('\n'.join(['path,label,group,split,sha256', *lines]))
    return lambda split: VideoClipDataset(str(table), split=split)


@pytest.mark.parametrize('wrap', [lambda real: RepeatDataset(real, times=2),
                                  lambda real: ConcatDataset([real, real])],
                         ids=['RepeatDataset', 'ConcatDataset'])
def test_groups_of_a_wrapped_part_of_a_mix_are_guarded(toy_runner, divided, wrap):
    mix = LDDMMixedDataset(wrap(divided('train')), divided('test'))
    runner = toy_runner(1, hooks=HOOKS, train=mix, val=Points('xbay'))
    with pytest.raises(ValueError, match='in training and in validation, but 2 of them do: a, b;'):
        runner.train()
    assert runner.iter == 0


def write_record(folder: Path, same: str = '', leaks: Sequence[str] = ()) -> None:
    table = folder / 'videos.csv'
    record = dict(
        format_version=FORMAT_VERSION,
        tables=[dict(table=str(table), sha256=sha256_of(table), split_sha256=None)],
        leaks=[dict(kind='group', what=what) for what in leaks],
        same=[dict(items=[dict(path=f'../{name}.npy', frame=None) for name in same])])
    (folder / 'audit').mkdir()
    (folder / 'audit' / 'audit.json').write_text(json.dumps(record))


def compare_files(part: str, train: Any, held_out: Any) -> None:
    refuse_shared_files(part, SourceFiles.of(train), SourceFiles.of(held_out),
                        audits_of(train, held_out))


def test_the_same_file_under_two_names_is_refused(divided):
    with pytest.raises(ValueError, match=r'nothing in test may show .* 1 files do: .*a\.npy and '
                                         r'.*d\.npy; draw the split'):
        compare_files('test', divided('train'), divided('test'))


def test_what_an_audit_found_to_show_the_same_is_refused(divided, tmp_path):
    write_record(tmp_path, same='bc')
    with pytest.raises(ValueError, match=r'2 files do: .*a\.npy and .*d\.npy; .*b\.npy and .*c\.n'):
        compare_files('validation', divided('train'), divided('test'))


def test_on_request_leakage_is_only_warned_of(toy_runner, monkeypatch):
    warned: list[str] = []
    monkeypatch.setattr(data_guard_hook, 'print_log', lambda text, **_: warned.append(text))
    runner = toy_runner(1, hooks=[dict(type='DataGuardHook', allow_leakage=True)],
                        val=Points('abc'))
    runner.train()
    assert runner.epoch == 1
    assert warned and warned[0].startswith('LEAKAGE, allowed by allow_leakage=True: DataGuardHook')


def test_synthetic_clips_are_refused_even_where_leakage_is_allowed(toy_runner):
    runner = toy_runner(1, hooks=[dict(type='DataGuardHook', allow_leakage=True)],
                        val=Points('xyz', origins='ssssss'))
    with pytest.raises(ValueError, match='must see real clips only'):
        runner.train()


def test_leaks_of_an_audit_are_refused_until_the_table_is_another(divided, tmp_path):
    write_record(tmp_path, leaks=['group p stands in test and train'])
    with pytest.raises(ValueError, match=r'found 1 leaks: group p stands in test and train\. See '
                                         r'.*audit\.html; correct them'):
        refuse_audited_leaks('DataGuardHook', leaves(divided('train')))
    with (tmp_path / 'videos.csv').open('a') as table:
        table.write('\n')
    refuse_audited_leaks('DataGuardHook', leaves(divided('train')))


# ── MMAction2's data sets, which know no groups ──

@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Videos of six patients with two videos each, 0a.npy to 5b.npy; a table divides them."""
    random = np.random.default_rng(0)
    rows = ['path,label,group,split']
    for patient in range(6):
        for take in 'ab':
            np.save(tmp_path / f'{patient}{take}.npy', random.integers(0, 9, (16, 4, 4), np.uint8))
            rows.append(f'{patient}{take}.npy,benign,p{patient},'
                        f'{"train" if patient < 3 else "test"}')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    (tmp_path / 'stills.csv').write_text('path,label,group,frame\n0a.npy,benign,s0,3\n')
    (tmp_path / 'elsewhere.csv').write_text('path,label,group\n0a.npy,benign,p0\n')
    return tmp_path


def plain(kind: str, folder: Path, names: str, **kwargs: object) -> Any:
    """A data set of MMAction2 that lists these files or folders of frames."""
    init_default_scope('mmaction')
    ann_file = folder / 'list.txt'
    if kind == 'PoseDataset':
        ann_file = folder / 'list.pkl'
        ann_file.write_bytes(pickle.dumps([
            dict(frame_dir=str(folder / name), total_frames=16, label=0) for name in names.split()
        ]))
    elif kind == 'RawframeDataset':
        ann_file.write_text(''.join(f'{folder / name} 16 0\n' for name in names.split()))
    else:
        ann_file.write_text(''.join(f'{folder / name} 0\n' for name in names.split()))
    return DATASETS.build(dict(type=kind, ann_file=str(ann_file), pipeline=[], **kwargs))


def check(train: Any, held_out: Any) -> None:
    """What the hook does before a training."""
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=held_out))
    DataGuardHook(own_labels=True).before_train(SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=train), val_loop=loop, test_loop=None,
        model=SimpleNamespace()))


TRAIN = dict(
    plain=lambda folder: VideoClipDataset(str(folder / 'elsewhere.csv')),
    repeated=lambda folder: RepeatDataset(VideoClipDataset(str(folder / 'elsewhere.csv')), 3),
    joined=lambda folder: ConcatDataset([VideoClipDataset(str(folder / 'elsewhere.csv'))] * 2),
    balanced=lambda folder: ClassBalancedDataset(
        VideoClipDataset(str(folder / 'elsewhere.csv')), 0.1),
    part=lambda folder: Subset(VideoClipDataset(str(folder / 'elsewhere.csv')), [0]),
    mixed=lambda folder: LDDMMixedDataset(VideoClipDataset(str(folder / 'elsewhere.csv')),
                                          VideoClipDataset(str(folder / 'elsewhere.csv'))),
    still=lambda folder: StillDataset(str(folder / 'stills.csv')),
    theirs=lambda folder: plain('VideoDataset', folder, '0a.npy 1a.npy'))


@pytest.mark.parametrize('train', TRAIN)
def test_a_file_of_the_training_is_found_in_a_validation_of_mmaction2(clinic, train):
    dataset = TRAIN[train](clinic)
    with pytest.raises(ValueError, match=r'validation .* 1 files do: \S*/0a\.npy;'):
        check(dataset, plain('VideoDataset', clinic, '5a.npy 0a.npy'))
    check(dataset, plain('VideoDataset', clinic, '5a.npy 5b.npy'))


@pytest.mark.parametrize('kind', ['VideoDataset', 'RawframeDataset', 'PoseDataset'])
def test_it_is_found_whatever_the_validation_calls_it(clinic, kind):
    train = TRAIN['plain'](clinic)
    with pytest.raises(ValueError, match=r'1 files do: \S*/0a\.npy;'):
        check(train, RepeatDataset(plain(kind, clinic, '../' + clinic.name + '/0a.npy'), 2))


def test_a_copy_under_another_name_is_found_by_its_content(clinic):
    shutil.copy(clinic / '0a.npy', clinic / 'copy.npy')
    with pytest.raises(ValueError, match=r'1 files do: \S*/0a\.npy and \S*/copy\.npy;'):
        check(TRAIN['plain'](clinic), plain('VideoDataset', clinic, '5a.npy copy.npy'))


def test_a_copied_folder_of_frames_is_found_by_its_content(clinic):
    for name, value in (('one', 1), ('same', 1), ('other', 2)):
        (clinic / name).mkdir()
        for frame in range(3):
            (clinic / name / f'{frame}.png').write_bytes(bytes([value, frame]))
    train = plain('RawframeDataset', clinic, 'one')
    check(train, plain('RawframeDataset', clinic, 'other'))
    with pytest.raises(ValueError, match=r'1 files do: \S*/one and \S*/same;'):
        check(train, plain('RawframeDataset', clinic, 'other same'))


def test_a_patient_of_the_training_is_found_where_only_the_training_knows_patients(clinic):
    train = VideoClipDataset(str(clinic / 'videos.csv'), split='train')
    check(train, plain('VideoDataset', clinic, '3a.npy 4b.npy'))
    (clinic / 'videos.csv').write_text(
        (clinic / 'videos.csv').read_text().replace('3b.npy,benign,p3,test',
                                                    '3b.npy,benign,p3,train'))
    train = VideoClipDataset(str(clinic / 'videos.csv'), split='train')
    with pytest.raises(ValueError, match='1 of them do: p3;'):
        check(train, plain('VideoDataset', clinic, '3a.npy 4b.npy'))


def test_other_frames_of_one_file_are_no_leak_but_the_same_and_the_whole_are(clinic):
    def still(frame: int, group: str) -> StillDataset:
        (clinic / f'{group}.csv').write_text(f'path,label,group,frame\n0a.npy,b,{group},{frame}\n')
        return StillDataset(str(clinic / f'{group}.csv'))

    compare_files('test', still(3, 'x'), still(5, 'y'))
    for held_out in still(3, 'z'), plain('VideoDataset', clinic, '0a.npy'):
        with pytest.raises(ValueError, match=r'1 files do: \S*/0a\.npy;'):
            compare_files('test', still(3, 'x'), held_out)


def test_parts_of_one_data_set_share_nothing(clinic):
    whole = VideoClipDataset(str(clinic / 'videos.csv'))
    check(Subset(whole, range(4)), Subset(whole, range(4, 12)))
    with pytest.raises(ValueError, match='1 of them do: p1;'):
        check(Subset(whole, range(3)), Subset(whole, range(3, 12)))


@pytest.mark.parametrize('decoder, named', [
    ('DecordDecode', ['training', 'validation']), ('PyAVDecode', [])])
def test_files_in_which_decord_seeks_in_vain_are_warned_of(tmp_path, monkeypatch, decoder, named):
    init_default_scope('mmaction')
    for name in ('a.mpg', 'b.mp4', 'c.AVI'):
        (tmp_path / name).write_bytes(name.encode())
    parts = []
    for names in (['a.mpg', 'b.mp4'], ['c.AVI']):
        (tmp_path / 'list.txt').write_text(''.join(f'{tmp_path / name} 0\n' for name in names))
        parts.append(DATASETS.build(dict(type='VideoDataset', ann_file=str(tmp_path / 'list.txt'),
                                         pipeline=[dict(type=decoder)])))
    warned: list[str] = []
    monkeypatch.setattr(data_guard_hook, 'print_log', lambda text, **_: warned.append(text))
    check(RepeatDataset(parts[0], 2), parts[1])
    assert [part for text in warned for part in ('training', 'validation')
            if f'in 1 files of {part}, such as {tmp_path}' in text] == named
    assert len(warned) == len(named)
