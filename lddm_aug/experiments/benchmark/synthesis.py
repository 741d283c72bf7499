"""What a clip costs: still to clip by LDDM, against the decoder of cINN as published."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lddm_aug.configs import choose, find_config
from lddm_aug.engine.config_stages import build_generator, stage_configs
from lddm_aug.evaluation.cost import gflop_per_clip
from lddm_aug.experiments.benchmark.measure import (
    bandwidth,
    device_name,
    matrix_rate,
    ratio_row,
    take_turns,
)
from lddm_aug.generators.base import DEVICE_BATCH, Generator
from lddm_aug.generators.cinn import CINNGenerator


def measure_synthesis(recipe: str = 'lddm/lddm', sizes: Sequence[int] = (128,),
                      frames: Sequence[int] = (16,), repeats: int = 7,
                      device: torch.device | None = None, command: str = ''
                      ) -> list[dict[str, Any]]:
    """Clips per second of a recipe's generator, and of cINN's decoder, in turns.

    The models are those of BUSV's recipes.  Weights are random, which changes no time.

    Args:
        recipe: of the generator.
        sizes: of stills and clips, in pixels.
        frames: of a clip; every size is measured with every number of frames.
        repeats: turns of each.
        device: the CPU by default, where seconds are those of the process on one thread.
        command: that is to stand in the rows.

    Returns:
        Rows of `ratio_row`: for each shape clips per second and GFLOP per clip against cINN's
        decoder, and GFLOP per second against a large matrix product.
    """
    device = device or torch.device('cpu')
    limit, copied = matrix_rate(device), bandwidth(device)
    rows = [dict(what='largest rate of arithmetic, a product of matrices', value=limit,
                 baseline=None, ratio=None, unit='GFLOP/s', device=device_name(device),
                 command=command),
            dict(what='largest rate of memory, a copy', value=copied, baseline=None, ratio=None,
                 unit='GB/s', device=device_name(device), command=command)]
    for size in sizes:
        for count in frames:
            rows += _measure_shape(recipe, size, count, repeats, device, limit, command)
    return rows


def _measure_shape(recipe: str, size: int, frames: int, repeats: int, device: torch.device,
                   limit: float, command: str) -> list[dict[str, Any]]:
    ours, cinn = (_untrained(name, size, frames).to(device) for name in (recipe, 'lddm/cinn_paper'))
    assert isinstance(cinn, CINNGenerator)
    batch = 1 if device.type == 'cpu' else DEVICE_BATCH
    stills = torch.rand(batch, ours.channels, size, size, device=device) * 2 - 1
    latents = torch.randn(batch, *cinn.latent_shape, device=device)

    @torch.inference_mode()
    def decode() -> None:
        cinn.flow.autoencoder.decode(stills, latents, range(batch))

    seconds = take_turns({'ours': lambda: ours(stills, range(batch)), 'decoder': decode,
                          'cinn': lambda: cinn(stills, range(batch))}, repeats, device)
    rates = {name: [batch / each for each in values] for name, values in seconds.items()}
    gflop = {'ours': gflop_per_clip(ours), 'cinn': gflop_per_clip(cinn)}
    shape = f'{frames}×{size}×{size}'
    per_second = 'clips per CPU second' if device.type == 'cpu' else 'clips per second'
    same: dict[str, Any] = dict(device=device, command=command)
    return [
        ratio_row(f'{recipe} at {shape}, whole synthesis, against the decoder of cINN',
                  rates['ours'], rates['decoder'], per_second, **same),
        ratio_row(f'{recipe} at {shape}, whole synthesis, against that of cINN',
                  rates['ours'], rates['cinn'], per_second, **same),
        ratio_row(f'{recipe} at {shape}, arithmetic, against cINN', [gflop['ours']],
                  [gflop['cinn']], 'GFLOP per clip', **same),
        ratio_row(f'{recipe} at {shape}, against the largest rate of arithmetic',
                  [gflop['ours'] * rate for rate in rates['ours']], [limit] * repeats, 'GFLOP/s',
                  **same)]


def _untrained(recipe: str, size: int, frames: int) -> Generator:
    *_, last = stage_configs(find_config(recipe), choice=choose(
        'busv', size=size, frames=frames)).values()
    return build_generator(last)
