from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lddm_aug.files import sha256_of
from lddm_aug.generators.package import save_package
from lddm_aug.store import on_disk
from lddm_aug.store.divided import shard_folder
from lddm_aug.store.manifest import MANIFEST, PLAN, read_manifest
from lddm_aug.store.merge import merge_stores, split_store
from lddm_aug.store.rows import sorted_texts, write_table
from lddm_aug.store.shards import clip_sha256
from lddm_aug.synthesis import synthesize as module

SHARD = 'clips/shard-00000.npy'


@pytest.mark.parametrize('shards', [1, 2, 4])
def test_shards_that_are_merged_are_the_whole_byte_for_byte(make, tmp_path, shards, count_in):
    count_in('1, 2 and 4 shards, merged: the bytes of one process', 'of {} stores differed',
             'failed')
    whole = make('whole')
    parts = [make(f'part{shard}', shard=shard, shards=shards) for shard in range(shards)]
    assert merge_stores(parts[::-1], tmp_path / 'merged') == 24
    assert sha256_of(tmp_path / 'merged') == sha256_of(whole)


def test_halves_of_a_table_are_merged_too(make, stills, tmp_path):
    halves = [make('a', stills[:6]), make('b', stills[6:-1])]        # the last row stands in both
    merge_stores(halves, tmp_path / 'merged')
    assert sha256_of(tmp_path / 'merged') == sha256_of(make('whole', stills[:-1]))


def test_what_was_left_out_of_parts_is_left_out_of_the_whole(make, stills, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'LOOKED_AT', 1)
    for number in (4, 7):
        stills[number].path.write_bytes(b'damaged')
    parts = [make(f'part{shard}', shard=shard, shards=2) for shard in range(2)]
    assert merge_stores(parts, tmp_path / 'merged') == 20
    assert sha256_of(tmp_path / 'merged') == sha256_of(make('whole'))


@pytest.mark.parametrize('how', [dict(parts=1), dict(parts=3), dict(parts=24), dict(by='label'),
                                 dict(by='group')], ids=str)
def test_a_store_that_is_split_and_merged_is_itself(make, tmp_path, how):
    whole = make('whole')
    folders = split_store(whole, tmp_path / 'parts', **how)
    parts = [read_manifest(folder).rows for folder in folders]
    assert sum(map(len, parts)) == 24
    if 'by' in how:
        assert all(len(part.values(how['by'])) == 1 for part in parts)
        assert len(parts) == len(read_manifest(whole).rows.values(how['by']))
    merge_stores(folders, tmp_path / 'merged')
    assert sha256_of(tmp_path / 'merged') == sha256_of(whole)


def test_texts_that_lie_on_disk_meanwhile_are_the_same(make, tmp_path, monkeypatch):
    whole = make('whole')
    parts = split_store(whole, tmp_path / 'parts', by='label')
    monkeypatch.setattr(on_disk, 'IN_MEMORY', 5)
    merge_stores(parts, tmp_path / 'merged')
    assert sha256_of(tmp_path / 'merged') == sha256_of(whole)


@pytest.mark.parametrize('count', [0, 1, 7, 60])
def test_texts_are_sorted_part_by_part_as_python_sorts_them(count, monkeypatch):
    monkeypatch.setattr(on_disk, 'IN_MEMORY', 4)
    for seed in range(8):
        random = np.random.default_rng(seed)
        texts = [chr(number) * (number % 3) for number in random.integers(945, 965, count)]
        kept = random.random(count) < 0.7
        chunks = pa.chunked_array([texts[:count // 3], texts[count // 3:]], pa.string())
        order, is_first = sorted_texts(chunks, kept)
        found = [texts[number] for number in order]
        assert found == sorted(text for text, keep in zip(texts, kept, strict=True) if keep)
        assert sorted(order) == np.flatnonzero(kept).tolist()
        firsts = {text: min(number for number in order if texts[number] == text) for text in found}
        assert sorted(order[is_first]) == sorted(firsts.values())


def test_an_interrupted_merge_is_resumed(make, tmp_path):
    whole = make('whole')
    parts = split_store(whole, tmp_path / 'parts', parts=2)
    merge_stores(parts, tmp_path / 'merged')
    (tmp_path / 'merged/manifest.arrow').unlink()
    (tmp_path / 'merged/clips/shard-00000.npy').write_bytes(b'cut')
    merge_stores(parts, tmp_path / 'merged')
    assert sha256_of(tmp_path / 'merged') == sha256_of(whole)


def test_stores_of_other_plans_are_not_merged(make, generator, tmp_path):
    one, other = make('one'), make('other', seed=1)
    with pytest.raises(ValueError, match=r'other plans \(their seed differ'):
        merge_stores([one, other], tmp_path / 'merged')
    save_package(tmp_path / 'package2', generator, ['p7'])
    with pytest.raises(ValueError, match='generator_groups differ'):
        merge_stores([one, make('third')], tmp_path / 'merged')
    assert not (tmp_path / 'merged').exists()


def test_stores_that_overlap_give_every_clip_once(make, tmp_path):
    whole = make('whole')
    parts = [make(f'part{shard}-{shards}', shard=shard, shards=shards)
             for shards in (2, 3) for shard in range(shards)]
    assert merge_stores([*parts, whole], tmp_path / 'merged') == 24
    assert sha256_of(tmp_path / 'merged') == sha256_of(whole)


def test_other_clips_of_one_id_are_refused(make, tmp_path):
    one = make('one')
    two = shutil.copytree(one, tmp_path / 'two')
    clips = np.load(two / SHARD, mmap_mode='r+')
    clips[3, 0, 0, 0] ^= 1
    clips.flush()
    table = read_manifest(one).rows.table
    digests = table['sha256'].to_pylist()
    digests[3] = clip_sha256(np.asarray(clips[3]))
    with (two / MANIFEST).open('wb') as file:
        write_table(table.set_column(2, 'sha256', pa.array(digests, pa.binary(32))), file)
    plan = json.loads((two / PLAN).read_text())
    (two / PLAN).write_text(json.dumps(plan | {'rows_sha256': sha256_of(two / MANIFEST)}))
    clip_id = read_manifest(one).rows[3]['clip_id']
    with pytest.raises(ValueError, match=rf'one and \S+two .* {clip_id} \(their sha256'):
        merge_stores([one, two], tmp_path / 'merged')
    assert not (tmp_path / 'merged').exists()


def test_what_was_left_out_of_one_store_is_taken_from_another(make, stills, tmp_path, monkeypatch):
    whole = make('whole')
    monkeypatch.setattr(module, 'LOOKED_AT', 1)
    content = stills[4].path.read_bytes()
    stills[4].path.write_bytes(b'damaged')
    listed = [replace(still, sha256=hashlib.sha256(content).hexdigest())
              if still.path == stills[4].path else still for still in stills]
    lacking = make('lacking', listed)
    assert len(read_manifest(lacking).rows) == 22
    for parts in ([lacking, whole], [whole, lacking]):
        merge_stores(parts, tmp_path / f'merged_{parts[0].name}')
        assert sha256_of(tmp_path / f'merged_{parts[0].name}') == sha256_of(whole)


@pytest.fixture
def shards(make) -> Callable[..., list[Path]]:
    """shards(name, count) → the stores of all shards in a folder."""
    def run(name: str, count: int) -> list[Path]:
        return [make(shard_folder(Path(name), shard, count), shard=shard, shards=count)
                for shard in range(count)]
    return run


def test_the_shards_in_a_folder_are_joined_in_it(make, shards, tmp_path):
    whole = make('whole')
    shards('out', 2)
    shutil.rmtree(shards('out', 3)[1])                   # of another division, and incomplete
    assert merge_stores([tmp_path / 'out'], tmp_path / 'out') == 24
    for folder in (tmp_path / 'out').glob('shard-*'):
        shutil.rmtree(folder)
    for lock in (tmp_path / 'out').glob('.shard-*.lock'):
        lock.unlink()
    assert sha256_of(tmp_path / 'out') == sha256_of(whole)


def test_a_shard_that_is_missing_or_unfinished_is_named(shards, tmp_path):
    folders = shards('out', 4)
    (folders[2] / MANIFEST).unlink()
    with pytest.raises(ValueError, match=r'1 of 4 shards .* shard 2;'):
        merge_stores([tmp_path / 'out'], tmp_path / 'merged')
    shutil.rmtree(folders[0])
    with pytest.raises(ValueError, match=r'2 of 4 shards .* shard 0;'):
        merge_stores([tmp_path / 'out'], tmp_path / 'merged')
    assert not (tmp_path / 'merged').exists()


def test_a_shard_without_stills_is_a_store_without_clips(make, stills, shards, tmp_path):
    whole = make('whole')
    counts = [len(read_manifest(folder).rows) for folder in shards('out', 40)]
    assert sum(counts) == 24 and 0 in counts
    merge_stores([tmp_path / 'out'], tmp_path / 'merged')
    assert sha256_of(tmp_path / 'merged') == sha256_of(whole)


def test_a_damaged_clip_is_not_copied(make, tmp_path):
    one = make('one')
    clips = np.load(one / 'clips/shard-00000.npy', mmap_mode='r+')
    clips[3, 0, 0, 0] ^= 1
    clips.flush()
    with pytest.raises(ValueError, match=r'shard-00000\.npy: clip .* was changed'):
        merge_stores([one], tmp_path / 'merged')


@pytest.mark.parametrize('how', [
    {}, dict(parts=0), dict(parts=25), dict(parts=1, by='label')], ids=str)
def test_a_division_that_cannot_be_is_refused(make, tmp_path, how):
    with pytest.raises(ValueError, match='1 to 24 parts'):
        split_store(make('whole'), tmp_path / 'parts', **how)
