"""Two and three processes train, validate, resume and test as one does."""
from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch.testing import assert_close

from lddm_aug.checkpoints import read_checkpoint, weights_sha256
from lddm_aug.datasets.latents import batched_places, load_clips
from lddm_aug.generators.package import load_package

WORKER = Path(__file__).with_name('rank_worker.py')
NUM_REAL, NUM_TESTED = 7, 5                          # no multiples of 2 and 3


@pytest.fixture(scope='module')
def worker() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location('rank_worker', WORKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        module.lay_no_config_out(patch.setattr)
        yield module


def start(ranks: int, what: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a part of the worker by torchrun, in the folder."""
    return subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={ranks}',
         str(WORKER), what, str(folder)], cwd=folder, text=True, capture_output=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'})


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Data, and what two processes left."""
    folder = tmp_path_factory.mktemp('ranks')
    rows = {'videos.csv': ['path,label,group,split'], 'stills.csv': ['path,label,group']}
    random = np.random.default_rng(0)
    for number in range(NUM_REAL + NUM_TESTED):
        label, video = ('benign', 'malignant')[number % 2], random.integers(
            96, size=(20, 64, 64), dtype=np.uint8) + np.uint8(80 * (number % 2))
        np.save(folder / f'{number}.npy', video)
        rows['videos.csv'].append(f'{number}.npy,{label},patient {number},'
                                  f'{"train" if number < NUM_REAL else "test"}')
        cv2.imwrite(str(folder / f'{number}.png'), video[0])
        rows['stills.csv'].append(f'{number}.png,{label},other {number}')
    for name, lines in rows.items():
        (folder / name).write_text('\n'.join(lines))
    ended = start(2, 'two', folder)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture(scope='module')
def by_three(folder: Path) -> tuple[Path, subprocess.CompletedProcess]:
    """What three processes left beside it, one of which failed in the end."""
    return folder, start(3, 'three', folder)


@pytest.fixture(scope='module')
def divided(folder: Path) -> Path:
    """What two processes left that divide the weights of a denoiser, by the config of the docs."""
    page = (Path(__file__).parents[2] / 'docs/training.md').read_text()
    [config] = re.findall(r'```python\n(# large\.py\n.*?)```', page, re.DOTALL)
    (folder / 'large.py').write_text(config)
    (folder / 'whole.py').write_text("_base_ = './large.py'\nstages = dict(diffusion=dict("
                                     "runner_type='Runner', strategy=None))\n")
    ended = start(2, 'divided', folder)
    assert ended.returncode == 0, ended.stderr
    return folder


def scores(folder: Path) -> dict[str, float]:
    """What the newest validation or test below a work dir measured."""
    lines = [json.loads(line) for file in sorted(folder.glob('*/vis_data/scalars.json'))
             for line in file.read_text().splitlines()]
    tested = [json.loads(file.read_text()) for file in sorted(folder.glob('2*/2*.json'))]
    return [{key: value for key, value in line.items() if key.startswith(('video/', 'group/'))}
            for line in [*lines, *tested] if 'video/accuracy' in line][-1]


def test_a_generator_is_trained_through_all_stages_and_written_once(folder: Path):
    work = folder / 'generators/lddm'
    card = json.loads((work / 'package/package.json').read_text())
    assert [stage['processes'] for stage in card['stages'].values()] == [2, 2, 2]
    assert len(load_package(work / 'package').groups) == NUM_REAL
    for stage in ('autoencoder', 'diffusion', 'distillation'):
        assert (work / stage / 'last_checkpoint').read_text().endswith('iter_4.pth')
        assert len([*(work / stage).rglob('events.out*')]) == 1
        assert not [*(work / stage).glob('.*.tmp')]
    assert not (folder / '.dist_test').exists()      # MMEngine's, in the folder of the call


def test_latent_statistics_are_those_that_one_process_measures(folder: Path):
    init_default_scope('mmaction')
    stage = folder / 'generators/lddm/autoencoder'
    config = Config.fromfile(stage / 'lddm_distilled.py')
    model = MODELS.build(config.model)
    model.load_state_dict(read_checkpoint(stage / 'iter_4.pth')['state_dict'])
    mean, std = model.latent_mean.clone(), model.latent_std.clone()
    clips = DATASETS.build(config.train_dataloader.dataset)
    model.measure_latents(load_clips(clips, places)['clip'] for places in batched_places(clips))
    assert_close((mean, std), (model.latent_mean, model.latent_std), rtol=0, atol=1e-6)
    assert std.ne(1).all()


def test_what_a_stage_learns_from_is_on_every_rank_what_one_process_computes(
        folder: Path, worker: ModuleType):
    ranks = [torch.load(folder / f'rank{rank}.pth') for rank in (0, 1)]
    alone = worker.datasets(folder)
    for stage, samples in alone.items():
        assert len(samples) == 2 * NUM_REAL
        for rank in ranks:
            for ours, expected in zip(rank['datasets'][stage], samples, strict=True):
                assert_close(ours, expected, rtol=0, atol=1e-5)


def test_ranks_share_what_they_compute_and_what_went_wrong(folder: Path):
    for rank in (0, 1):
        shared = torch.load(folder / f'rank{rank}.pth')['shared']
        assert shared['in_turn'] == ['00', '10', '01', '11', '02']
        assert shared['from_main'] == 'of 0' and 'no number' in shared['error']
        assert 'work is being written by another process' in shared['refused']


def test_grain_statistics_are_those_of_one_process_with_all_clips(
        folder: Path, worker: ModuleType):
    expected = worker.grain()
    for rank in (0, 1):
        assert_close(torch.load(folder / f'rank{rank}.pth')['grain'], expected)
    assert expected['gain'] != 1 and expected['real_power'].any()


def test_every_real_clip_is_seen_once_an_epoch_over_the_ranks(folder: Path, count_in):
    count_in('real and generated samples seen exactly once in each of 2 epochs over 2 ranks',
             'samples', 28, tried=28)
    seen = [json.loads((folder / f'visits{rank}.json').read_text()) for rank in (0, 1)]
    assert all(len(visits) == 14 for visits in seen)             # 7 iterations of 2 clips
    both = Counter((epoch, index) for visits in seen for epoch, index, _ in visits)
    assert both == Counter((epoch, index) for epoch in (0, 1) for index in range(2 * NUM_REAL))
    drawn = {(epoch, position) for visits in seen for epoch, _, position in visits}
    assert len(drawn) == 28                                      # nothing is drawn alike


def test_the_generator_is_in_no_checkpoint_of_the_recognizer(folder: Path):
    names = read_checkpoint(folder / 'trained/iter_7.pth')['state_dict']
    assert not [name for name in names if 'denoiser' in name or 'generator' in name
                or name.startswith('module.')]


def test_resumed_by_as_many_processes_the_weights_are_the_same(folder: Path):
    once, resumed = (read_checkpoint(folder / name / 'iter_7.pth')
                     for name in ('trained', 'resumed'))
    assert weights_sha256(once) == weights_sha256(resumed)
    assert_close(once['optimizer'], resumed['optimizer'], rtol=0, atol=0)


def test_validation_by_two_and_test_by_three_measure_what_one_process_does(
        by_three, worker: ModuleType, count_in):
    count_in('validation by 2 ranks and test by 3 on 5 videos against one process: largest '
             'difference allowed', 'score', 1e-6, tried=2)
    folder, _ = by_three
    validated, tested = scores(folder / 'trained'), scores(folder / 'tested')
    worker.rewind(folder, 'validated', 'iter_7.pth')             # by one, after its last step
    worker.recognizer('train', folder, 'validated', '--resume')
    assert_close(validated, scores(folder / 'validated'), rtol=0, atol=1e-6, equal_nan=True)
    worker.recognizer('test', folder, 'alone')
    assert_close(tested, scores(folder / 'alone'), rtol=0, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize('checkpoint, rate', [
    ('generators/lddm/autoencoder/iter_4.pth', 2e-3 * 4 / 4),    # the recipe's, for 4 clips
    ('generators/lddm/diffusion/iter_4.pth', 2e-3 * 4 / 16),
    ('accumulated/iter_2.pth', 5e-4 * 4 / 6)])
def test_the_learning_rate_is_scaled_by_the_clips_of_an_iteration(folder: Path, checkpoint, rate):
    """Two processes take 2 each."""
    [group] = read_checkpoint(folder / checkpoint)['optimizer']['param_groups']
    assert group['initial_lr'] == pytest.approx(rate)


def test_accumulated_gradients_make_one_step_of_several_iterations(folder: Path):
    optimizer = read_checkpoint(folder / 'accumulated/iter_2.pth')['optimizer']
    assert {state['step'].item() for state in optimizer['state'].values()} == {1}


def test_another_number_of_processes_resumes(by_three):
    folder, _ = by_three
    checkpoint = read_checkpoint(folder / 'by_three/iter_7.pth')
    assert checkpoint['meta']['training_record']['processes'] == 3


def test_an_error_of_one_rank_ends_all_with_one_sentence(by_three):
    folder, ended = by_three
    assert ended.returncode
    named = [line for line in ended.stderr.splitlines() if line.startswith('rank_worker.py: ')]
    assert named == ['rank_worker.py: a video of rank 1 is cut off']
    assert 'RuntimeError' not in ended.stderr
    assert not (folder / 'failed/last_checkpoint').exists()


def test_divided_weights_learn_what_whole_ones_do(divided: Path, count_in):
    count_in('a diffusion trained by 2 ranks with divided weights (FSDP) against whole ones: '
             'largest difference of a weight allowed', 'weight', 1e-5)
    whole, parts = ([json.loads(line) for line in next(
        (divided / name / 'diffusion').glob('*/vis_data/scalars.json')).read_text().splitlines()]
        for name in ('whole', 'large'))
    assert len(whole) == 4
    for ours, expected in zip(parts, whole, strict=True):
        assert_close(ours['loss'], expected['loss'], rtol=1e-5, atol=0)
        assert_close(ours['grad_norm'], expected['grad_norm'], rtol=1e-4, atol=0)
    weights = [load_package(divided / name / 'package').state_dict() for name in ('whole', 'large')]
    assert_close(*weights, rtol=0, atol=1e-5)


def test_divided_weights_are_resumed(divided: Path):
    once, resumed = (read_checkpoint(divided / name / 'diffusion/iter_4.pth')
                     for name in ('large', 'large_resumed'))
    assert weights_sha256(once) == weights_sha256(resumed)
    assert once['meta']['training_record']['processes'] == 2
