"""Devices, mixed precision, launchers and memory of this machine and process."""
from __future__ import annotations

import ctypes
import math
import os
from functools import cache

import torch

LAUNCHERS = {                                        # variables that MMEngine reads, and command
    'pytorch': (('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'),
                'torchrun --nproc_per_node=PROCESSES'),
    'slurm': (('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'),
              'srun --ntasks=GPUS --gres=gpu:GPUS python'),
    'mpi': (('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_SIZE',
             'MASTER_ADDR'), 'mpirun -np GPUS -x MASTER_ADDR=HOST python'),
}
LOCAL_RANKS = {'pytorch': 'LOCAL_RANK', 'slurm': 'SLURM_LOCALID',
               'mpi': 'OMPI_COMM_WORLD_LOCAL_RANK'}
# parameters of mallopt(3) and what they are set to
MALLOC = {-1: 2 ** 30, -3: 2 ** 28}                  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD: bytes
TEXTS = ('MASTER_ADDR', 'SLURM_NODELIST')            # all others are whole numbers


def usual_device() -> torch.device:
    """The first GPU, or the CPU where PyTorch finds none."""
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def available_device(device: str | torch.device) -> torch.device:
    """The device; ValueError where it doesn't exist."""
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f'device must be cpu, cuda or cuda:N, but got '
                         f'{device!r}') from error
    if device.type not in ('cpu', 'cuda'):
        raise ValueError(f'device must be cpu, cuda or cuda:N, but got {device}')
    gpus = torch.cuda.device_count()
    if device.type == 'cuda' and (device.index or 0) >= gpus:
        available = f'only cuda:0 to cuda:{gpus - 1}' if gpus else 'no GPU'
        raise ValueError(f'device {str(device)!r} does not exist, PyTorch finds {available}; take '
                         f"{'one of them' if gpus else repr('cpu')}")
    return device


@cache
def keep_freed_memory() -> None:
    """Let this process keep up to 1 GiB of freed memory for the next tensors.

    Otherwise glibc gives large blocks back at once, and every page of the next tensor costs a page
    fault: on a CPU, an eighth to a third of a clip's time.  Other C libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError):              # TypeError: Windows
        return
    for parameter, value in MALLOC.items():
        mallopt(parameter, value)


def refuse_amp_without_gpu(optim_wrapper: str | None, owner: str) -> None:
    """Raise ValueError for MMEngine's mixed precision where there is no GPU.

    Args:
        optim_wrapper: its type.
        owner: prefix of the message: the option or key that sets it.
    """
    if optim_wrapper == 'AmpOptimWrapper' and not torch.cuda.is_available():
        raise ValueError(f'{owner}: AmpOptimWrapper needs a GPU, and PyTorch finds none; train '
                         "without it, or set optim_wrapper.type='Bfloat16OptimWrapper' on a CPU "
                         'that computes in bfloat16')


def mixed_precision() -> dict[str, str]:
    """Config of the optimizer wrapper for mixed precision on this machine.

    Raises:
        ValueError: if neither GPU nor CPU supports it.
    """
    if torch.cuda.is_available():
        return dict(type='AmpOptimWrapper', loss_scale='dynamic')
    if torch.cpu._is_avx512_bf16_supported():
        return dict(type='Bfloat16OptimWrapper')
    raise ValueError('--amp: mixed precision needs a GPU, or a CPU that computes in bfloat16 '
                     '(AVX-512), and there is neither; train without it')


def refuse_unstarted_launcher(launcher: str, tool: str) -> None:
    """Raise ValueError if the launcher hasn't started this process, or has too few GPUs.

    Where PyTorch finds no GPU, processes train on CPUs.

    Args:
        launcher: `none`, `pytorch`, `slurm` or `mpi`, as MMEngine names them.
        tool: the command, for the message.
    """
    if launcher == 'none':
        return
    if launcher not in LAUNCHERS:
        raise ValueError(f'launcher: must be none, {", ".join(LAUNCHERS)}, but got {launcher!r}')
    variables, start = LAUNCHERS[launcher]
    missing = [name for name in variables if not os.environ.get(name)]
    if missing:
        raise ValueError(f'launcher {launcher}: {", ".join(missing)} must be in the environment '
                         f'and {"is" if len(missing) == 1 else "are"} not; start it by {start} '
                         f'{tool} … --launcher {launcher}, or leave --launcher out')
    for name in variables:
        if name not in TEXTS and not os.environ[name].isdecimal():
            raise ValueError(f'launcher {launcher}: {name} must be a whole number, but the '
                             f'environment has {os.environ[name]!r}')
    gpus, rank = torch.cuda.device_count(), os.environ.get(LOCAL_RANKS[launcher], '0')
    if not rank.isdecimal() or int(rank) >= (gpus or math.inf):
        raise ValueError(f'launcher {launcher}: {LOCAL_RANKS[launcher]}={rank} needs a GPU of its '
                         f'own, but this machine has {gpus}; start as many processes as GPUs')
