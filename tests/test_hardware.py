from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from lddm_aug.hardware import LAUNCHERS, refuse_amp_without_gpu, refuse_unstarted_launcher

STARTED = {
    'pytorch': dict(RANK='0', LOCAL_RANK='0', WORLD_SIZE='2', MASTER_ADDR='host',
                    MASTER_PORT='29500'),
    'slurm': dict(SLURM_PROCID='0', SLURM_NTASKS='2', SLURM_NODELIST='node[1-2]',
                  SLURM_LOCALID='0'),
    'mpi': dict(OMPI_COMM_WORLD_RANK='0', OMPI_COMM_WORLD_LOCAL_RANK='0', OMPI_COMM_WORLD_SIZE='2',
                MASTER_ADDR='host')}


@pytest.fixture
def start(monkeypatch):
    """start(launcher, gpus, name=value, …): as that launcher starts a process."""
    def call(launcher: str, gpus: int, **variables: str | None) -> None:
        for name in {name for values in STARTED.values() for name in values} & {*os.environ}:
            monkeypatch.delenv(name)
        for name, value in {**STARTED[launcher], **variables}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)
    return call


@pytest.mark.parametrize('launcher', LAUNCHERS)
def test_a_process_with_a_gpu_that_a_launcher_started_is_accepted(start, launcher):
    start(launcher, 1)
    refuse_unstarted_launcher(launcher, 'tools/train.py')


@pytest.mark.parametrize('launcher, name', [
    (launcher, name) for launcher, (names, _) in LAUNCHERS.items() for name in names])
def test_a_missing_variable_is_named_with_the_command_that_sets_it(start, launcher, name):
    start(launcher, 1, **{name: None})
    command = dict(pytorch='torchrun', slurm='srun', mpi='mpirun')[launcher]
    with pytest.raises(ValueError, match=rf'{launcher}: {name} must .* {command} .*tools/train.py'):
        refuse_unstarted_launcher(launcher, 'tools/train.py')


@pytest.mark.parametrize('launcher', LAUNCHERS)
def test_without_gpus_processes_train_on_cpus(start, launcher):
    start(launcher, 0)
    refuse_unstarted_launcher(launcher, 'tools/train.py')


def test_more_processes_than_gpus_and_ranks_that_are_no_numbers_are_refused(start):
    start('pytorch', 2, LOCAL_RANK='2')
    with pytest.raises(ValueError, match=r'LOCAL_RANK=2 .* has 2;'):
        refuse_unstarted_launcher('pytorch', 'tools/train.py')
    start('pytorch', 2, RANK='first')
    with pytest.raises(ValueError, match=r"RANK .*'first'"):
        refuse_unstarted_launcher('pytorch', 'tools/train.py')


def test_no_launcher_needs_nothing_and_an_unknown_one_is_refused(start):
    start('pytorch', 0, RANK=None)
    refuse_unstarted_launcher('none', 'tools/train.py')
    with pytest.raises(ValueError, match="'k8s'"):
        refuse_unstarted_launcher('k8s', 'tools/train.py')


def test_mixed_precision_of_mmengine_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    refuse_amp_without_gpu('OptimWrapper', '--amp')
    refuse_amp_without_gpu(None, '--amp')
    with pytest.raises(ValueError, match=r'^--amp: AmpOptimWrapper .*GPU'):
        refuse_amp_without_gpu('AmpOptimWrapper', '--amp')


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='other C libraries are left alone')
@pytest.mark.parametrize('kept', [False, True])
def test_the_next_tensor_takes_memory_that_was_kept(kept: bool):
    # in a new interpreter, which no other test has told to keep its memory
    program = """
import resource, sys
import torch
from lddm_aug.hardware import keep_freed_memory
if sys.argv[1] == 'True':
    keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(16 * 2 ** 20)                        # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(5):                                   # the heap grows
    faults()
print(min(faults() for _ in range(5)))          # the system may take back memory meanwhile
"""
    result = subprocess.run([sys.executable, '-c', program, str(kept)], capture_output=True,
                            text=True, check=True)
    assert (int(result.stdout) < 10) == kept         # transparent huge pages are of 2 MiB
