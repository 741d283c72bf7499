"""The five commands of docs/own_data.md, as they stand there but for how long is trained."""
from __future__ import annotations

import csv
import io
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import mmaction
import numpy as np
import pytest
import torch
from PIL import Image

from lddm_aug.commands import run_command
from lddm_aug.configs import DEFAULTS, environment, find_config
from lddm_aug.generators.package import load_package
from lddm_aug.preparation.phantom import draw_patient, simulate_sweep
from lddm_aug.store.manifest import read_manifest

ROOT = Path(__file__).parents[1]
CLASSES = ('cyst', 'fibroma', 'tumour')              # three: nothing may count on two
SHORT = {
    'train-generator': ['--cfg-options', 'autoencoder.train_cfg.max_iters=1',
                        'autoencoder.train_cfg.val_interval=1',
                        'autoencoder.train_dataloader.batch_size=2',
                        'diffusion.train_cfg.max_iters=1',
                        'diffusion.train_dataloader.batch_size=2',
                        'diffusion.train_dataloader.dataset.draws=1'],
    'train': ['--cfg-options', 'train_cfg.max_iters=1', 'train_dataloader.batch_size=2']}
NAMES = {'FILES': 'files', 'tsm': 'tsm_small', 'c3d': 'c3d_small'}      # no weights are downloaded


def documented() -> list[list[str]]:
    """The commands, as words."""
    text = (ROOT / 'docs' / 'own_data.md').read_text(encoding='utf-8')
    block = re.search(r'## Five commands.*?```bash\n(.*?)```', text, re.DOTALL)
    assert block
    return [shlex.split(line) for line in block[1].splitlines()]


@pytest.fixture(scope='module')
def folder(tmp_path_factory, write_video: Callable) -> Path:
    """Of each class four patients with an mp4, and two others with a still."""
    folder = tmp_path_factory.mktemp('own')
    for place, label in enumerate(CLASSES):
        (folder / 'files' / label).mkdir(parents=True)
        for number in range(6):
            name = f'patient{place}{number}'
            patient = draw_patient(name, 'malignant' if label == 'tumour' else 'benign')
            if number < 4:
                frames = np.repeat(simulate_sweep(patient, 48, 64)[..., None], 3, axis=-1)
                write_video(folder / 'files' / label / f'{name}_sweep.mp4', 'libx264', frames)
            else:
                still = simulate_sweep(patient, 1, 64)[0]
                Image.fromarray(np.asarray(still)).save(
                    folder / 'files' / label / f'{name}_still.png')
    return folder


@pytest.fixture(scope='module')
def printed(folder: Path) -> str:
    """What the last command prints, after all five were called from that folder."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for _, command, *words in documented():
            printed = io.StringIO()
            with environment(DEFAULTS), redirect_stdout(printed):
                run_command(lambda: None, [command, *(NAMES.get(word, word) for word in words),
                                           *SHORT.get(command, [])])
    return printed.getvalue()


def read_rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline='') as opened:
        return list(csv.DictReader(opened))


def test_there_are_five_commands_at_most():
    commands = documented()
    assert len(commands) <= 5
    assert {command[0] for command in commands} == {'lddm-aug'}


def test_a_table_tells_what_six_trainings_reach(folder, printed):
    tested = [row for row in read_rows(folder / 'mine/splits/7_3_seed0.csv')
              if row['split'] == 'test']
    lines = printed.strip().splitlines()[-7:]
    assert lines[0].split()[:3] == ['recognizer', 'trained', 'on']
    rows = [line.split() for line in lines[1:]]
    assert [row[:2] for row in rows] == [
        [recognizer, name] for recognizer in ('tsm_small', 'c3d_small')
        for name in ('real', 'still_mix', 'lddm_mix')]
    for row in rows:
        right = float(row[2]) * len(tested)
        assert right == pytest.approx(round(right), abs=0.01)


def test_everything_lies_in_the_prepared_folder(folder, printed):
    assert {path.name for path in folder.iterdir()} == {'files', 'mine'}
    assert Counter(row['label'] for row in read_rows(folder / 'mine/videos.csv')) == dict.fromkeys(
        CLASSES, 4)


def test_clips_are_of_every_still_and_generated_ones_move(folder, printed):
    def clips(name: str) -> np.ndarray:
        store = read_manifest(folder / 'mine/synthetic' / name)
        assert Counter(row['label'] for row in store.rows) == dict.fromkeys(CLASSES, 2)
        return np.stack([store.read_clip(number) for number in range(len(store.rows))])

    generated, held = clips('lddm_128'), clips('still_128')
    assert generated.shape == held.shape == (6, 16, 128, 128)
    assert np.ptp(held, axis=1).max() == 0 < np.ptp(generated, axis=1).max()
    assert np.array_equal(generated[:, 0], held[:, 0])           # frame 0 is the still


def test_no_patient_of_the_test_was_trained_on(folder, printed):
    split = {row['path']: row['split'] for row in read_rows(folder / 'mine/splits/7_3_seed0.csv')}
    tested = {row['group'] for row in read_rows(folder / 'mine/videos.csv')
              if split[row['path']] == 'test'}
    stills = {row['group'] for row in read_rows(folder / 'mine/stills.csv')}
    generator = load_package(folder / 'mine/generators/lddm_128/package')
    assert tested and not tested & ({*generator.groups} | stills)
    assert tuple(generator.classes) == CLASSES       # it knows a still's class


def test_recognizers_have_a_score_for_each_of_the_three_classes(folder, printed):
    for name in ('tsm_small_lddm_mix_128', 'c3d_small_real_128'):
        checkpoint = torch.load(folder / 'mine/recognizers' / name / 'iter_1.pth',
                                weights_only=True)
        assert checkpoint['state_dict']['cls_head.fc_cls.bias'].shape == (3,)


def test_the_environment_does_the_same_for_mmaction2s_own_tool(folder, printed):
    tool = Path(mmaction.__file__).parent / '.mim/tools/train.py'
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', tool, find_config('recognizer'),
         '--cfg-options', 'train_cfg.max_iters=1', 'train_dataloader.batch_size=2',
         'work_dir=mine/by_environment'],
        cwd=folder, text=True, capture_output=True, timeout=900,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'DATA': 'mine',
             'SIZE': '128', 'RECOGNIZER': 'tsm_small', 'TRAINING_SET': 'lddm_mix'})
    assert done.returncode == 0, done.stderr[-2000:]

    def weights(work_dir: str) -> dict[str, torch.Tensor]:
        return torch.load(folder / 'mine' / work_dir / 'iter_1.pth',
                          weights_only=True)['state_dict']

    torch.testing.assert_close(weights('by_environment'),
                               weights('recognizers/tsm_small_lddm_mix_128'), rtol=0, atol=0)
