"""The main job from one end to the other, with hardly any training."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.experiments.demo.flow import QUICK, Demo, run
from lddm_aug.experiments.demo.recognition import at_once
from lddm_aug.generators.package import load_package
from lddm_aug.store.manifest import read_manifest

ROOT = Path(__file__).parents[1]


def call_demo(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / 'tools' / 'demo.py', *map(str, arguments)], text=True,
        capture_output=True, timeout=600,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'})


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory, installed):
    """Of the demo in an empty folder, by the command that the wheel installs."""
    empty = tmp_path_factory.mktemp('demo')
    done = installed(empty, 'lddm-aug', 'demo', '--quick')
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith('work_dirs/demo/report.html')
    return empty / 'work_dirs' / 'demo'


def test_results_keep_their_contract(work_dir):
    results = json.loads((work_dir / 'results.json').read_text())
    assert set(results) == {'autoencoder', 'synthesis', 'recognition', 'rows', 'means', 'gains',
                            'wall_s', 'peak_rss_mb', 'data', 'versions', 'command', 'note'}
    assert set(results['autoencoder']) == {'psnr_db', 'still_psnr_db'}
    assert set(results['synthesis']) == {'clips', 'seconds', 'clips_per_second'}
    assert results['synthesis']['clips'] == 8
    trainings = [(name, seed) for name in ('real', 'still_mix', 'lddm_mix', 'oracle')
                 for seed in (0, 1)]
    assert [(row['training_set'], row['seed']) for row in results['recognition']] == trainings
    assert [tuple(row) for row in results['rows']] == 8 * [
        ('phantom_seed', 'recognizer_seed', 'training_set', 'accuracy', 'auc')]
    assert [(row['phantom_seed'], row['training_set'], row['recognizer_seed'])
            for row in results['rows']] == [(0, *training) for training in trainings]
    assert {row['iterations'] for row in results['recognition']} == {2}
    for row in results['recognition']:
        confusion = np.array(row['confusion'])
        assert confusion.sum() == row['n_test'] == 8
        assert row['accuracy'] == pytest.approx(confusion.trace() / 8)
        assert 0 <= row['f1_macro'] <= 1
    assert results['wall_s'] > 0
    assert results['peak_rss_mb'] > 100


def test_the_report_fetches_nothing(work_dir):
    page = (work_dir / 'report.html').read_text()
    addresses = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    assert QUICK.note in page
    assert addresses and all(address.startswith('data:') for address in addresses)
    assert not re.search(r'<script|<link|@import|url\(', page)
    assert Image.open(work_dir / 'clips.webp').n_frames == 16


def test_no_test_patient_was_trained_on(work_dir):
    package = load_package(work_dir / 'generator' / 'package')
    manifest = read_manifest(work_dir / 'stores' / 'lddm')
    trained_on = set(package.groups) | {row['group'] for row in manifest.rows}
    predictions = work_dir / 'recognizers' / 'tsm_lddm_mix_seed1' / 'predictions.jsonl'
    tested = {json.loads(line)['group'] for line in predictions.read_text().splitlines()}
    assert len(trained_on) == 16 and len(tested) == 8
    assert not trained_on & tested


def test_repeated_stills_do_not_move_and_generated_clips_do(work_dir):
    def motion(store):
        manifest = read_manifest(work_dir / 'stores' / store)
        clips = [manifest.read_clip(number) for number in range(len(manifest.rows))]
        return np.abs(np.diff(np.stack(clips).astype(float), axis=1)).max()
    assert motion('still') == 0
    assert motion('lddm') > 0


def test_a_second_call_does_nothing_again(work_dir, capsys, monkeypatch):
    monkeypatch.chdir(work_dir.parents[1])
    before = json.loads((work_dir / 'results.json').read_text())
    after = run(Demo(Path('work_dirs/demo'), budget=QUICK))
    *steps, trainings = capsys.readouterr().out.splitlines()
    assert len(steps) == 4 and all(step.endswith('(done before)') for step in steps)
    assert trainings == '8 trainings of recognizers: 8 done before'
    for key in ('autoencoder', 'synthesis', 'recognition', 'rows', 'means', 'gains', 'data'):
        assert json.loads(json.dumps(after[key])) == before[key]
    # what was done before counts with the time that it took then, trainings side by side
    seconds = {path.stem: json.loads(path.read_bytes())['seconds']
               for path in (work_dir / 'steps').glob('*.json')}
    parts = [each / (at_once() if name.startswith('train_tsm') else 1)
             for name, each in seconds.items()]
    assert len(parts) == 12 and after['wall_s'] >= sum(parts) - 0.1


def test_a_mistake_is_one_sentence(tmp_path):
    done = call_demo('--videos', tmp_path / 'videos.csv', '--stills', tmp_path / 'stills.csv',
                     '--work-dir', tmp_path / 'work')
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (f'demo.py: {tmp_path / "videos.csv"}: '
                                            'there is no such table')
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'work').exists()
