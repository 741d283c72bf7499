"""What benchmarks share: turns of what is compared, rows of the result, limits of the machine."""
from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lddm_aug.versions import machine

# side of the matrices of `matrix_rate`: a GPU is only busy with larger ones
MATRIX = dict(cpu=2048, cuda=8192)
COPIED = 2 ** 28                                     # bytes of `bandwidth`


def take_turns(ways: Mapping[str, Callable[[], object]], repeats: int, device: torch.device
               ) -> dict[str, list[float]]:
    """Seconds of every way, `repeats` times in turn, so that a busy machine meets all alike.

    A first turn, which also warms up, doesn't count.  On a CPU it counts the process's own seconds,
    of all its threads; on a GPU seconds of the clock until the GPU is done.

    Raises:
        ValueError: if repeats is not at least 1.
    """
    if repeats < 1:
        raise ValueError(f'repeats counts turns and is at least 1, but got {repeats!r}')
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            start = clock(device)
            way()
            if turn:
                seconds[name].append(clock(device) - start)
    return seconds


def ratio_row(what: str, values: Sequence[float], baselines: Sequence[float], unit: str,
              device: torch.device, command: str) -> dict[str, Any]:
    """One figure beside its baseline, from values of the same turns.

    Returns:
        dict(what, value, baseline, ratio, unit, device, command, low, high, n): medians of the
        values, the baselines and their ratios; low and high are the least and the largest ratio.
    """
    ratios = [value / baseline for value, baseline in zip(values, baselines, strict=True)]
    return dict(what=what, value=statistics.median(values), baseline=statistics.median(baselines),
                ratio=statistics.median(ratios), unit=unit, device=device_name(device),
                command=command, low=min(ratios), high=max(ratios), n=len(ratios))


def device_name(device: torch.device) -> str:
    """The GPU, or the CPU with what it computes in and the threads that PyTorch uses."""
    if device.type == 'cuda':
        return machine(device)
    return (f'CPU, {machine(device)}, {torch.backends.cpu.get_cpu_capability()}, '
            f'{torch.get_num_threads()} threads')


def matrix_rate(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """GFLOP/s of a large matrix product: what arithmetic can reach at most."""
    side = MATRIX[device.type]
    a = torch.randn(side, side, device=device, dtype=dtype)
    seconds = take_turns({'': lambda: a @ a}, 5, device)['']
    return 2 * side ** 3 / min(seconds) / 1e9


def limit_rows(device: torch.device, command: str, *dtypes: torch.dtype) -> list[dict[str, Any]]:
    """Rows of what a device can reach at most: by each data type in arithmetic, and in memory."""
    same = dict(baseline=None, ratio=None, device=device_name(device), command=command)
    return [*(dict(what=f'largest rate of arithmetic, a product of matrices{_of(dtype)}',
                   value=matrix_rate(device, dtype), unit='GFLOP/s', **same) for dtype in dtypes),
            dict(what='largest rate of memory, a copy', value=bandwidth(device), unit='GB/s',
                 **same)]


def _of(dtype: torch.dtype) -> str:
    return '' if dtype == torch.float32 else f' in {str(dtype).removeprefix("torch.")}'


def bandwidth(device: torch.device) -> float:
    """GB/s of a copy, read and written: what memory can reach at most."""
    source = torch.zeros(COPIED // 4, device=device)
    target = torch.empty_like(source)
    seconds = take_turns({'': lambda: target.copy_(source)}, 5, device)['']
    return 2 * COPIED / min(seconds) / 1e9


def resident() -> int:
    """Bytes of this process that are in memory, those of mapped files included."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def clock(device: torch.device) -> float:
    """Seconds of the process on a CPU; of the wall on a GPU, once it is done."""
    if device.type == 'cpu':
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()
