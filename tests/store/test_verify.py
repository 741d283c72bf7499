from __future__ import annotations

import numpy as np
import pytest

from lddm_aug.files import sha256_of
from lddm_aug.generators.package import save_package
from lddm_aug.store.manifest import read_manifest
from lddm_aug.store.verify import verify_store
from lddm_aug.synthesis.repair import repair_store

SHARD = 'clips/shard-00000.npy'


def flip(store, position: int) -> None:
    content = bytearray((store / SHARD).read_bytes())
    content[position] ^= 1
    (store / SHARD).write_bytes(content)


def test_a_byte_flipped_in_any_clip_is_found_and_repaired(make, generator):
    store = make('store')
    before, size = sha256_of(store), (store / SHARD).stat().st_size
    random = np.random.default_rng(0)
    for position in (128, size - 1, *random.integers(128, size, 6).tolist()):
        flip(store, position)
        _, report = verify_store(store)
        number = (position - 128) // (8 * 16 * 16)
        assert report.damaged == (number,) and not report.is_right
        assert repair_store(store, generator) == [read_manifest(store).rows[number]['clip_id']]
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
    assert len(repair_store(store, generator, workers=processes - 1)) == 24
    (store / 'clips/mine.npy').unlink()
    assert sha256_of(store) == before and verify_store(store)[1].is_right


@pytest.mark.parametrize('position', range(0, 128, 9))
def test_a_byte_flipped_in_a_header_is_refused_by_readers_and_repaired(make, generator, position):
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


def test_a_byte_flipped_anywhere_is_refused_or_found_and_repaired(make, generator):
    """At random places of every file of a store but the picture that is there for people."""
    store = make('store')
    before = sha256_of(store)
    random = np.random.default_rng(0)
    files = [file for file in sorted(store.rglob('*')) if file.is_file() and file.suffix != '.png']
    assert [file.name for file in files] == ['shard-00000.npy', 'manifest.arrow', 'plan.json']
    for file in files:
        content = file.read_bytes()
        for place in random.integers(len(content), size=40):
            changed = bytearray(content)
            changed[place] ^= 1 << random.integers(8)
            file.write_bytes(changed)
            assert is_refused(store) or not verify_store(store)[1].is_right, (file.name, place)
            if file.suffix != '.npy':                # what is read of a clip is found by verify
                assert is_refused(store), (file.name, place)
        if file.suffix == '.npy':                    # the last is repaired
            repair_store(store, generator)
        else:
            file.write_bytes(content)
        assert sha256_of(store) == before
    assert verify_store(store)[1].is_right


def is_refused(store) -> bool:
    try:
        read_manifest(store)
    except ValueError:
        return True
    return False
