from __future__ import annotations

import argparse
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.commands import synthesize as command
from lddm_aug.configs import choose
from lddm_aug.data.frames import read_square_still
from lddm_aug.files import sha256_of
from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.generators.package import FORMAT_VERSION, load_package, save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.store.manifest import read_manifest
from lddm_aug.synthesis.repair import repair_store

ROOT = Path(__file__).parents[2]
BUSI = ROOT.parent / 'shared' / 'data' / 'busi_masks_sample'


def synthesize(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """Run the tool as from a shell."""
    monkeypatch.setattr(sys, 'argv', ['synthesize.py', *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools' / 'synthesize.py'), run_name='__main__')


@pytest.fixture
def package(tiny_lddm: LDDMGenerator, tmp_path: Path) -> Path:
    save_package(tmp_path / 'package', tiny_lddm, ['p9'])
    return tmp_path / 'package'


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    """Stills as they come: blanks in names, colour, other sizes, and a frame of a video."""
    random = np.random.default_rng(0)
    for name, shape in (('benign (1).png', (20, 31)), ('b.png', (40, 16, 3)), ('c.png', (9, 9))):
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / name)
    np.save(tmp_path / 'sweep.npy', random.integers(0, 256, (5, 16, 16), dtype=np.uint8))
    path = tmp_path / 'stills.csv'
    path.write_text('path,label,group,frame\nbenign (1).png,benign,p1,\nb.png,malignant,p2,\n'
                    'c.png,benign,p3,\nsweep.npy,malignant,p4,3\n')
    return path


def test_stills_become_a_store(monkeypatch, capsys, tmp_path, package, stills):
    synthesize(monkeypatch, package, '--stills', stills, '--out', tmp_path / 'store',
               '--per-still', 2, '--device', 'cpu', '--workers', 0)
    manifest = read_manifest(tmp_path / 'store')
    groups = [row['group'] for row in manifest.rows]
    assert sorted(groups) == sorted(2 * ['p1', 'p2', 'p3', 'p4'])
    assert all(row['shape'] == [8, 16, 16] for row in manifest.rows)
    first = manifest.read_clip(groups.index('p4'))[0]
    assert (first == np.load(tmp_path / 'sweep.npy')[3]).all()
    printed = capsys.readouterr()
    assert '8 clips in ' in printed.out and 'per second' in printed.out
    assert 'clips/s' in printed.err                          # the progress bar


def test_the_same_bytes_for_batch_1_and_8_and_0_and_2_workers(
        monkeypatch, tmp_path, package, stills):
    def store(batch_size: int, workers: int) -> str:
        out = tmp_path / f'{batch_size}-{workers}'
        synthesize(monkeypatch, package, '--stills', stills, '--out', out, '--device', 'cpu',
                   '--batch-size', batch_size, '--workers', workers)
        return sha256_of(out)

    assert len({store(1, 0), store(8, 0), store(8, 2)}) == 1


def test_called_again_there_is_nothing_to_do(monkeypatch, capsys, tmp_path, package, stills):
    for _ in range(2):
        synthesize(monkeypatch, package, '--stills', stills, '--out', tmp_path / 'store',
                   '--device', 'cpu', '--workers', 0)
    assert 'nothing to do' in capsys.readouterr().out


def test_a_sampler_of_ones_own_is_recorded_and_repaired_with(monkeypatch, tmp_path, package,
                                                             stills):
    store, options = tmp_path / 'store', ['--device', 'cpu', '--workers', 0]
    calls = [package, '--stills', stills, '--out', store, *options]
    chosen = ['--sampler', 'DDIM', '--steps', 2, '--temperature', 0.5]
    synthesize(monkeypatch, *calls, *chosen)
    manifest = read_manifest(store)
    row = manifest.rows[0]
    assert (row['sampler'], row['steps'], row['guidance']) == ('DDIM', 2, 1.)
    planned = json.loads((store / 'plan.json').read_text())['generator']
    assert (planned['sampler'], planned['steps'], planned['temperature']) == ('DDIM', 2, 0.5)
    # the clip is what the package makes with this sampler, and not with its own
    loaded = load_package(package)
    still = still_to_unit(read_square_still(row['still'], row['still_frame'], 16, 1))[None]
    ours, its_own = (clip_to_uint8(each(still, [row['seed']])[0]) for each in (
        loaded.with_sampler(name='DDIM', steps=2, temperature=0.5), loaded))
    assert (manifest.read_clip(0) == ours).all() and not (ours == its_own).all()
    before = sha256_of(store)
    [shard] = (store / 'clips').iterdir()
    shard.write_bytes(shard.read_bytes()[:-1] + b'x')
    repair_store(store, loaded)
    assert sha256_of(store) == before


@pytest.mark.parametrize('other, shown', [
    (['--steps', 3], 'generator.steps: 2 → 3'),
    (['--steps', 2, '--temperature', 0.5], 'generator.temperature: 1.0 → 0.5'),
    (['--steps', 2, '--sampler', 'DDIM'], 'generator.sampler: None → DDIM')])
def test_a_store_begun_with_another_sampler_is_refused_with_the_difference(
        monkeypatch, capsys, tmp_path, package, stills, other, shown):
    calls = [package, '--stills', stills, '--out', tmp_path / 'store', '--device', 'cpu',
             '--workers', 0]
    synthesize(monkeypatch, *calls, '--steps', 2)
    before = sha256_of(tmp_path / 'store')
    with pytest.raises(SystemExit) as ended:
        synthesize(monkeypatch, *calls, *other)
    assert ended.value.code == 2 and shown in capsys.readouterr().err
    assert sha256_of(tmp_path / 'store') == before


@pytest.mark.parametrize('wrong, named', [
    (['--sampler', 'Euler'], 'DPMSolverMultistep'), (['--guidance', -1], 'guidance'),
    (['--temperature', -1], 'temperature'), (['--steps', 0], '--steps')])
def test_a_sampler_that_cannot_be_had_is_refused(monkeypatch, capsys, tmp_path, package, stills,
                                                 wrong, named):
    with pytest.raises(SystemExit) as ended:
        synthesize(monkeypatch, package, '--stills', stills, '--out', tmp_path / 'store',
                   '--device', 'cpu', *wrong)
    assert ended.value.code == 2 and named in capsys.readouterr().err
    assert not (tmp_path / 'store').exists()


def test_a_control_has_no_sampler(monkeypatch, capsys, tmp_path, stills):
    save_package(tmp_path / 'still', RepeatStill(size=16), [])
    with pytest.raises(SystemExit):
        synthesize(monkeypatch, tmp_path / 'still', '--stills', stills, '--out',
                   tmp_path / 'store', '--steps', 2, '--device', 'cpu')
    assert 'RepeatStill' in capsys.readouterr().err
    args = argparse.Namespace(package=None, recipe=None, sampler=None, steps=2, guidance=None,
                              temperature=None, condition_guidance=None)
    control = RepeatStill(size=16)                   # beside LDDM, it stays as it is
    assert command._with_sampler(control, args) is control


def test_clips_go_on_and_are_resumed_and_repaired_at_their_length(
        monkeypatch, capsys, tmp_path, package, stills):
    def make(name: str, *options: object) -> Path:
        synthesize(monkeypatch, package, '--stills', stills, '--out', tmp_path / name, '--device',
                   'cpu', '--workers', 0, *options)
        return tmp_path / name

    longer = ('--frames', 10, '--stride', 6)
    store = make('store', *longer)
    row = read_manifest(store).rows[0]
    assert row['shape'] == [10, 16, 16] and row['frame_stride'] == 6
    before = sha256_of(store)
    assert sha256_of(make('other', *longer, '--batch-size', 1)) == before
    for other in ((), ('--frames', 12, '--stride', 6), ('--frames', 10), ('--frames', 10,
                                                                         '--stride', 5)):
        with pytest.raises(SystemExit):
            make('store', *other)
        assert 'started with another plan' in capsys.readouterr().err
    [shard] = (store / 'clips').iterdir()
    shard.write_bytes(shard.read_bytes()[:-1] + b'x')
    repair_store(store, load_package(package))
    assert sha256_of(store) == before


@pytest.mark.parametrize('wrong, named', [
    (['--stride', 2], 'take 3 or more'), (['--frames', 1], 'num_frames lies in'),
    (['--fps', 10], '--stride')])
def test_a_length_that_cannot_be_had_is_refused(monkeypatch, capsys, tmp_path, package, stills,
                                                wrong, named):
    with pytest.raises(SystemExit) as ended:
        synthesize(monkeypatch, package, '--stills', stills, '--out', tmp_path / 'store',
                   '--device', 'cpu', *wrong)
    assert ended.value.code == 2 and named in capsys.readouterr().err
    assert not (tmp_path / 'store').exists()


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, of 25 frames per second, chosen."""
    for name in 'ab':
        np.save(tmp_path / f'{name}.npy', np.zeros((16, 16, 16), np.uint8))
    (tmp_path / 'videos.csv').write_text('path,label,group,split,fps\na.npy,x,1,train,25\n'
                                         'b.npy,y,2,test,25\n')
    for name, value in choose(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.parametrize('fps, stride', [(25, 1), (8, 3), (4, 6), (1, 25)])
def test_frames_per_second_are_a_stride_of_the_videos(videos, fps, stride):
    assert command._stride(fps, 'lddm') == stride


@pytest.mark.parametrize('rates, fps, message', [
    ('25 25', 30, 'not above 25'), ('25 30', 8, 'several frame rates'),
    ('  ', 8, 'no frame rates')])
def test_frames_per_second_that_cannot_be_had_are_refused(videos, rates, fps, message):
    one, other = rates.split(' ')[:2]
    (videos / 'videos.csv').write_text(f'path,label,group,split,fps\na.npy,x,1,train,{one}\n'
                                       f'b.npy,y,2,test,{other}\n')
    with pytest.raises(ValueError, match=f'--fps: .*{message}'):
        command._stride(fps, 'lddm')


def test_without_a_generator_of_the_length_that_of_the_usual_one_goes_on(
        monkeypatch, tmp_path, tiny_lddm, videos):
    (tmp_path / 'stills.csv').write_text('path,label,group,frame\na.npy,x,3,0\n')
    save_package(tmp_path / 'generators/lddm_16/package', tiny_lddm, ['p9'])
    synthesize(monkeypatch, '--data', tmp_path, '--size', 16, '--recipe', 'lddm', '--frames', 12,
               '--stride', 3, '--device', 'cpu', '--workers', 0)
    store = tmp_path / 'synthetic/lddm_16_12frames'
    assert read_manifest(store).rows[0]['shape'] == [12, 16, 16]


def missing_table(tmp_path: Path) -> None:
    (tmp_path / 'stills.csv').unlink()


def empty_still(tmp_path: Path) -> None:
    (tmp_path / 'c.png').write_bytes(b'')


def truncated_still(tmp_path: Path) -> None:
    path = tmp_path / 'b.png'
    path.write_bytes(path.read_bytes()[:100])


def frame_beyond_the_end(tmp_path: Path) -> None:
    path = tmp_path / 'stills.csv'
    path.write_text(path.read_text().replace('p4,3', 'p4,99'))


def other_package_version(tmp_path: Path) -> None:
    path = tmp_path / 'package' / 'package.json'
    path.write_text(path.read_text().replace(f'"format_version": {FORMAT_VERSION}',
                                             '"format_version": 99'))


def taken_folder(tmp_path: Path) -> None:
    (tmp_path / 'store').write_text('a file')


@pytest.mark.parametrize('damage, names', [
    (missing_table, 'stills.csv'), (empty_still, 'c.png'), (truncated_still, 'b.png'),
    (frame_beyond_the_end, 'sweep.npy'), (other_package_version, 'package.json'),
    (taken_folder, 'store')])
def test_bad_input_ends_with_the_files_name_and_leaves_nothing(
        monkeypatch, capsys, tmp_path, package, stills, damage, names):
    damage(tmp_path)
    before = sha256_of(tmp_path)
    with pytest.raises(SystemExit) as ended:
        synthesize(monkeypatch, package, '--stills', stills, '--out', tmp_path / 'store',
                   '--device', 'cpu', '--workers', 0)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert 'synthesize.py: ' in printed and names in printed
    assert 'Traceback' not in printed
    assert sha256_of(tmp_path) == before


@pytest.mark.skipif(not BUSI.is_dir(), reason='needs ../shared/data/busi_masks_sample')
def test_real_stills_become_clips(monkeypatch, tmp_path):
    save_package(tmp_path / 'package', RepeatStill(size=32, num_frames=4), [])
    names = sorted(file.name for file in BUSI.rglob('*.png') if '_mask' not in file.name)
    rows = [f'{next(BUSI.rglob(name)).relative_to(BUSI)},benign,{i}'
            for i, name in enumerate(names)]
    (tmp_path / 'stills.csv').write_text('\n'.join(['path,label,group', *rows]))
    synthesize(monkeypatch, tmp_path / 'package', '--stills', tmp_path / 'stills.csv',
               '--data-root', BUSI, '--out', tmp_path / 'store', '--device', 'cpu')
    manifest = read_manifest(tmp_path / 'store')
    assert len(manifest.rows) == len(names) == 22
    assert all(manifest.read_clip(number).std() > 0 for number in range(22))
