from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from lddm_aug import locks
from lddm_aug.data.annotations import Annotation
from lddm_aug.files import sha256_of
from lddm_aug.functional.pixels import to_uint8, to_unit
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.store.manifest import PARTIAL, ROW_KEYS, read_manifest
from lddm_aug.store.rows import make_table, write_table
from lddm_aug.store.shards import clip_sha256
from lddm_aug.store.writer import StoreWriter
from lddm_aug.synthesis import synthesize as module
from lddm_aug.synthesis.plan import plan_clips
from lddm_aug.synthesis.synthesize import Summary, synthesize


@pytest.fixture
def generator(tiny_lddm, tmp_path):
    save_package(tmp_path / 'package', tiny_lddm, ['p8', 'p9'])
    return tiny_lddm


@pytest.fixture
def stills(tmp_path: Path) -> list[Annotation]:
    """Ten rows; two of them name the same file."""
    random = np.random.default_rng(0)
    paths = [tmp_path / f'benign ({number}).png' for number in range(9)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(path)
    return [Annotation(path, ('benign', 'malignant')[i % 2], f'p{i}', None, None, i)
            for i, path in enumerate([*paths, paths[0]])]


def run(generator: Generator, stills: list[Annotation], out: Path, **options: Any) -> Summary:
    return synthesize(generator, stills, out, progress=False, **options)


def test_a_clip_is_what_the_generator_makes_of_its_still_and_seed(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    manifest = read_manifest(tmp_path / 'store')
    for number, row in enumerate(manifest.rows):
        still = to_unit(torch.tensor(np.asarray(Image.open(row['still']))))
        clip = to_uint8(generator(still[None, None], [row['seed']]))[0, 0].numpy()
        kept = manifest.read_clip(number)
        assert kept.dtype == np.uint8
        assert (kept == clip).all()
        assert (kept[0] == np.asarray(Image.open(row['still']))).all()
        assert (kept[1:] != kept[0]).any()


def test_a_conditional_generator_gets_the_classes_of_the_stills(
        tiny_conditional_lddm, stills, tmp_path):
    save_package(tmp_path / 'package', tiny_conditional_lddm, ['p8'])
    run(tiny_conditional_lddm, stills, tmp_path / 'store')
    manifest = read_manifest(tmp_path / 'store')
    for number, row in enumerate(manifest.rows):
        still = to_unit(torch.tensor(np.asarray(Image.open(row['still']))))
        conditional, unconditional = (
            to_uint8(tiny_conditional_lddm(still[None, None], [row['seed']], [told]))[0, 0]
            for told in (dict(label=row['label']), {}))
        kept = manifest.read_clip(number)
        assert (kept == conditional.numpy()).all() and (kept != unconditional.numpy()).any()


def test_a_still_of_a_class_that_the_generator_does_not_know_is_refused(
        tiny_conditional_lddm, stills, tmp_path):
    save_package(tmp_path / 'package', tiny_conditional_lddm, ['p8'])
    stills[3] = replace(stills[3], label='normal')
    with pytest.raises(ValueError, match=r"synthesize: .*benign, malignant, .*'normal'"):
        run(tiny_conditional_lddm, stills, tmp_path / 'store')
    assert not (tmp_path / 'store').exists()


def test_every_row_says_where_its_clip_came_from(generator, stills, tmp_path):
    summary = run(generator, stills, tmp_path / 'store', per_still=2)
    rows, header, clips = read_manifest(tmp_path / 'store')
    assert summary.clips == summary.made == len(rows) == 20
    assert Counter((row['still'], row['group'], row['label']) for row in rows) == {
        (str(still.path), still.group, still.label): 2 for still in stills}
    assert [row['clip_id'] for row in rows] == sorted({row['clip_id'] for row in rows})
    for row in rows:
        assert set(ROW_KEYS) <= set(row)
        still = Path(row['still']).read_bytes()
        assert hashlib.sha256(still).hexdigest() == row['still_sha256']
        assert clip_sha256(clips.read(row['place'])).hex() == row['sha256']
        assert row['package_sha256'] == generator.package_sha256
        assert (row['generator'], row['sampler'], row['steps'], row['frame_stride']) == (
            'LDDMGenerator', 'DPMSolverMultistep', 3, 3)
        assert row['shape'] == [8, 16, 16]
    assert header['generator_groups'] == ['p8', 'p9']


@pytest.mark.parametrize('options', [
    {'batch_size': 1, 'workers': 1}, {'batch_size': 8}, {'batch_size': 3, 'workers': 2},
    {'batch_size': 8, 'workers': 3}], ids=str)
def test_batches_and_workers_do_not_change_a_byte(generator, stills, tmp_path, options, count_in):
    count_in('1 to 3 workers, batches of 1 to 8: the bytes of one process', 'of {} stores differed',
             'failed')
    run(generator, stills, tmp_path / 'expected')
    run(generator, stills, tmp_path / 'store', **options)
    assert sha256_of(tmp_path / 'store') == sha256_of(tmp_path / 'expected')


@pytest.mark.parametrize('count', [1, 2, 3])
def test_clips_of_several_devices_are_those_of_one(generator, stills, tmp_path, count):
    run(generator, stills, tmp_path / 'expected')
    summary = run(generator, stills, tmp_path / 'store', devices=[torch.device('cpu')] * count,
                  batch_size=2)
    assert summary.made == 10
    assert sha256_of(tmp_path / 'store') == sha256_of(tmp_path / 'expected')


def test_what_makes_clips_can_be_sent_to_another_process(generator, stills):
    pixels, sha256s = module._look_at(generator, stills, progress=False)
    device = torch.device('cpu')
    batches = module.Batches(generator, device, plan_clips(stills, sha256s), [np.arange(3)],
                             pixels, [device])
    expected = batches[0]
    assert (np.stack(pickle.loads(pickle.dumps(batches))[0]) == np.stack(expected)).all()


def test_devices_of_several_types_are_refused(generator, stills, tmp_path):
    with pytest.raises(ValueError, match=r'of one type.* cpu, cuda:0'):
        run(generator, stills, tmp_path / 'store',
            devices=[torch.device('cpu'), torch.device('cuda:0')])
    assert not (tmp_path / 'store').exists()


def test_another_seed_gives_other_clips(generator, stills, tmp_path):
    for seed in (0, 1):
        run(generator, stills, tmp_path / str(seed), seed=seed)
    first, second = (read_manifest(tmp_path / str(seed)).rows for seed in (0, 1))
    assert {row['sha256'] for row in first}.isdisjoint(row['sha256'] for row in second)


class StopError(Exception):
    """What ends a run in the middle."""


@pytest.mark.parametrize('stop', [StopError, KeyboardInterrupt])
@pytest.mark.parametrize('workers', [0, 2])
def test_an_interrupted_run_resumes_and_ends_like_an_uninterrupted_one(
        generator, stills, tmp_path, monkeypatch, stop, workers):
    run(generator, stills, tmp_path / 'expected')
    add = StoreWriter.add

    def add_and_stop(store, places, clips):
        add(store, places, clips)
        if len(store) >= 4:
            raise stop

    monkeypatch.setattr(StoreWriter, 'add', add_and_stop)
    with pytest.raises(stop):
        run(generator, stills, tmp_path / 'store', batch_size=2, workers=workers)
    with pytest.raises(FileNotFoundError, match='unfinished'):
        read_manifest(tmp_path / 'store')
    monkeypatch.setattr(StoreWriter, 'add', add)
    partial = tmp_path / 'store' / PARTIAL
    partial.write_bytes(partial.read_bytes()[:-9])           # killed while writing the last row
    summary = run(generator, stills, tmp_path / 'store', workers=workers)
    assert summary.made == 7
    assert sha256_of(tmp_path / 'store') == sha256_of(tmp_path / 'expected')


@pytest.mark.skipif(not Path('/proc/self/stat').exists(), reason='needs /proc')
def test_the_workers_of_a_killed_run_end_with_it(stills, tmp_path, monkeypatch):
    generator = RepeatStill(size=16, num_frames=5000)        # clips too large for a pipe's buffer
    save_package(tmp_path / 'package', generator, [])
    monkeypatch.setattr(StoreWriter, 'add', lambda *_: time.sleep(60))
    killed = multiprocessing.get_context('fork').Process(
        target=run, args=[generator, stills, tmp_path / 'store'],
        kwargs={'workers': 2, 'batch_size': 1})
    killed.start()
    assert wait_for(lambda: len(children(killed.pid)) == 2)
    time.sleep(0.5)
    workers = children(killed.pid)
    killed.kill()
    killed.join()
    try:
        assert wait_for(lambda: not any(map(is_running, workers)))
    finally:
        for worker in filter(is_running, workers):
            os.kill(int(worker), signal.SIGKILL)


def children(pid: int | None) -> list[str]:
    return Path(f'/proc/{pid}/task/{pid}/children').read_text().split()


def is_running(pid: str) -> bool:
    stat = Path(f'/proc/{pid}/stat')
    return stat.exists() and stat.read_text().rpartition(')')[2].split()[0] != 'Z'


def wait_for(condition: Callable[[], bool], seconds: float = 60.) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_a_full_disk_leaves_nothing_that_looks_finished(generator, stills, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(module, 'write_contact_sheet', full)
    with pytest.raises(OSError, match='No space left'):
        run(generator, stills, tmp_path / 'store')
    assert not (tmp_path / 'store' / 'manifest.arrow').exists()
    monkeypatch.undo()
    assert run(generator, stills, tmp_path / 'store').made == 0
    assert len(read_manifest(tmp_path / 'store').rows) == 10


def test_a_finished_store_is_left_as_it_is(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'store').rglob('*')}
    summary = run(generator, stills, tmp_path / 'store')
    assert (summary.clips, summary.made, summary.clips_per_second) == (10, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / 'store').rglob('*')} == before


def test_a_damaged_clip_of_a_finished_store_is_made_again(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    before = sha256_of(tmp_path / 'store')
    shard = tmp_path / 'store/clips/shard-00000.npy'
    clips = np.load(shard, mmap_mode='r+')
    clips[3, 2, 1, 0] ^= 1
    clips.flush()
    assert run(generator, stills, tmp_path / 'store').made == 1
    assert sha256_of(tmp_path / 'store') == before
    shard.write_bytes(shard.read_bytes()[:-1])
    assert run(generator, stills, tmp_path / 'store').made == 1
    assert sha256_of(tmp_path / 'store') == before
    shard.write_bytes(b'damaged')
    assert run(generator, stills, tmp_path / 'store').made == 10
    assert sha256_of(tmp_path / 'store') == before


def test_another_plan_in_the_same_folder_is_refused(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    before = sha256_of(tmp_path / 'store')
    with pytest.raises(ValueError, match=r'another plan \(its seed differ'):
        run(generator, stills, tmp_path / 'store', seed=1)
    with pytest.raises(ValueError, match=r'another plan \(its per_still, clips, stills differ'):
        run(generator, stills, tmp_path / 'store', per_still=2)
    Image.new('L', (16, 16)).save(stills[3].path)
    with pytest.raises(ValueError, match=r'another plan \(its stills differ'):
        run(generator, stills, tmp_path / 'store')
    save_package(tmp_path / 'other', generator, [])
    with pytest.raises(ValueError, match='package_sha256, generator_groups'):
        run(generator, stills, tmp_path / 'store')
    assert sha256_of(tmp_path / 'store') == before


def test_all_stills_that_cannot_be_used_are_named_before_anything_is_made(
        generator, stills, tmp_path):
    stills[2].path.write_bytes(b'')
    stills[4].path.unlink()
    stills[6] = replace(stills[6], frame=3)                  # of a picture that has but one
    with pytest.raises(ValueError, match='3 of 10 stills') as refused:
        run(generator, stills, tmp_path / 'store')
    assert not (tmp_path / 'store').exists()
    lines = str(refused.value).splitlines()[1:]
    assert [still.path.name for still in stills if any(still.path.name in x for x in lines)] == [
        'benign (2).png', 'benign (4).png', 'benign (6).png']


def test_stills_of_other_sizes_and_modes_are_fitted_to_the_generator(generator, stills, tmp_path):
    Image.new('RGB', (32, 16), (90, 90, 90)).save(stills[0].path)
    run(generator, stills[:1], tmp_path / 'store')
    expected = np.zeros((16, 16), np.uint8)
    expected[4:12] = 90
    assert (read_manifest(tmp_path / 'store').read_clip(0)[0] == expected).all()


def test_colour_stills_become_colour_clips(stills, tmp_path):
    generator = RepeatStill(size=16, channels=3, num_frames=5)
    save_package(tmp_path / 'package', generator, [])
    for still in stills:
        Image.open(still.path).convert('RGB').save(still.path)
    run(generator, stills, tmp_path / 'store')
    manifest = read_manifest(tmp_path / 'store')
    assert manifest.rows[0]['shape'] == [5, 16, 16, 3]
    still = Image.open(manifest.rows[0]['still'])
    assert (manifest.read_clip(0) == np.asarray(still)).all()


def test_the_contact_sheet_shows_at_most_a_dozen_clips(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store', per_still=2)
    with Image.open(tmp_path / 'store' / 'contact_sheet.png') as sheet:
        assert sheet.width > 8 * 96
        assert 12 * 96 < sheet.height < 13 * (96 + 22)


@pytest.mark.parametrize('options, message', [
    ({'batch_size': 0}, 'batch_size .*1, but got 0'),
    ({'workers': -1}, 'workers .*got -1'),
    ({'per_still': 0}, 'per_still .*got 0')])
def test_wrong_options_are_refused_before_anything_is_made(
        generator, stills, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        run(generator, stills, tmp_path / 'store', **options)
    assert not (tmp_path / 'store').exists()


def test_clips_without_provenance_are_refused(tiny_lddm, stills, tmp_path):
    with pytest.raises(ValueError, match=r'LDDMGenerator .*save_package'):
        run(tiny_lddm, stills, tmp_path / 'store')


def test_no_stills_are_refused(generator, tmp_path):
    with pytest.raises(ValueError, match='at least one still'):
        run(generator, [], tmp_path / 'store')


def test_a_store_can_be_moved(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    shutil.move(tmp_path / 'store', tmp_path / 'moved')
    manifest = read_manifest(tmp_path / 'moved')
    for number, row in enumerate(manifest.rows):
        assert clip_sha256(manifest.read_clip(number)).hex() == row['sha256']


@pytest.mark.parametrize('options, message', [
    (dict(seed=-1), 'seed .*got -1'),
    (dict(workers=-1), 'workers .*got -1')])
def test_a_number_below_zero_is_refused_before_anything_is_written(
        generator, stills, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        run(generator, stills, tmp_path / 'store', **options)
    assert not (tmp_path / 'store').exists()


def rows_in(store: Path) -> pa.Table:
    return pa.ipc.open_file((store / 'manifest.arrow').read_bytes()).read_all()


def rewrite(store: Path, table: pa.Table) -> None:
    with (store / 'manifest.arrow').open('wb') as file:
        write_table(table, file)


def flipped_label(store):
    table = rows_in(store)
    first, *others = table['label'].to_pylist()
    labels = ['benign' if first == 'malignant' else 'malignant', *others]
    rewrite(store, make_table({**dict(zip(table.column_names, table.columns, strict=True)),
                               'label': pa.array(labels)}))


def doubled_row(store):
    rewrite(store, rows_in(store).take(pa.array([*range(9), 0])))


def damaged_plan(store):
    (store / 'plan.json').write_text('{"format_')


def lost_plan(store):
    (store / 'plan.json').unlink()


@pytest.mark.parametrize('change', [flipped_label, doubled_row, damaged_plan, lost_plan])
@pytest.mark.parametrize('with_digest', [True, False])
def test_a_store_whose_records_were_changed_is_corrected(
        generator, stills, tmp_path, change, with_digest):
    store = tmp_path / 'store'
    run(generator, stills, store)
    before = sha256_of(store)
    if not with_digest:                                  # as somebody leaves it who changes both
        plan = json.loads((store / 'plan.json').read_text())
        del plan['rows_sha256']
        (store / 'plan.json').write_text(json.dumps(plan))
    change(store)
    with pytest.raises((ValueError, FileNotFoundError), match=r'manifest\.arrow|plan\.json'):
        read_manifest(store)
    assert run(generator, stills, store).made <= 1
    assert sha256_of(store) == before
    assert run(generator, stills, store).made == 0


def test_a_damaged_plan_is_not_written_again_over_clips_of_another_package(
        generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    damaged_plan(tmp_path / 'store')
    save_package(tmp_path / 'other', generator, [])
    with pytest.raises(ValueError, match=r'plan\.json is not JSON'):
        run(generator, stills, tmp_path / 'store')
    save_package(tmp_path / 'package', generator, ['p8', 'p9'])
    with pytest.raises(ValueError, match=r'plan\.json is not JSON'):
        run(generator, stills, tmp_path / 'store', seed=1)


def test_the_same_stills_may_lie_elsewhere(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    (tmp_path / 'mount').mkdir()
    for path in {still.path for still in stills}:
        path.rename(tmp_path / 'mount' / path.name)
    moved = [replace(still, path=tmp_path / 'mount' / still.path.name) for still in stills]
    assert run(generator, moved, tmp_path / 'store').made == 0


def test_a_second_writer_of_a_store_is_refused_and_the_first_goes_on(
        generator, stills, tmp_path, monkeypatch, count_in):
    count_in('a second writer of a store: refused, and the first goes on', 'of {} tests failed',
             'failed')
    monkeypatch.setattr(locks, 'SECONDS', 0.1)
    made, add = [], StoreWriter.add

    def add_and_run_again(store, places, clips):
        add(store, places, clips)
        if not made:
            with pytest.raises(ValueError, match=r'store is being written by another process'):
                run(generator, stills, tmp_path / 'store')
        made.extend(clips)

    monkeypatch.setattr(StoreWriter, 'add', add_and_run_again)
    run(generator, stills, tmp_path / 'store', batch_size=3)
    assert len(made) == 10 and len(read_manifest(tmp_path / 'store').rows) == 10


def test_what_killed_runs_left_is_removed(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'store')
    before = sha256_of(tmp_path / 'store')
    for left in ('.plan.json.0123abcd.tmp', 'clips/.shard-00000.npy.0123abcd.tmp',
                 'clips/0-a.npy.tmp'):
        (tmp_path / 'store' / left).touch()
    (tmp_path / 'store/manifest.arrow').unlink()
    run(generator, stills, tmp_path / 'store')
    assert sha256_of(tmp_path / 'store') == before


def test_the_order_of_the_table_changes_no_byte(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'expected', per_still=2)
    run(generator, stills[::-1], tmp_path / 'store', per_still=2)
    one, other = (read_manifest(tmp_path / name).rows for name in ('expected', 'store'))
    assert [row['clip_id'] for row in one] == [row['clip_id'] for row in other]
    assert sha256_of(tmp_path / 'store') == sha256_of(tmp_path / 'expected')


def test_shards_have_the_clips_of_the_whole_each_once(generator, stills, tmp_path):
    run(generator, stills, tmp_path / 'whole', per_still=2)
    parts = []
    for shard in range(3):
        run(generator, stills, tmp_path / f'{shard}', per_still=2, shard=shard, shards=3)
        parts += [(row['clip_id'], row['sha256'], row['seed'])
                  for row in read_manifest(tmp_path / f'{shard}').rows]
    assert sorted(parts) == [(row['clip_id'], row['sha256'], row['seed'])
                             for row in read_manifest(tmp_path / 'whole').rows]


def test_a_row_that_stands_there_twice_has_two_clips(generator, stills, tmp_path):
    run(generator, [stills[0], stills[0]], tmp_path / 'store')
    one, other = read_manifest(tmp_path / 'store').rows
    assert one['clip_id'] != other['clip_id'] and one['sha256'] == other['sha256']


@pytest.mark.parametrize('workers', [0, 2])
def test_only_the_first_stills_are_decoded_beforehand_and_a_damaged_one_costs_itself(
        generator, stills, tmp_path, monkeypatch, workers):
    monkeypatch.setattr(module, 'LOOKED_AT', 3)
    run(generator, stills, tmp_path / 'expected')
    stills[5].path.write_bytes(b'damaged')
    summary = run(generator, stills, tmp_path / 'store', workers=workers, batch_size=2)
    assert (summary.clips, summary.made, len(summary.left_out)) == (9, 9, 1)
    assert 'benign (5).png' in summary.left_out[0]
    manifest, expected = (read_manifest(tmp_path / name) for name in ('store', 'expected'))
    clips = {row['clip_id']: row['sha256'] for row in expected.rows}
    assert {row['clip_id']: row['sha256'] for row in manifest.rows}.items() < clips.items()
    assert 'benign-5-' in manifest.header['left_out'][0]['clip_id']
    before = sha256_of(tmp_path / 'store')
    assert run(generator, stills, tmp_path / 'store').made == 0
    assert sha256_of(tmp_path / 'store') == before


def test_a_still_that_changed_since_its_table_was_made_is_not_used(
        generator, stills, tmp_path, monkeypatch):
    listed = [replace(still, sha256=sha256_of(still.path)) for still in stills]
    Image.new('L', (16, 16)).save(stills[5].path)
    with pytest.raises(ValueError, match=r'benign \(5\)\.png was changed'):
        run(generator, listed, tmp_path / 'store')
    monkeypatch.setattr(module, 'LOOKED_AT', 3)
    summary = run(generator, listed, tmp_path / 'store')
    assert summary.made == 9 and 'benign (5).png was changed' in summary.left_out[0]


def test_memory_does_not_grow_with_the_stills(generator, stills, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'LOOKED_AT', 3)
    pixels, _ = module._look_at(generator, stills, progress=False)
    assert len(pixels) == 3


def kill_and_resume(generator, stills, store, moment) -> None:
    process = multiprocessing.get_context('fork').Process(
        target=run, args=(generator, stills, store), kwargs=dict(batch_size=1))
    process.start()
    partial = store / PARTIAL
    wait_for(lambda: not process.is_alive() or (
        partial.exists() and len(partial.read_bytes().splitlines()) > moment))
    process.kill()
    process.join()


@pytest.mark.parametrize('moment', [0, 1, 4, 9])
def test_a_run_that_is_killed_resumes_to_the_same_bytes(generator, stills, tmp_path, moment):
    run(generator, stills, tmp_path / 'expected')
    kill_and_resume(generator, stills, tmp_path / 'store', moment)
    assert run(generator, stills, tmp_path / 'store').made <= 10 - min(moment, 9) + 1
    assert sha256_of(tmp_path / 'store') == sha256_of(tmp_path / 'expected')
