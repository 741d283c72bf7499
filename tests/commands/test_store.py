"""lddm-aug store, as it is typed."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.commands import run_command
from lddm_aug.files import sha256_of
from lddm_aug.generators.package import save_package
from lddm_aug.store.manifest import read_manifest

SHARD = 'clips/shard-00000.npy'


def call(*arguments: object) -> None:
    run_command(lambda: None, [*map(str, arguments)])


@pytest.fixture
def table(tmp_path: Path, write_table: Callable[..., str]) -> str:
    random = np.random.default_rng(0)
    rows = []
    for number in range(6):
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(
            tmp_path / f's{number}.png')
        rows.append((f's{number}.png', ('benign', 'malignant')[number % 2], f'p{number // 3}'))
    return write_table(tmp_path / 'stills.csv', rows)


@pytest.fixture
def package(tiny_lddm, tmp_path: Path) -> Path:
    save_package(tmp_path / 'package', tiny_lddm, ['p9'])
    return tmp_path / 'package'


@pytest.fixture
def store(table: str, package: Path, tmp_path: Path) -> Path:
    synthesize(package, table, tmp_path / 'store')
    return tmp_path / 'store'


def synthesize(package: Path, table: str, out: Path, *options: object) -> None:
    call('synthesize', package, '--stills', table, '--out', out, '--device', 'cpu', '--workers', 0,
         *options)


def test_clips_are_listed_by_label_and_group(store, capsys):
    capsys.readouterr()
    call('store', 'ls', store)
    lines = [line.split('\t') for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [row['clip_id'] for row in read_manifest(store).rows]
    call('store', 'ls', store, '--label', 'benign', '--group', 'p1')
    chosen = [line.split('\t') for line in capsys.readouterr().out.splitlines()]
    assert chosen == [line for line in lines if line[1:3] == ['benign', 'p1']] and len(chosen) == 1
    call('store', 'ls', store, '--label', 'malignant', '--count')
    assert capsys.readouterr().out == '3\n'


def test_a_damaged_clip_is_named_and_repaired(store, package, capsys):
    before = sha256_of(store)
    call('store', 'verify', store)
    content = bytearray((store / SHARD).read_bytes())
    content[-1] ^= 1
    (store / SHARD).write_bytes(content)
    clip_id = read_manifest(store).rows[5]['clip_id']
    with pytest.raises(SystemExit) as ended:
        call('store', 'verify', store)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert f'damaged: {clip_id}' in printed.out
    assert '1 of 6 clips and 0 files are damaged' in printed.err
    call('store', 'repair', store, '--package', package, '--device', 'cpu')
    assert f'made again: {clip_id}' in capsys.readouterr().out
    assert sha256_of(store) == before


def test_a_damaged_plan_is_named_and_written_again_without_the_package(store, capsys):
    before = sha256_of(store)
    (store / 'plan.json').write_text('{')
    with pytest.raises(SystemExit) as ended:
        call('store', 'verify', store)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert 'plan.json' in printed.err and 'lddm-aug store repair' in printed.err
    call('store', 'repair', store, '--device', 'cpu')
    assert f'made again: {store / "plan.json"}' in capsys.readouterr().out
    assert sha256_of(store) == before


def test_shards_are_checked_and_repaired_by_their_folder(table, package, tmp_path, capsys):
    for shard in range(2):
        synthesize(package, table, tmp_path / 'parts', '--num-shards', 2, '--shard-id', shard)
    damaged = tmp_path / 'parts/shard-0001-of-0002/manifest.arrow'
    damaged.write_bytes(damaged.read_bytes()[:-1])
    capsys.readouterr()
    with pytest.raises(SystemExit):
        call('store', 'verify', tmp_path / 'parts')
    assert str(damaged) in capsys.readouterr().err
    call('store', 'repair', tmp_path / 'parts')
    assert f'made again: {damaged}' in capsys.readouterr().out
    call('store', 'verify', tmp_path / 'parts')
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_shards_are_made_and_merged_and_split_to_the_same_bytes(store, table, package, tmp_path):
    for shard in range(2):
        synthesize(package, table, tmp_path / 'parts', '--num-shards', 2, '--shard-id', shard)
    parts = [tmp_path / f'parts/shard-000{shard}-of-0002' for shard in (1, 0)]
    call('store', 'merge', *parts, '--out', tmp_path / 'whole')
    assert sha256_of(tmp_path / 'whole') == sha256_of(store)
    call('store', 'split', store, '--by', 'group', '--out', tmp_path / 'groups')
    call('store', 'merge', tmp_path / 'groups/0', tmp_path / 'groups/1', '--out',
         tmp_path / 'again')
    assert sha256_of(tmp_path / 'again') == sha256_of(store)


@pytest.mark.parametrize('environment', [
    ('RANK', 'WORLD_SIZE'), ('SLURM_ARRAY_TASK_ID', 'SLURM_ARRAY_TASK_COUNT')], ids=str)
def test_processes_of_a_launcher_make_a_shard_each(
        store, table, package, tmp_path, monkeypatch, capsys, environment):
    monkeypatch.setenv('SLURM_ARRAY_TASK_MIN', '0')
    monkeypatch.setenv(environment[1], '3')
    for shard in range(3):
        monkeypatch.setenv(environment[0], str(shard))
        synthesize(package, table, tmp_path / 'out')
        said = capsys.readouterr().out.splitlines()[0]
        assert f'shard {shard} of 3 (' in said and f'{environment[0]}={shard}' in said
        assert said.endswith(f'out/shard-000{shard}-of-0003')
    call('store', 'merge', tmp_path / 'out')
    for left in (*(tmp_path / 'out').glob('shard-*'), *(tmp_path / 'out').glob('.shard-*')):
        left.rename(tmp_path / left.name)
    assert sha256_of(tmp_path / 'out') == sha256_of(store)


def test_several_devices_make_one_store(store, table, package, tmp_path):
    call('synthesize', package, '--stills', table, '--out', tmp_path / 'two', '--device',
         'cpu,cpu')
    assert sha256_of(tmp_path / 'two') == sha256_of(store)


@pytest.mark.parametrize('options, named', [
    (['--num-shards', '2'], '--shard-id'), (['--shard-id', '2', '--num-shards', '2'], '--shard-id'),
    (['--device', 'cpu,nonsense'], '--device'), (['--device', 'cpu,cpu', '--workers', '2'],
                                                 '--workers'),
    (['--ray-address', 'auto'], '--ray-address'),
    (['--engine', 'ray', '--data-root', 's3://bucket'], 's3://bucket')], ids=str)
def test_options_that_contradict_each_other_end_in_one_sentence(
        table, package, tmp_path, capsys, options, named):
    with pytest.raises(SystemExit) as ended:
        call('synthesize', package, '--stills', table, '--out', tmp_path / 'new', *options)
    printed = capsys.readouterr().err
    assert ended.value.code == 2 and named in printed and 'Traceback' not in printed
    assert not (tmp_path / 'new').exists()


def test_a_store_is_exported_and_imported(store, tmp_path):
    call('store', 'export', store, '--to', 'webdataset', '--out', tmp_path / 'tars')
    call('store', 'import', tmp_path / 'tars', '--out', tmp_path / 'back')
    assert sha256_of(tmp_path / 'back') == sha256_of(store)


@pytest.mark.parametrize('arguments, named', [
    (['store', 'verify', 'nowhere'], 'nowhere'),
    (['store', 'convert', 'nowhere', '--out', 'new'], 'nowhere'),
    (['store', 'import', 'nowhere', '--out', 'new'], 'nowhere'),
    (['store', 'split', 'nowhere', '--parts', '0', '--out', 'new'], '--parts'),
    (['store', 'merge', 'nowhere', '--out', 'new'], 'nowhere')])
def test_what_cannot_be_done_ends_in_one_sentence(tmp_path, monkeypatch, capsys, arguments, named):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        call(*arguments)
    printed = capsys.readouterr().err
    assert ended.value.code == 2 and named in printed and 'Traceback' not in printed
    assert [*tmp_path.iterdir()] == []


def test_a_store_of_an_earlier_version_says_how_to_convert_it(tmp_path, capsys):
    (tmp_path / 'manifest.jsonl').write_text('{}\n')
    (tmp_path / 'plan.json').write_text('{"format_version": 1}')
    with pytest.raises(SystemExit):
        call('store', 'ls', tmp_path)
    assert f'lddm-aug store convert {tmp_path} --out' in capsys.readouterr().err
