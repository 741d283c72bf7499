"""URLs, on fsspec's file system in memory and, with moto and s3fs, on a server of S3."""
from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import fsspec
import numpy as np
import pytest
from PIL import Image

from lddm_aug.commands import run_command
from lddm_aug.data.annotations import read_annotations
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.files import sha256_of
from lddm_aug.generators.package import load_package, save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.remote import folder_of, here, is_url, join, written
from lddm_aug.store.manifest import read_manifest


@pytest.fixture
def in_memory():
    return 'memory'


@pytest.fixture
def on_s3(monkeypatch):
    """A server of S3 on this machine."""
    server = pytest.importorskip('moto.server').ThreadedMotoServer('127.0.0.1', 0)
    s3fs = pytest.importorskip('s3fs')
    server.start()
    host, port = server.get_host_and_port()
    for name, value in dict(AWS_ENDPOINT_URL=f'http://{host}:{port}', AWS_ACCESS_KEY_ID='a',
                            AWS_SECRET_ACCESS_KEY='b', AWS_DEFAULT_REGION='us-east-1').items():
        monkeypatch.setenv(name, value)
    yield 's3'
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(params=['in_memory', 'on_s3'])
def bucket(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A bucket with a table of six stills, their pictures and a package; also in `here`."""
    kind = request.getfixturevalue(request.param)
    monkeypatch.setenv('LDDM_AUG_CACHE', str(tmp_path / 'cache'))
    local, random = tmp_path / 'here', np.random.default_rng(0)
    (local / 'stills').mkdir(parents=True)
    with (local / 'stills/stills.csv').open('w', newline='') as file:
        table = csv.writer(file)
        table.writerow(['path', 'label', 'group'])
        for number in range(6):
            Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(
                local / f'stills/s{number}.png')
            table.writerow([f's{number}.png', ('benign', 'malignant')[number % 2], f'p{number}'])
    save_package(local / 'package', RepeatStill(size=16, num_frames=4), [])
    files = fsspec.filesystem(kind)
    files.makedirs('bucket', exist_ok=True)
    files.put(f'{local}/', 'bucket', recursive=True)
    yield SimpleNamespace(files=files, url=f'{kind}://bucket')
    files.rm('bucket', recursive=True)


def call(*arguments: object) -> None:
    run_command(lambda: None, [*map(str, arguments)])


def cached(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / 'cache').rglob('*') if path.is_file()}


def test_a_path_and_a_name_on_the_hub_are_no_urls():
    assert [*map(is_url, ('s3://a/b', 'memory://a', 'simplecache::s3://a'))] == [True] * 3
    assert not any(map(is_url, ('a/b', Path('/a'), 'hf://user/name', 'C:/a')))
    assert here('a/b') == Path('a/b')
    assert join('s3://a/b/', 'c') == 's3://a/b/c' and join(Path('a'), 'c') == Path('a/c')


def test_a_file_is_copied_again_when_it_has_changed(bucket, tmp_path):
    url = f'{bucket.url}/stills'
    before = (here(url) / 's0.png').stat().st_mtime_ns
    bucket.files.pipe('bucket/stills/s1.png', b'another')
    bucket.files.rm('bucket/stills/s2.png')
    copy = here(url)
    assert (copy / 's0.png').stat().st_mtime_ns == before
    assert (copy / 's1.png').read_bytes() == b'another' and not (copy / 's2.png').exists()


def test_stills_at_a_url_are_read_and_those_of_other_shards_are_not_copied(bucket, tmp_path):
    rows = read_annotations(f'{bucket.url}/stills/stills.csv',
                            keep=lambda row: row.path.stem in ('s1', 's4'))
    assert [(row.path.name, row.label) for row in rows] == [
        ('s1.png', 'malignant'), ('s4.png', 'benign')]
    for row in rows:
        assert row.path.read_bytes() == (tmp_path / 'here/stills' / row.path.name).read_bytes()
    assert {name for name in cached(tmp_path) if name.endswith('.png')} == {'s1.png', 's4.png'}


@pytest.mark.parametrize('path', ['../package/package.json', '/etc/hosts', 's3://other/a.png'])
def test_a_row_that_leads_out_of_the_url_is_refused(bucket, path):
    bucket.files.pipe('bucket/stills/out.csv', f'path,label,group\n{path},a,p'.encode())
    with pytest.raises(ValueError, match=rf'out\.csv line 2: .* is outside {bucket.url}/stills'):
        read_annotations(f'{bucket.url}/stills/out.csv')


def test_a_store_is_made_merged_and_read_at_a_url(bucket, tmp_path, capsys):
    stills = ['--stills', tmp_path / 'here/stills/stills.csv', '--device', 'cpu', '--workers', 0]
    call('synthesize', tmp_path / 'here/package', *stills, '--out', tmp_path / 'expected')
    for shard in range(2):
        call('synthesize', f'{bucket.url}/package', '--stills',
             f'{bucket.url}/stills/stills.csv', '--device', 'cpu', '--workers', 0,
             '--out', f'{bucket.url}/store', '--num-shards', 2, '--shard-id', shard)
    assert bucket.files.exists('bucket/store/shard-0001-of-0002/plan.json')
    call('store', 'merge', f'{bucket.url}/store')
    whole = tmp_path / 'whole'
    call('store', 'merge', f'{bucket.url}/store', '--out', whole)
    paths = [read_manifest(store).rows.column('clip_id').to_pylist()
             for store in (whole, tmp_path / 'expected')]
    assert paths[0] == paths[1]
    for number in range(6):
        one, other = (read_manifest(store).read_clip(number) for store in (
            f'{bucket.url}/store', tmp_path / 'expected'))
        np.testing.assert_array_equal(one, other)
    assert len(SyntheticClipDataset(f'{bucket.url}/store')) == 6
    call('store', 'verify', f'{bucket.url}/store')
    assert 'all 6 clips are as they were made' in capsys.readouterr().out


def test_a_finished_store_at_a_url_is_not_made_again_on_another_machine(
        bucket, tmp_path, capsys, monkeypatch):
    command = ['synthesize', tmp_path / 'here/package', '--stills',
               tmp_path / 'here/stills/stills.csv', '--out', f'{bucket.url}/store', '--device',
               'cpu', '--workers', 0]
    call(*command)
    monkeypatch.setenv('LDDM_AUG_CACHE', str(tmp_path / 'other'))
    call(*command)
    assert 'nothing to do' in capsys.readouterr().out


def test_what_was_not_finished_is_not_uploaded(bucket, tmp_path):
    with pytest.raises(KeyError), written(f'{bucket.url}/new') as folder:
        folder.mkdir(parents=True)
        (folder / 'plan.json').touch()
        raise KeyError
    assert not bucket.files.exists('bucket/new')


@pytest.mark.parametrize('bucket', ['in_memory'], indirect=True)
def test_the_plan_of_a_store_is_uploaded_last(bucket, tmp_path, monkeypatch):
    files = type(bucket.files)
    put, order = files.put_file, []
    monkeypatch.setattr(files, 'put_file', lambda self, one, other, **more: (
        order.append(str(other)), put(self, one, other, **more)))
    call('synthesize', tmp_path / 'here/package', '--stills', tmp_path / 'here/stills/stills.csv',
         '--out', f'{bucket.url}/store', '--device', 'cpu', '--workers', 0)
    assert order[-1].endswith('/store/plan.json') and len(order) == 7   # three are copies


def test_a_package_at_a_url_is_loaded(bucket):
    assert load_package(f'{bucket.url}/package').num_frames == 4


@pytest.mark.parametrize('url, error', [
    ('memory://bucket/nothing', FileNotFoundError), ('nonsense://bucket', ValueError)])
def test_what_is_not_there_is_named(bucket, url, error):
    with pytest.raises(error, match=url):
        here(url)


def test_a_url_of_files_is_a_url_like_others(tmp_path, monkeypatch):
    monkeypatch.setenv('LDDM_AUG_CACHE', str(tmp_path / 'cache'))
    (tmp_path / 'far').mkdir()
    (tmp_path / 'far/a.txt').write_text('a')
    copy = here(f'file://{tmp_path}/far')
    assert copy == folder_of(f'file://{tmp_path}/far') and sha256_of(copy / 'a.txt') == sha256_of(
        tmp_path / 'far/a.txt')
