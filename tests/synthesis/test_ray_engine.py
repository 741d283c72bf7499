"""Synthesis on Ray; its start is slow, so that all tests share one cluster of two CPUs."""
from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lddm_aug.commands import run_command
from lddm_aug.data.annotations import read_annotations
from lddm_aug.files import sha256_of
from lddm_aug.generators.package import save_package
from lddm_aug.store.manifest import PARTIAL, read_manifest
from lddm_aug.store.merge import merge_stores
from lddm_aug.synthesis.ray_engine import synthesize_on_ray
from lddm_aug.synthesis.synthesize import synthesize

ray = pytest.importorskip('ray', reason='ray is not installed')
pytestmark = pytest.mark.skipif(not Path('/proc/self/stat').exists(), reason='needs /proc')


@pytest.fixture(scope='module', autouse=True)
def cluster() -> Iterator[None]:
    os.environ.update(RAY_USAGE_STATS_ENABLED='0', RAY_agent_register_timeout_ms='600000',
                      RAY_raylet_start_wait_time_s='600')    # on a machine that does much else
    ray.init('local', num_cpus=2, object_store_memory=100 * 2**20, include_dashboard=False,
             log_to_driver=False, _node_ip_address='127.0.0.1')
    yield
    ray.shutdown()


@pytest.fixture
def table(tmp_path: Path, write_table: Callable[..., str]) -> str:
    random = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(
            tmp_path / f's{number}.png')
    return write_table(tmp_path / 'stills.csv', [
        (f's{number}.png', ('benign', 'malignant')[number % 2], f'p{number}')
        for number in range(12)])


@pytest.fixture
def package(tiny_lddm: Any, tmp_path: Path) -> Path:
    save_package(tmp_path / 'package', tiny_lddm, ['p99'])
    return tmp_path / 'package'


def without_shards(store: Path) -> str:
    """sha256 of a store, without the shards in it."""
    store.rename(store.with_name('merged'))
    merged = store.with_name('merged')
    for left in [*merged.glob('shard-*'), *merged.glob('.shard-*')]:
        left.rename(store.with_name(left.name))
    return sha256_of(merged)


ROW = 'synthesize --engine ray with 2 workers, one killed: bytes of one process', 'stores', 'passed'


def test_the_store_is_that_of_one_process(table, package, tiny_lddm, tmp_path, capsys, count_in):
    count_in(*ROW)
    synthesize(tiny_lddm, read_annotations(table), tmp_path / 'expected', progress=False)
    run_command(lambda: None, [
        'synthesize', str(package), '--stills', table, '--out', str(tmp_path / 'store'),
        '--device', 'cpu', '--engine', 'ray', '--num-shards', '5'])
    assert 'store holds 12 clips' in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / 'store').glob('shard-*')) == [
        f'shard-{shard:04d}-of-0005' for shard in range(5)]
    assert without_shards(tmp_path / 'store') == sha256_of(tmp_path / 'expected')


def test_what_a_killed_worker_was_making_is_made_by_another(table, package, tiny_lddm, tmp_path,
                                                               count_in):
    count_in(*ROW)
    rows = read_annotations(table)
    synthesize(tiny_lddm, rows, tmp_path / 'expected', per_still=40, progress=False)
    out = tmp_path / 'store'
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(synthesize_on_ray, str(package), rows, out, device='cpu',
                                per_still=40, batch_size=1, shards=2)
        killed = None
        while killed is None and not running.done():
            time.sleep(0.02)
            if any(partial.read_bytes().count(b'\n') > 5
                   for partial in out.glob(f'shard-*/{PARTIAL}')):
                killed = next(iter(actors()), None)
        assert killed is not None, running.result()
        os.kill(killed, signal.SIGKILL)
        assert running.result(timeout=300) == []
    merge_stores([out], out)
    assert without_shards(out) == sha256_of(tmp_path / 'expected')
    assert len(read_manifest(tmp_path / 'expected').rows) == 480


def actors() -> list[int]:
    """Processes that make clips, among those that this one has started."""
    found, below = [], [os.getpid()]
    while below:
        pid = below.pop()
        for task in Path(f'/proc/{pid}/task').glob('*/children'):
            below += [int(child) for child in task.read_text().split()]
        if 'ShardMaker' in Path(f'/proc/{pid}/cmdline').read_text():
            found.append(pid)
    return found


def test_what_an_actor_refuses_is_refused_without_a_traceback(table, package, tmp_path, capsys):
    (tmp_path / 's3.png').write_bytes(b'damaged')
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: None, [
            'synthesize', str(package), '--stills', table, '--out', str(tmp_path / 'store'),
            '--device', 'cpu', '--engine', 'ray', '--num-shards', '1', '--workers', '1'])
    printed = capsys.readouterr().err
    assert ended.value.code == 2 and 's3.png' in printed and 'Traceback' not in printed


@pytest.mark.parametrize('options, named', [
    (['--shard-id', '0'], '--shard-id'), (['--device', 'cpu,cpu'], 'devices'),
    (['--workers', '3'], '--workers')])
def test_what_ray_does_itself_is_not_named(table, package, tmp_path, capsys, options, named):
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: None, [
            'synthesize', str(package), '--stills', table, '--out', str(tmp_path / 'store'),
            '--device', 'cpu', '--engine', 'ray', *options])
    assert ended.value.code == 2 and named in capsys.readouterr().err
    assert not (tmp_path / 'store').exists()
