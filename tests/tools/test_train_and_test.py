"""A recognizer of MMAction2's own parts goes through tools/train.py and tools/test.py."""
from __future__ import annotations

import os
import pickle
import re
import runpy
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from torch.testing import assert_close

TOOLS = Path(__file__).parents[2] / 'tools'

CONFIG = """
_base_ = 'mmaction::_base_/default_runtime.py'
default_hooks = dict(checkpoint=dict(type='SafeCheckpointHook', max_keep_ckpts=1))
custom_hooks = [dict(type='DataGuardHook'), dict(type='IterationSeedHook')]
randomness = dict(seed=1)
model = dict(
    type='Recognizer2D',
    backbone=dict(type='ResNet', pretrained=None, depth=18, norm_eval=False),
    cls_head=dict(type='TSNHead', num_classes=2, in_channels=512, dropout_ratio=0.5,
                  average_clips='prob'),
    data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCHW'))
pipeline = [
    dict(type='SampleFrames', clip_len=1, frame_interval=1, num_clips=2, test_mode=True),
    dict(type='RawFrameDecode'), dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCHW'), dict(type='PackActionInputs')]
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RawframeDataset', ann_file='FOLDER/list.txt', pipeline=pipeline,
                 data_prefix=dict(img='FOLDER')))
val_dataloader = dict(batch_size=2, num_workers=0,
                      sampler=dict(type='DefaultSampler', shuffle=False),
                      dataset=dict(train_dataloader['dataset'],
                                   ann_file='FOLDER/held_out.txt'))
test_dataloader = val_dataloader
val_evaluator = dict(type='AccMetric', metric_list=('top_k_accuracy',))
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
val_cfg = test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> Path:
    """A config beside its data: videos of dark and bright noise, as frames, half of them tested."""
    folder = tmp_path_factory.mktemp('frames')
    random = np.random.default_rng(0)
    for video in range(8):
        (folder / str(video)).mkdir()
        for frame in (1, 2):
            image = random.integers(0, 64, (32, 32, 3), np.uint8) + 128 * (video % 2)
            cv2.imwrite(str(folder / f'{video}/img_{frame:05}.jpg'), image)
    for name, videos in (('list.txt', range(4)), ('held_out.txt', range(4, 8))):
        (folder / name).write_text(''.join(f'{n} 2 {n % 2}\n' for n in videos))
    path = folder / 'tiny.py'
    path.write_text(CONFIG.replace('FOLDER', str(folder)))
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    """run('train', ...) → calls the tool in this process, gives its exit status and stderr."""
    def call(tool: str, *arguments: object) -> tuple[object, str]:
        monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *map(str, arguments)])
        MMLogger._instance_dict.clear()              # an earlier test's write to its own output
        try:
            runpy.run_path(str(TOOLS / f'{tool}.py'), run_name='__main__')
        except SystemExit as ended:
            return ended.code, capsys.readouterr().err
        return 0, capsys.readouterr().err
    return call


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return torch.load(checkpoint, weights_only=True)['state_dict']


EVERY = 'default_hooks.checkpoint.max_keep_ckpts=-1'


def interrupt(folder: Path) -> None:
    """Leave what a power cut in the second epoch leaves."""
    (folder / 'epoch_2.pth').unlink()
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))


def test_what_was_trained_and_resumed_is_tested(config, run, tmp_path):
    once, parts = tmp_path / 'once', tmp_path / 'parts'
    run('train', config, '--work-dir', once)
    run('train', config, '--work-dir', parts, '--cfg-options', EVERY)
    interrupt(parts)
    run('train', config, '--work-dir', parts, '--resume')
    trained, resumed = weights(once / 'epoch_2.pth'), weights(parts / 'epoch_2.pth')
    assert all(torch.equal(trained[name], resumed[name]) for name in trained)

    dump = tmp_path / 'scores.pkl'
    tested = subprocess.run(
        [sys.executable, TOOLS / 'test.py', config, once / 'epoch_2.pth', '--work-dir', once,
         '--dump', dump], capture_output=True, text=True, check=True)
    assert re.search(r'acc/top1: [01]\.', tested.stdout)
    assert len(pickle.loads(dump.read_bytes())) == 4


PROGRAM = """
import sys
from mmengine.dist import barrier
from lddm_aug.commands import run_tool
launcher, config, work = sys.argv[1:]
started = ['--work-dir', work, '--launcher', launcher]
run_tool('train', [config, *started, '--no-validate', '--cfg-options', 'train_cfg.max_epochs=1'])
barrier()                                            # rank 0 has written it
run_tool('test', [config, f'{work}/epoch_1.pth', *started, '--dump', f'{work}/scores.pkl'])
"""


def start_by_slurm(folder: Path, arguments: list[str], environment: dict[str, str]
                   ) -> list[subprocess.Popen]:
    """Two processes with what srun sets, and with a command that lists the machines."""
    (folder / 'scontrol').write_text('#!/bin/sh\n[ "$*" = "show hostname here" ] && '
                                     'printf "127.0.0.1\\n192.0.2.1\\n"\n')
    (folder / 'scontrol').chmod(0o755)
    environment['PATH'] = f'{folder}{os.pathsep}{environment["PATH"]}'
    return [subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', PROGRAM, 'slurm', *arguments],
        env={**environment, 'SLURM_PROCID': str(rank), 'SLURM_LOCALID': str(rank),
             'SLURM_NTASKS': '2', 'SLURM_NODELIST': 'here'}) for rank in range(2)]


def start_by_mpi(folder: Path, arguments: list[str], environment: dict[str, str]
                 ) -> list[subprocess.Popen]:
    return [subprocess.Popen(
        ['mpirun', '-np', '2', '--oversubscribe', '-x', 'MASTER_ADDR=127.0.0.1', sys.executable,
         '-W', 'ignore', '-c', PROGRAM, 'mpi', *arguments],
        env={**environment, 'OMPI_ALLOW_RUN_AS_ROOT': '1',
             'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM': '1'})]


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
@pytest.mark.parametrize('start', [start_by_slurm, pytest.param(
    start_by_mpi, marks=pytest.mark.skipif(not shutil.which('mpirun'), reason='needs mpirun'))])
def test_two_processes_of_a_launcher_train_together_and_test_as_one_does(
        config, run, tmp_path, start):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    work = tmp_path / 'work'
    outside = {name: value for name, value in os.environ.items() if name not in (
        'RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR')}
    processes = start(tmp_path, [str(config), str(work)],
                      {**outside, 'MASTER_PORT': str(port), 'OMP_NUM_THREADS': '1'})
    assert [process.wait() for process in processes] == [0] * len(processes)
    assert torch.load(work / 'epoch_1.pth', weights_only=True)['meta']['iter'] == 1  # of 2 × 2
    assert run('test', config, work / 'epoch_1.pth', '--work-dir', tmp_path / 'alone', '--dump',
               tmp_path / 'alone.pkl')[0] == 0
    together, alone = (pickle.loads(file.read_bytes())
                       for file in (work / 'scores.pkl', tmp_path / 'alone.pkl'))
    for ours, expected in zip(together, alone, strict=True):
        assert_close(ours['pred_score'], expected['pred_score'], rtol=0, atol=1e-6)


def test_a_work_dir_is_of_one_training_until_that_ends_or_is_killed(config, run, tmp_path, held):
    arguments = [config, '--work-dir', tmp_path / 'work', '--no-validate', '--cfg-options',
                 'train_cfg.max_epochs=1']
    with held(tmp_path / 'work'):
        status, printed = run('train', *arguments)
        assert status == 2 and 'work is being written by another process' in printed
        assert not (tmp_path / 'work').exists()
    assert run('train', *arguments)[0] == 0


def test_the_seed_counts_where_the_config_names_one(config, run, tmp_path):
    options = ['--no-validate', '--cfg-options', 'train_cfg.max_epochs=1', '--seed']
    for seed in (1, 2):
        run('train', config, '--work-dir', tmp_path / str(seed), *options, seed)
    seeds = [torch.load(tmp_path / f'{seed}/epoch_1.pth', weights_only=True)['meta']['seed']
             for seed in (1, 2)]
    assert seeds == [1, 2]


@pytest.mark.parametrize('tool, arguments, sentence', [
    ('train', ['nowhere.py'], 'train.py: there is no config nowhere.py'),
    ('test', ['nowhere.py', 'a.pth'], 'test.py: there is no config nowhere.py'),
    ('test', ['CONFIG', 'a.pth'], 'test.py: checkpoint: there is no file a.pth'),
    ('train', ['CONFIG', '--resume', 'a.pth'], 'train.py: resume: there is no file a.pth')])
def test_a_missing_path_gets_one_sentence(config, run, tmp_path, monkeypatch, tool, arguments,
                                          sentence):
    monkeypatch.chdir(tmp_path)
    given = [config if argument == 'CONFIG' else argument for argument in arguments]
    status, printed = run(tool, *given)
    assert status == 2 and printed.startswith(sentence) and printed.count('\n') == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('tool', ['train', 'test'])
@pytest.mark.parametrize('content', [b'', b'junk' * 99])
def test_a_damaged_checkpoint_gets_one_sentence(config, run, tmp_path, tool, content):
    checkpoint = tmp_path / 'a.pth'
    checkpoint.write_bytes(content)
    arguments = [checkpoint] if tool == 'test' else ['--resume', checkpoint]
    status, printed = run(tool, config, *arguments, '--work-dir', tmp_path / 'work')
    assert status == 2
    assert printed.startswith(f'{tool}.py: {checkpoint} cannot be read as a checkpoint')
    assert not (tmp_path / 'work').exists()


@pytest.mark.parametrize('content, sentence', [
    ({'x': torch.ones(1)}, 'holds weights without the state of a training'),
    ({'meta': {'epoch': 0, 'iter': 0}, 'state_dict': {'x': torch.ones(1)}},
     'a.pth does not say what it was trained on')])
def test_a_training_does_not_go_on_from_anything_else(config, run, tmp_path, content, sentence):
    torch.save(content, tmp_path / 'a.pth')
    status, printed = run('train', config, '--resume', tmp_path / 'a.pth',
                          '--work-dir', tmp_path / 'work')
    assert status == 2 and sentence in printed


@pytest.fixture(scope='module')
def begun(config, tmp_path_factory) -> Path:
    """A training of one epoch."""
    folder = tmp_path_factory.mktemp('begun')
    subprocess.run([sys.executable, TOOLS / 'train.py', config, *BEGUN, '--work-dir', folder],
                   check=True)
    return folder


BEGUN = ['--no-validate', '--cfg-options', 'train_cfg.max_epochs=1',
         'optim_wrapper.optimizer.momentum=0']


@pytest.mark.parametrize('changed, difference', [
    (['train_cfg.max_epochs=2'], 'train_cfg.max_epochs: 1 → 2'),
    (['optim_wrapper.optimizer.lr=0.2'], 'optim_wrapper.optimizer.lr: 0.1 → 0.2'),
    (['model.backbone.depth=34'], 'model.backbone.depth: 18 → 34'),
    (['--seed', '2'], 'randomness.seed: 1 → 2'),
    (['train_dataloader.dataset.ann_file={}/other.txt'],
     'train_dataloader.dataset.ann_file: list.txt')])
def test_another_training_is_refused_with_the_difference(
        config, run, begun, changed, difference, tmp_path):
    (config.parent / 'other.txt').write_text('0 2 1\n1 2 1\n2 2 0\n3 2 1\n')
    changed = [part.format(config.parent) for part in changed]
    before = (begun / 'epoch_1.pth').stat().st_mtime_ns
    status, printed = run('train', config, *BEGUN, *changed, '--work-dir', begun, '--resume')
    assert status == 2 and 'train.py: resume: this training was begun with other' in printed
    assert difference in printed
    assert (begun / 'epoch_1.pth').stat().st_mtime_ns == before


def test_other_frames_under_the_same_names_are_refused(config, run, begun):
    frame = config.parent / '0/img_00001.jpg'
    kept = frame.read_bytes()
    frame.write_bytes((config.parent / '1/img_00001.jpg').read_bytes())
    status, printed = run('train', config, *BEGUN, '--work-dir', begun, '--resume')
    frame.write_bytes(kept)
    assert status == 2 and 'train_dataloader.dataset.ann_file.files: 4 files' in printed


def test_a_training_that_began_from_weights_is_resumed_from_its_own(config, run, begun, tmp_path):
    options = ['--no-validate', '--cfg-options', f'load_from={begun / "epoch_1.pth"}', EVERY,
               '--work-dir', tmp_path / 'work']
    run('train', config, *options)
    expected = weights(tmp_path / 'work/epoch_2.pth')
    interrupt(tmp_path / 'work')
    run('train', config, *options, '--resume')
    found = weights(tmp_path / 'work/epoch_2.pth')
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_training_whose_optimizer_was_not_saved_is_not_resumed(config, run, tmp_path):
    options = ['--no-validate', '--work-dir', tmp_path / 'work', '--cfg-options', EVERY,
               'default_hooks.checkpoint.save_optimizer=False']
    run('train', config, *options)
    interrupt(tmp_path / 'work')
    status, printed = run('train', config, *options, '--resume')
    assert status == 2 and 'epoch_1.pth lacks optimizer' in printed


def test_another_models_checkpoint_is_not_tested(config, run, tmp_path):
    torch.save({'state_dict': {'x': torch.ones(1)}}, tmp_path / 'a.pth')
    status, printed = run('test', config, tmp_path / 'a.pth', '--work-dir', tmp_path / 'work')
    assert status == 2
    assert 'test.py: WeightsGuardHook: the checkpoint lacks ' in printed


@pytest.fixture
def unguarded(config, tmp_path) -> Path:
    """The config of somebody who knows nothing of our hooks."""
    path = tmp_path / 'unguarded.py'
    path.write_text(f"_base_ = '{config}'\ncustom_hooks = []\ntrain_cfg = dict(max_epochs=1)\n")
    return path


def named(part: str, classes: str) -> str:
    return f'{part}_dataloader.dataset.metainfo.classes={classes}'


def test_the_tools_compare_the_classes_where_the_config_has_no_guard(unguarded, run, tmp_path):
    work = ['--work-dir', tmp_path / 'work', '--cfg-options']
    status, printed = run('train', unguarded, *work, named('train', '0,1'), named('val', '1,0'))
    assert status == 2 and printed.endswith(
        'train.py: ClassGuardHook: the classes of training are 0, 1, but those of validation are '
        '1, 0: the same names in another order; set classes of both to one list\n')
    assert not list(tmp_path.glob('work/*.pth'))

    run('train', unguarded, *work, *(named(part, '0,1') for part in ('train', 'val', 'test')))
    tested = ['test', unguarded, tmp_path / 'work/epoch_1.pth', *work]
    assert run(*tested, named('test', '0,1'))[0] == 0
    for classes in ('1,0', 'a,b', '0', '0,1,2'):
        status, printed = run(*tested, named('test', classes))
        assert status == 2 and printed.startswith('test.py: ClassGuardHook: ')


def test_labels_that_the_head_does_not_score_are_named_before_training(unguarded, run, tmp_path):
    (tmp_path / 'list.txt').write_text(''.join(f'{n} 2 {n % 2 + 1}\n' for n in range(4)))
    status, printed = run('train', unguarded, '--work-dir', tmp_path / 'work', '--cfg-options',
                          f'train_dataloader.dataset.ann_file={tmp_path / "list.txt"}')
    assert status == 2 and 'ClassGuardHook: labels of training must lie in [0, 2), ' in printed
    assert printed.endswith(' has 2; correct the annotation, or set model.cls_head.num_classes\n')


@pytest.mark.parametrize('tool, text, sentence', [
    ('train', '', 'the config lacks model, train_dataloader, train_cfg, optim_wrapper'),
    ('train', 'x = = 3', 'bad.py: line 1: invalid syntax'),
    ('train_lddm', 'x = = 3', 'bad.py: line 1: invalid syntax'),
    ('train_lddm', 'model = dict()',
     'the config lacks train_dataloader, train_cfg, optim_wrapper'),
    ('train', CONFIG.replace("'SGD'", "'SDG'"),
     "there is no optimizer 'SDG'; name one of PyTorch, as AdamW")])
def test_a_config_that_cannot_be_used_gets_one_sentence(run, tmp_path, tool, text, sentence):
    (tmp_path / 'bad.py').write_text(text)
    status, printed = run(tool, tmp_path / 'bad.py', '--work-dir', tmp_path / 'work')
    assert status == 2
    assert printed.endswith(f'{sentence}\n') and 'bad.py' in printed
    assert not (tmp_path / 'work').exists()


@pytest.mark.parametrize('option, named', [
    ('train_cfg.val_interval=x', 'train_cfg.val_interval'),
    ('train_cfg.max_epochs=1.5', 'train_cfg.max_epochs'),
    ('default_hooks.checkpoint.interval=x', 'default_hooks.checkpoint.interval'),
    ('custom_hooks=3', 'custom_hooks'), ('train_dataloader.sampler=3', 'train_dataloader.sampler'),
    ('optim_wrapper=3', 'optim_wrapper'), ('model=3', 'model'),
    ('optim_wrapper.optimizer.lr=x', "SGD(lr='x'"), ('model.backbone.depth=x', "depth='x'"),
    ('log_level=LOUD', 'LOUD'), ('env_cfg=3', 'Runner')])
def test_a_value_of_the_wrong_kind_is_named_by_its_key_or_part(config, run, tmp_path, option,
                                                               named):
    status, printed = run('train', config, '--work-dir', tmp_path, '--cfg-options', option)
    assert status == 2 and named in printed.splitlines()[-1] and 'Traceback' not in printed


@pytest.mark.parametrize('option, sentence', [
    ('train_dataloder.batch_size=8', 'did you mean train_dataloader?'),
    ('optim_wraper.optimizer.lr=1', 'did you mean optim_wrapper?'),
    ('unheard_of=1', 'nothing reads unheard_of'),
    ('pipeline=[]', 'pipeline is a variable of'),
    ('default_hooks.checkpoint.intervall=3', 'did you mean interval?')])
def test_an_option_that_would_change_nothing_is_refused(config, run, tmp_path, option, sentence):
    status, printed = run('train', config, '--work-dir', tmp_path / 'work', '--cfg-options', option)
    assert status == 2 and sentence in printed and printed.count('\n') == 1
    assert option.partition('=')[0] in printed


def test_a_layer_that_does_not_fit_what_comes_before_it_is_named(config, run, tmp_path):
    status, printed = run('train', config, '--work-dir', tmp_path / 'work', '--no-validate',
                          '--cfg-options', 'model.cls_head.in_channels=100')
    assert status == 2 and 'Traceback' not in printed
    assert 'model.cls_head.fc_cls(in_features=100, out_features=2' in printed.splitlines()[-1]


def test_an_option_that_only_a_runner_reads_is_taken(config, run, tmp_path):
    status, _ = run('train', config, '--work-dir', tmp_path / 'work', '--no-validate',
                    '--cfg-options', 'train_cfg.max_epochs=1', 'sync_bn=None',
                    'auto_scale_lr.base_batch_size=4', 'experiment_name=mine')
    assert status == 0


@pytest.mark.parametrize('tool', ['train', 'train_lddm'])
def test_an_option_without_a_value_is_named(config, run, tmp_path, tool):
    status, printed = run(tool, config, '--work-dir', tmp_path / 'work',
                          '--cfg-options', 'max_iters')
    assert status == 2
    assert printed.endswith('--cfg-options takes key=value, but got max_iters\n')


@pytest.mark.parametrize('tool', ['train', 'test', 'train_lddm'])
@pytest.mark.parametrize('launcher, variable', [
    ('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID'), ('mpi', 'OMPI_COMM_WORLD_RANK')])
def test_a_launcher_that_has_not_started_the_tool_is_refused(
        config, run, tmp_path, monkeypatch, tool, launcher, variable):
    monkeypatch.delenv(variable, raising=False)
    weights = tmp_path / 'a.pth'
    torch.save({'state_dict': {}}, weights)
    status, printed = run(tool, config, *([weights] if tool == 'test' else []),
                          '--work-dir', tmp_path / 'work', '--launcher', launcher)
    assert status == 2 and variable in printed and printed.count('\n') == 1
    assert not (tmp_path / 'work').exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
@pytest.mark.parametrize('arguments', [
    ['--amp'], ['--cfg-options', 'optim_wrapper.type=AmpOptimWrapper']])
def test_mixed_precision_without_a_gpu_is_refused_before_anything_is_built(
        config, run, tmp_path, arguments):
    status, printed = run('train', config, '--work-dir', tmp_path / 'work', *arguments)
    assert status == 2 and 'AmpOptimWrapper needs a GPU' in printed and printed.count('\n') == 1
    assert not (tmp_path / 'work').exists()


def test_an_endless_sampler_is_refused_also_in_a_config_without_our_hooks(config, run, tmp_path):
    status, printed = run(
        'train', config, '--work-dir', tmp_path / 'work', '--cfg-options', 'custom_hooks=[]',
        'train_dataloader.sampler.type=InfiniteSampler')
    assert status == 2 and 'InfiniteSampler' in printed.splitlines()[-1]
    assert not list((tmp_path / 'work').glob('*.pth'))


def test_configs_are_read_as_utf8_in_any_locale(config, tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text(f'"""Größe × 2."""\n_base_ = {str(config)!r}\nnote = "größer"\n'
                    'train_cfg = dict(max_epochs=1, val_interval=9)\n', encoding='utf-8')
    ended = subprocess.run(
        [sys.executable, TOOLS / 'train.py', mine, '--work-dir', tmp_path], capture_output=True,
        env={**os.environ, 'LC_ALL': 'C', 'PYTHONUTF8': '0', 'PYTHONCOERCECLOCALE': '0'})
    assert ended.returncode == 0, ended.stderr.decode()
    assert 'größer' in (tmp_path / 'mine.py').read_text(encoding='utf-8')
