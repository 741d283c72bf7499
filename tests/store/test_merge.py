from __future__ import annotations

import shutil

import numpy as np
import pytest

from lddm_aug.files import sha256_of
from lddm_aug.generators.package import save_package
from lddm_aug.store.manifest import read_manifest
from lddm_aug.store.merge import merge_stores, split_store
from lddm_aug.synthesis import synthesize as module


@pytest.mark.parametrize('shards', [1, 2, 4])
def test_shards_that_are_merged_are_the_whole_byte_for_byte(make, tmp_path, shards):
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
    rows = [read_manifest(folder).rows for folder in folders]
    assert sum(map(len, rows)) == 24
    if 'by' in how:
        assert all(len(part.values(how['by'])) == 1 for part in rows)
        assert len(rows) == len(read_manifest(whole).rows.values(how['by']))
    merge_stores(folders, tmp_path / 'merged')
    assert sha256_of(tmp_path / 'merged') == sha256_of(whole)


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


def test_a_clip_in_two_stores_is_named(make, tmp_path):
    one = make('one')
    shutil.copytree(one, tmp_path / 'two')
    with pytest.raises(ValueError, match=r'the clip s0-\S+ stands in two'):
        merge_stores([one, tmp_path / 'two'], tmp_path / 'merged')


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
