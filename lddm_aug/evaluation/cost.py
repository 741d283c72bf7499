"""What a clip costs: arithmetic, which is the same everywhere, and time, which is not."""
from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lddm_aug.generators.base import Generator, device_of

FLOP_CONVENTION = '2 FLOP per multiply-add'
TAPS = {0: 4, 1: 1, 2: 16}        # what grid_sample mixes: bilinear, nearest, bicubic


def gflop_per_clip(generator: Generator) -> float:
    """GFLOP (10⁹, 2 per multiply-add) of one clip: all that lies between still and clip.

    Convolutions, matrix products and attention are counted by PyTorch, warps as 2 FLOP per pixel
    that is mixed into another, Fourier transforms of n real numbers as 2.5 n log₂ n.  Norms,
    activations and resizing, a few FLOP per value, are not.
    """
    still = torch.zeros(1, generator.channels, generator.size, generator.size,
                        device=device_of(generator))
    counter = FlopCounterMode(display=False, custom_mapping={
        torch.ops.aten.grid_sampler_2d: _grid_sampler_flop,
        torch.ops.aten._fft_r2c: _fft_r2c_flop, torch.ops.aten._fft_c2r: _fft_c2r_flop})
    # Fused attention for the CPU is unknown to the counter, so it is counted as matrix products.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        generator.make(still, [0], torch.full((1, generator.conditions.width), math.nan))
    return counter.get_total_flops() / 1e9


def clips_per_second(generator: Generator, clips: int = 8, max_seconds: float = 10.) -> float:
    """Measured: how many clips one process makes per second, on one thread or one accelerator.

    A first clip, which also warms up, doesn't count.

    Args:
        clips: how many are timed.
        max_seconds: no further clip is begun once these have passed; one is always timed.
    """
    device = device_of(generator)
    still = torch.zeros(1, generator.channels, generator.size, generator.size, device=device)
    batch = 1 if device.type == 'cpu' else clips
    stills = still.expand(batch, -1, -1, -1)
    _wait_for(generator(stills, range(batch)))
    made, start = 0, time.perf_counter()
    while not made or (made < clips and time.perf_counter() - start < max_seconds):
        _wait_for(generator(stills, range(made, made + batch)))
        made += batch
    return made / (time.perf_counter() - start)


def describe_cost(generator: Generator) -> str:
    """One line for a tool to print."""
    return f'{gflop_per_clip(generator):.2f} GFLOP per clip ({FLOP_CONVENTION})'


def _wait_for(clips: Tensor) -> None:
    """An accelerator still computes when Python has returned."""
    if clips.is_cuda:
        torch.cuda.synchronize(clips.device)


def _grid_sampler_flop(input_shape: Any, grid_shape: Any, interpolation: int, *_: Any,
                       out_shape: Any = None, **__: Any) -> int:
    """2 FLOP per mixed pixel: out (N, C, H', W'), each from 1, 4 or 16 of the input."""
    return 2 * out_shape.numel() * TAPS[interpolation]


def _fft_r2c_flop(input_shape: Any, dim: Any, *_: Any, **__: Any) -> int:
    return _fft_flop(input_shape, dim)


def _fft_c2r_flop(input_shape: Any, dim: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return _fft_flop(out_shape, dim)


def _fft_flop(shape: Any, dim: Any) -> int:
    return round(2.5 * shape.numel() * math.log2(math.prod(shape[d] for d in dim)))
