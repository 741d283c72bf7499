from __future__ import annotations

import csv
import io
import json
import tarfile
from importlib.util import find_spec

import numpy as np
import pytest

from lddm_aug.data.frames import read_frames
from lddm_aug.files import sha256_of
from lddm_aug.store import exchange
from lddm_aug.store.exchange import export_store, import_store, write_mp4
from lddm_aug.store.manifest import read_manifest


@pytest.mark.parametrize('in_tar', [5, 1000])
def test_webdataset_and_back_is_the_same_store(make, tmp_path, monkeypatch, in_tar):
    monkeypatch.setattr(exchange, 'CLIPS_IN_TAR', in_tar)
    store = make('store')
    assert export_store(store, tmp_path / 'tars', 'webdataset') == 24
    assert import_store(tmp_path / 'tars', tmp_path / 'back') == 24
    assert sha256_of(tmp_path / 'back') == sha256_of(store)


@pytest.mark.parametrize('at_once', [1, 7, 24])
def test_rows_are_read_some_after_the_others(make, tmp_path, monkeypatch, at_once):
    store = make('store')
    export_store(store, tmp_path / 'tars', 'webdataset')
    lines = (tmp_path / 'tars/rows.jsonl').read_bytes().splitlines(keepends=True)
    (tmp_path / 'tars/rows.jsonl').write_bytes(b''.join(lines[::-1]))        # in any order
    monkeypatch.setattr(exchange, 'ROWS_AT_ONCE', at_once)
    monkeypatch.setenv('LDDM_AUG_MAX_TEXT', '3000')                  # of a line, not of the file
    import_store(tmp_path / 'tars', tmp_path / 'back')
    assert sha256_of(tmp_path / 'back') == sha256_of(store)


def test_a_tar_has_a_clip_and_its_row_under_one_key(make, tmp_path):
    store = make('store')
    export_store(store, tmp_path / 'tars', 'webdataset')
    manifest = read_manifest(store)
    with tarfile.open(tmp_path / 'tars/00000.tar') as tar:
        names = tar.getnames()
        for number, row in enumerate(manifest.rows):
            assert names[2 * number:2 * number + 2] == [
                f'{row["clip_id"]}.json', f'{row["clip_id"]}.npy']
            clip = np.load(io.BytesIO(tar.extractfile(f'{row["clip_id"]}.npy').read()))
            np.testing.assert_array_equal(clip, manifest.read_clip(number))
            assert json.load(tar.extractfile(f'{row["clip_id"]}.json'))['label'] == row['label']


@pytest.mark.skipif(find_spec('webdataset') is None, reason='needs webdataset')
def test_the_library_webdataset_reads_the_tars(make, tmp_path):
    import webdataset

    store = make('store')
    export_store(store, tmp_path / 'tars', 'webdataset')
    manifest = read_manifest(store)
    samples = [*webdataset.WebDataset(str(tmp_path / 'tars/00000.tar'), shardshuffle=False
                                      ).decode()]
    assert [sample['__key__'] for sample in samples] == [row['clip_id'] for row in manifest.rows]
    for number, sample in enumerate(samples):
        np.testing.assert_array_equal(sample['npy'], manifest.read_clip(number))
        assert sample['json']['group'] == manifest.rows[number]['group']


def test_mp4_has_a_table_and_comes_back_as_similar_clips(make, tmp_path):
    store = make('store')
    export_store(store, tmp_path / 'mp4', 'mp4', fps=12.5)
    manifest = read_manifest(store)
    with (tmp_path / 'mp4/clips.csv').open() as table:
        rows = [*csv.DictReader(table)]
    assert [(row['label'], row['group'], row['fps']) for row in rows] == [
        (row['label'], row['group'], '12.5') for row in manifest.rows]
    assert all(len(read_frames(tmp_path / 'mp4' / row['path'])) == 8 for row in rows)
    assert import_store(tmp_path / 'mp4', tmp_path / 'back') == 24
    back = read_manifest(tmp_path / 'back')
    assert back.header['imported_from'] == 'mp4'
    assert [row['clip_id'] for row in back.rows] == [row['clip_id'] for row in manifest.rows]
    for number in range(24):
        difference = back.read_clip(number).astype(int) - manifest.read_clip(number)
        assert abs(difference).mean() < 12               # of noise, the hardest to compress


@pytest.mark.parametrize('shape', [(5, 16, 16), (5, 17, 31), (4, 16, 16, 3)])
def test_an_mp4_is_the_clip_but_for_its_compression(tmp_path, shape):
    rows = np.linspace(0, 255, shape[1])[:, None] * np.ones(shape[2])
    clip = np.broadcast_to(rows if len(shape) == 3 else rows[..., None], shape).astype(np.uint8)
    with (tmp_path / 'a.mp4').open('wb') as file:
        write_mp4(file, clip)
    read = read_frames(tmp_path / 'a.mp4')[:, :shape[1], :shape[2]]
    grey = read if read.ndim == len(shape) else read.mean(-1)
    assert abs(grey.astype(float) - clip).mean() < 2


def test_what_was_changed_on_the_way_is_refused(make, tmp_path):
    export_store(make('store'), tmp_path / 'tars', 'webdataset')
    path = tmp_path / 'tars/00000.tar'
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        member = next(member for member in tar if member.name.endswith('.npy'))
    content[member.offset_data + 500] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f'clip {member.name[:-4]} was changed'):
        import_store(tmp_path / 'tars', tmp_path / 'back')
    path.write_bytes(content[:700])
    with pytest.raises((ValueError, FileNotFoundError), match=r'tars'):
        import_store(tmp_path / 'tars', tmp_path / 'back2')


@pytest.mark.parametrize('name, content', [
    ('plan.json', b'{}'), ('plan.json', b'['), ('rows.jsonl', b'7\n'), ('rows.jsonl', b''),
    ('plan.json', b'{"exported_as": "exe", "shape": [1], "clips": 24, "generator_groups": []}')])
def test_records_of_another_form_are_named(make, tmp_path, name, content):
    export_store(make('store'), tmp_path / 'tars', 'webdataset')
    (tmp_path / 'tars' / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        import_store(tmp_path / 'tars', tmp_path / 'back')


def test_an_export_into_a_folder_with_files_is_refused(make, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/mine').touch()
    with pytest.raises(ValueError, match='not empty'):
        export_store(make('store'), tmp_path / 'out', 'mp4')
