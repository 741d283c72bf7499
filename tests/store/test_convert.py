from __future__ import annotations

import json

import numpy as np
import pytest

from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.store.convert import convert_store
from lddm_aug.store.manifest import read_manifest


def old_rows(store):
    return [json.loads(line) for line in (store / 'manifest.jsonl').read_text().splitlines()]


def test_clips_and_rows_of_an_old_store_stay_the_same(old_store, tmp_path):
    assert convert_store(old_store, tmp_path / 'converted') == 24
    manifest = read_manifest(tmp_path / 'converted')
    for number, (row, old) in enumerate(zip(manifest.rows, old_rows(old_store), strict=True)):
        assert {**row, 'path': old['path']} == {**old, 'place': number}
        np.testing.assert_array_equal(manifest.read_clip(number), np.load(old_store / old['path']))
    assert SyntheticClipDataset(str(tmp_path / 'converted'), verify=True).groups >= {'p9'}


def test_an_interrupted_conversion_is_resumed(old_store, tmp_path):
    row = old_rows(old_store)[20]
    content = (old_store / row['path']).read_bytes()
    (old_store / row['path']).unlink()
    with pytest.raises(FileNotFoundError, match=row['clip_id']):
        convert_store(old_store, tmp_path / 'converted')
    (old_store / row['path']).write_bytes(content)
    assert convert_store(old_store, tmp_path / 'converted') == 24


def test_synthesize_does_not_make_other_clips_in_a_converted_store(make, old_store, tmp_path):
    convert_store(old_store, tmp_path / 'converted')
    with pytest.raises(ValueError, match='another plan'):
        make('converted')


def changed(store, change):
    rows = old_rows(store)
    change(rows[3], store)
    (store / 'manifest.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))


def other_pixels(row, store):
    np.save(store / row['path'], np.zeros((8, 16, 16), np.uint8))


def pickled(row, store):
    np.save(store / row['path'], np.array([{}]), allow_pickle=True)


def link(row, store):
    (store / row['path']).rename(store.parent / 'elsewhere.npy')
    (store / row['path']).symlink_to(store.parent / 'elsewhere.npy')


@pytest.mark.parametrize('change, message', [
    (lambda row, _: row.update(path='../x.npy'), r'line 4 has a path outside'),
    (lambda row, _: row.update(label=3), r'line 4 must hold .* at label'),
    (lambda row, _: row.update(label='other'), r'manifest\.jsonl was changed'),
    (lambda row, _: row.update(sha256='zz'), r'line 4 has no sha256'),
    (other_pixels, r'\.npy was changed'), (pickled, r'\.npy was changed'),
    (link, r'\.npy is a link out of the store')])
def test_a_damaged_old_store_is_refused(old_store, tmp_path, change, message):
    changed(old_store, change)
    with pytest.raises(ValueError, match=message):
        convert_store(old_store, tmp_path / 'converted')
    with pytest.raises((ValueError, FileNotFoundError)):
        read_manifest(tmp_path / 'converted')


def test_what_is_no_old_store_is_refused(make, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'manifest\.jsonl is missing'):
        convert_store(make('new'), tmp_path / 'converted')
