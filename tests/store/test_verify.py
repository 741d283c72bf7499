from __future__ import annotations

import shutil

import numpy as np
import pytest

from lddm_aug.files import sha256_of
from lddm_aug.generators.package import save_package
from lddm_aug.store.manifest import read_manifest
from lddm_aug.store.records import RECORDS
from lddm_aug.store.verify import verify_store
from lddm_aug.synthesis.repair import repair_store

SHARD = 'clips/shard-00000.npy'
CHANGED = ('a changed byte of a store: found by verify, refused by readers, repaired byte for byte',
           'of {} tests failed', 'failed')


def flip(store, position: int) -> None:
    content = bytearray((store / SHARD).read_bytes())
    content[position] ^= 1
    (store / SHARD).write_bytes(content)


def test_a_byte_flipped_in_any_clip_is_found_and_repaired(make, generator, count_in):
    count_in(*CHANGED, tried=8)
    store = make('store')
    before, size = sha256_of(store), (store / SHARD).stat().st_size
    random = np.random.default_rng(0)
    for position in (128, size - 1, *random.integers(128, size, 6).tolist()):
        flip(store, position)
        _, report = verify_store(store)
        number = (position - 128) // (8 * 16 * 16)
        assert report.damaged == (number,) and not report.is_right
        clip_id = read_manifest(store).rows[number]['clip_id']
        assert repair_store(store, generator).clips == [clip_id]
        assert sha256_of(store) == before


@pytest.mark.parametrize('processes', [1, 2])
def test_missing_and_extra_files_are_found(make, generator, processes):
    store = make('store')
    before = sha256_of(store)
    (store / SHARD).unlink()
    (store / 'clips/mine.npy').touch()
    _, report = verify_store(store, processes)
    assert len(report.damaged) == report.clips == 24
    assert [path.name for path in report.extra] == ['mine.npy']
    assert len(repair_store(store, generator, workers=processes - 1).clips) == 24
    (store / 'clips/mine.npy').unlink()
    assert sha256_of(store) == before and verify_store(store)[1].is_right


@pytest.mark.parametrize('position', range(0, 128, 9))
def test_a_byte_flipped_in_a_header_is_refused_by_readers_and_repaired(make, generator, position,
                                                                       count_in):
    count_in(*CHANGED)
    store = make('store')
    before = sha256_of(store)
    flip(store, position)
    with pytest.raises(ValueError, match=r'shard-00000\.npy cannot be read'):
        read_manifest(store)
    repair_store(store, generator)
    assert sha256_of(store) == before


def test_a_clip_of_another_generator_or_still_is_not_put_in(make, generator, stills, tmp_path):
    store = make('store')
    flip(store, 128)
    damaged = sha256_of(store)
    still = read_manifest_still(store)
    save_package(tmp_path / 'other', generator, [])
    with pytest.raises(ValueError, match='name that package'):
        repair_store(store, generator)
    save_package(tmp_path / 'package', generator, ['p9'])
    still.write_bytes(b'damaged')
    with pytest.raises(ValueError, match=rf'1 of 1 damaged .*\n.*{still.name}'):
        repair_store(store, generator)
    assert sha256_of(store) == damaged


def read_manifest_still(store):
    from pathlib import Path

    return Path(read_manifest(store).rows[0]['still'])


def test_a_byte_changed_anywhere_is_found_refused_and_repaired(make, generator, count_in):
    """At random places of every file of a store."""
    count_in(*CHANGED, tried=10 * (1 + 2 * len(RECORDS)))
    store = make('store')
    before = sha256_of(store)
    random = np.random.default_rng(0)
    files = {file.relative_to(store).as_posix(): file for file in store.rglob('*')
             if file.is_file()}
    assert {*files} == {SHARD, *RECORDS, *(f'copy/{name}' for name in RECORDS)}
    for name, file in files.items():
        content = file.read_bytes()
        for place in [5, *random.integers(len(content), size=9).tolist()]:
            changed = bytearray(content)
            changed[place] ^= int(random.integers(1, 256))
            file.write_bytes(changed)
            assert not is_right(store), (name, place)
            if name in ('plan.json', 'manifest.arrow') or (name == SHARD and place < 128):
                assert is_refused(store), (name, place)
            repaired = repair_store(store, generator)
            assert repaired.clips if name == SHARD and place >= 128 else file in repaired.files
            assert sha256_of(store) == before


@pytest.mark.parametrize('name', RECORDS)
def test_a_record_that_is_missing_is_written_again_without_the_package(make, name):
    store = make('store')
    before = sha256_of(store)
    for file in (store / name, store / 'copy' / name):
        file.unlink()
        assert not is_right(store)
        assert repair_store(store) == ([file], [])
        assert sha256_of(store) == before


@pytest.mark.parametrize('name, advice', [
    ('plan.json', 'synthesize'), ('manifest.arrow', 'synthesize'), ('contact_sheet.png', 'merge')])
def test_what_is_lost_with_its_copy_is_named(make, generator, name, advice):
    store = make('store')
    for file in (store / name, store / 'copy' / name):
        file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf'{name}.*cop.* lddm-aug.* {advice}') as refused:
        repair_store(store, generator)
    assert '\n' not in str(refused.value)


def test_a_store_of_before_has_no_copies_and_gets_them(make):
    store = make('store')
    before = sha256_of(store)
    shutil.rmtree(store / 'copy')
    assert is_right(store)
    assert len(repair_store(store).files) == 3 and sha256_of(store) == before


def test_an_unfinished_store_is_not_made_what_it_was_before(make):
    store = make('store')
    kept = (store / 'copy/manifest.arrow').read_bytes()
    (store / 'manifest.arrow').rename(store / 'manifest.partial.jsonl')
    with pytest.raises(FileNotFoundError, match=r'manifest\.arrow is missing'):
        repair_store(store)
    assert not (store / 'manifest.arrow').exists()
    assert (store / 'copy/manifest.arrow').read_bytes() == kept


def test_copies_are_not_written_where_a_link_leads(make, tmp_path):
    store = make('store')
    (store / 'copy').rename(tmp_path / 'elsewhere')
    (store / 'copy').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'elsewhere/plan.json').write_text('{}')
    assert (store / 'copy/plan.json') in repair_store(store).files
    assert (tmp_path / 'elsewhere/plan.json').read_text() == '{}'


def test_a_damaged_clip_needs_the_package(make):
    store = make('store')
    flip(store, 200)
    with pytest.raises(ValueError, match=r'1 damaged clips are of the package .* got none'):
        repair_store(store)


def is_right(store) -> bool:
    """Whether verify finds nothing; what it raises names the store."""
    try:
        return verify_store(store)[1].is_right
    except (ValueError, FileNotFoundError) as error:
        message = str(error)
    assert str(store) in message and '\n' not in message
    return False


def is_refused(store) -> bool:
    try:
        read_manifest(store)
    except ValueError:
        return True
    return False
