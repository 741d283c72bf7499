from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.store.manifest import clip_path, read_manifest
from lddm_aug.store.writer import StoreWriter

PLAN = {'package_sha256': 'ab', 'generator_groups': ['p9'], 'seed': 0, 'clips': 3}
IDS = ['0-a-0', '1-b-0', '2-c-0']


def clip(clip_id: str) -> np.ndarray:
    return np.full((4, 8, 8), int(clip_id[0]), np.uint8)


def row(clip_id: str) -> dict:
    return {'clip_id': clip_id, 'still': '/a.png', 'still_sha256': 'cd', 'still_frame': None,
            'group': 'p1', 'label': 'benign', 'seed': 5, 'package_sha256': 'ab',
            'generator': 'RepeatStill', 'sampler': None, 'steps': None, 'frame_stride': 3,
            'versions': {}}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    writer = StoreWriter(tmp_path / 'store', PLAN)
    writer.resume()
    writer.add([(clip(clip_id), row(clip_id)) for clip_id in reversed(IDS)])
    writer.finish(IDS)
    return tmp_path / 'store'


def test_what_was_kept_is_read_back_in_the_plans_order(store):
    rows, header = read_manifest(store)
    assert [row['clip_id'] for row in rows] == IDS
    assert header['generator_groups'] == ['p9']
    assert rows[0]['shape'] == [4, 8, 8]
    for kept in rows:
        assert (np.load(store / kept['path']) == clip(kept['clip_id'])).all()


@pytest.mark.parametrize('key', ['clips', 'generator_groups'])
def test_a_plan_that_lacks_a_key_is_refused(store, key):
    plan = json.loads((store / 'plan.json').read_text())
    del plan[key]
    (store / 'plan.json').write_text(json.dumps(plan))
    with pytest.raises(ValueError, match=rf'plan\.json .*{key}'):
        read_manifest(store)


def test_a_line_that_is_no_row_is_refused(store):
    manifest = store / 'manifest.jsonl'
    manifest.write_text('7\n' + manifest.read_text().split('\n', 1)[1])
    with pytest.raises(ValueError, match=r'manifest\.jsonl, line 1 must hold an object'):
        read_manifest(store)


def test_a_finished_store_holds_nothing_temporary(store):
    assert sorted(path.relative_to(store).as_posix() for path in store.rglob('*')) == [
        'clips', 'clips/0-a-0.npy', 'clips/1-b-0.npy', 'clips/2-c-0.npy', 'manifest.jsonl',
        'plan.json']


def test_until_it_is_finished_there_is_no_manifest(tmp_path):
    writer = StoreWriter(tmp_path, PLAN)
    writer.resume()
    writer.add([(clip(IDS[0]), row(IDS[0]))])
    with pytest.raises(FileNotFoundError, match=r'manifest\.jsonl .*unfinished'):
        read_manifest(tmp_path)


def test_reopened_it_has_the_clips_that_are_complete(store):
    (store / 'manifest.jsonl').rename(store / 'manifest.partial.jsonl')
    (store / 'clips' / '1-b-0.npy').write_bytes(b'damaged')
    with (store / 'manifest.partial.jsonl').open('a') as partial:
        partial.write('{"clip_id": "3-d')
    writer = StoreWriter(store, PLAN)
    assert [clip_id in writer for clip_id in IDS] == [True, False, True]
    assert not writer.finished


def test_a_finished_store_with_a_damaged_clip_is_unfinished_again(store):
    (store / 'clips' / '1-b-0.npy').unlink()
    writer = StoreWriter(store, PLAN)
    assert writer.finished and len(writer) == 2
    writer.resume()
    assert not writer.finished
    assert len((store / 'manifest.partial.jsonl').read_text().splitlines()) == 2


def test_another_plan_is_refused_and_named(store):
    with pytest.raises(ValueError, match=r'another plan \(its seed differ'):
        StoreWriter(store, {**PLAN, 'seed': 1})


def test_other_files_are_not_mixed_with_clips(tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(ValueError, match=r'exists and is no store'):
        StoreWriter(tmp_path, PLAN)
    with pytest.raises(ValueError, match=r'exists and is no store'):
        StoreWriter(tmp_path / 'thesis.tex', PLAN)
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.tex']


def without_manifest(store):
    (store / 'manifest.jsonl').unlink()
    (store / 'plan.json').unlink()


def empty(store):
    (store / 'manifest.jsonl').write_text('')


def broken(store):
    path = store / 'manifest.jsonl'
    path.write_text(path.read_text()[:-20])


def too_short(store):
    path = store / 'manifest.jsonl'
    path.write_text(path.read_text().splitlines()[0])


def without_label(store):
    path = store / 'manifest.jsonl'
    path.write_text(path.read_text().replace('"label"', '"class"'))


def pointing_out(store):
    path = store / 'manifest.jsonl'
    path.write_text(path.read_text().replace('clips/2', '../../2'))


def without_plan(store):
    (store / 'plan.json').unlink()


def broken_plan(store):
    (store / 'plan.json').write_text('{')


def of_another_version(store):
    plan = json.loads((store / 'plan.json').read_text())
    (store / 'plan.json').write_text(json.dumps({**plan, 'format_version': 99}))


@pytest.mark.parametrize('damage, error, message', [
    (without_manifest, FileNotFoundError, r'manifest\.jsonl .*no store'),
    (empty, ValueError, r'manifest\.jsonl .*empty'),
    (broken, ValueError, r'manifest\.jsonl, line 3 .*JSON'),
    (too_short, ValueError, r'manifest\.jsonl has 1 rows, .*3 clips'),
    (without_label, ValueError, r'manifest\.jsonl, line 1 .*label'),
    (pointing_out, ValueError, r'manifest\.jsonl, line 3 .*\(\.\./\.\./2'),
    (without_plan, FileNotFoundError, r'plan\.json '),
    (broken_plan, ValueError, r'plan\.json .*JSON'),
    (of_another_version, ValueError, r'plan\.json .*version'),
], ids=lambda value: getattr(value, '__name__', ''))
def test_a_damaged_store_is_refused(store, damage, error, message):
    damage(store)
    with pytest.raises(error, match=message) as refused:
        read_manifest(store)
    assert str(store) in str(refused.value)
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('line', ['7', '{}', 'null', '"x"', '{"clip_id": "0-a-0"}'])
def test_a_line_that_is_no_row_is_made_again(store, line):
    manifest = store / 'manifest.jsonl'
    manifest.write_text('\n'.join([line, *manifest.read_text().splitlines()[1:]]))
    writer = StoreWriter(store, PLAN)
    assert [clip_id in writer for clip_id in IDS] == [False, True, True]


def test_a_row_whose_path_is_none_is_refused(store):
    manifest = store / 'manifest.jsonl'
    manifest.write_text(manifest.read_text().replace('"clips/0-a-0.npy"', '3'))
    with pytest.raises(ValueError, match=r'manifest\.jsonl, line 1 .* at path'):
        read_manifest(store)


def test_a_manifest_of_other_bytes_is_named(store):
    (store / 'manifest.jsonl').write_bytes(b'\x93NUMPY\xfe\xff')
    with pytest.raises(ValueError, match=r'manifest\.jsonl, line 1 is not JSON'):
        read_manifest(store)


def rows_of(store: Path) -> list[str]:
    return (store / 'manifest.jsonl').read_text().splitlines()


def rewrite(store: Path, lines: list[str]) -> None:
    (store / 'manifest.jsonl').write_text('\n'.join([*lines, '']))


def without_digest(store: Path) -> None:
    """As stores of earlier versions are."""
    plan = json.loads((store / 'plan.json').read_text())
    del plan['rows_sha256']
    (store / 'plan.json').write_text(json.dumps(plan))


def test_a_store_of_an_earlier_version_opens(store):
    before = read_manifest(store).rows
    without_digest(store)
    assert read_manifest(store).rows == before
    assert StoreWriter(store, PLAN).finished


@pytest.mark.parametrize('change', [
    lambda lines: [lines[0].replace('benign', 'malignant'), *lines[1:]],
    lambda lines: lines[::-1], lambda lines: [lines[0].replace('"p1"', '"p2"'), *lines[1:]]])
def test_rows_that_were_changed_are_refused(store, change):
    rewrite(store, change(rows_of(store)))
    with pytest.raises(ValueError, match=r'manifest\.jsonl was changed after it was written'):
        read_manifest(store)
    assert not StoreWriter(store, PLAN).finished


def test_a_row_that_stands_there_twice_is_refused_without_a_digest_too(store):
    without_digest(store)
    rewrite(store, [*rows_of(store)[:2], rows_of(store)[0]])
    with pytest.raises(ValueError, match=r'manifest\.jsonl, line 3 has the clip 0-a-0 a second'):
        read_manifest(store)


@pytest.mark.parametrize('key', [
    'clip_id', 'path', 'sha256', 'still', 'still_sha256', 'still_frame', 'group', 'label', 'seed',
    'package_sha256', 'generator', 'sampler', 'steps', 'shape', 'frame_stride', 'versions'])
@pytest.mark.parametrize('value', [1.5, {'a': []}, [[]], True])
def test_a_row_of_wrong_types_is_named(store, key, value):
    if key == 'versions' and isinstance(value, dict):
        return
    rows = [json.loads(line) for line in rows_of(store)]
    rows[1][key] = value
    rewrite(store, [json.dumps(each) for each in rows])
    with pytest.raises(ValueError, match=rf'manifest\.jsonl, line 2 must hold .* at {key}'):
        read_manifest(store)
    assert IDS[1] not in StoreWriter(store, PLAN)


@pytest.mark.parametrize('plan', [
    '[]', '7', 'null', '[' * 10 ** 5, '{"format_version": 1}', '{"format_version": [1]}',
    '{"format_version": 1, "clips": "3", "generator_groups": []}',
    '{"format_version": 1, "clips": 3, "generator_groups": 7}',
    '{"format_version": 1, "clips": 3, "generator_groups": [["p1"]]}',
    '{"format_version": 1, "clips": 3, "generator_groups": [], "stills": [1]}'])
def test_a_plan_of_wrong_types_is_named(store, plan):
    (store / 'plan.json').write_text(plan)
    for use in (read_manifest, lambda folder: StoreWriter(folder, PLAN)):
        with pytest.raises(ValueError, match=r'plan\.json '):
            use(store)


def test_a_run_that_was_killed_while_it_wrote_the_plan_is_begun_again(tmp_path):
    for left in ('plan.json.tmp', '.plan.json.0123abcd.tmp'):
        (tmp_path / left).touch()
    (tmp_path / 'plan.json').touch()                     # as some file systems leave it
    (tmp_path / 'clips').mkdir()
    assert len(StoreWriter(tmp_path, PLAN)) == 0
    (tmp_path / 'plan.json').unlink()
    (tmp_path / 'clips').rmdir()
    assert len(StoreWriter(tmp_path, PLAN)) == 0


def test_a_clip_outside_the_store_is_neither_read_nor_counted(store, tmp_path):
    clip = store / 'clips/1-b-0.npy'
    clip.rename(tmp_path / 'elsewhere.npy')
    clip.symlink_to(tmp_path / 'elsewhere.npy')
    assert [clip_id in StoreWriter(store, PLAN) for clip_id in IDS] == [True, False, True]
    with pytest.raises(ValueError, match=r'1-b-0\.npy is a link out of the store'):
        clip_path(store, read_manifest(store).rows[1])


def test_a_folder_of_clips_outside_the_store_is_refused(store, tmp_path):
    (store / 'clips').rename(tmp_path / 'elsewhere')
    (store / 'clips').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(ValueError, match='is a link out of the store'):
        StoreWriter(store, PLAN)
    with pytest.raises(ValueError, match='is a link out of the store'):
        SyntheticClipDataset(str(store))


def test_a_whole_store_may_be_a_link(store, tmp_path):
    (tmp_path / 'link').symlink_to(store)
    assert StoreWriter(tmp_path / 'link', PLAN).finished
    assert len(SyntheticClipDataset(str(tmp_path / 'link'))) == 3
