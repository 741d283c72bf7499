"""What a clip costs: still to clip by LDDM, against the decoder of cINN as published."""
from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import torch

from lddm_aug.configs import choose, find_config
from lddm_aug.engine.config_stages import build_generator, stage_configs
from lddm_aug.evaluation.cost import gflop_per_clip
from lddm_aug.experiments.benchmark.measure import (
    limit_rows,
    ratio_row,
    take_turns,
)
from lddm_aug.generators.base import DEVICE_BATCH, Generator
from lddm_aug.generators.cinn import CINNGenerator


def measure_synthesis(recipe: str = 'lddm/lddm', sizes: Sequence[int] = (128,),
                      frames: Sequence[int] = (16,), repeats: int = 7,
                      device: torch.device | None = None, command: str = '',
                      batch_sizes: Sequence[int] = (), bf16: bool = False
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
        batch_sizes: clips that both make at once; each is measured.  By default one on a CPU, and
            as many as generators make at once on a GPU.
        bf16: both compute in bfloat16 where PyTorch's autocast does.

    Returns:
        Rows of `ratio_row`: for each shape clips per second and GFLOP per clip against cINN's
        decoder, and GFLOP per second against a large matrix product.
    """
    device = device or torch.device('cpu')
    rows = limit_rows(device, command, torch.bfloat16 if bf16 else torch.float32)
    limit = rows[0]['value']
    for size in sizes:
        for count in frames:
            for batch in batch_sizes or [1 if device.type == 'cpu' else DEVICE_BATCH]:
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    rows += _measure_shape(recipe, size, count, repeats, device, limit, command,
                                           batch, 'bf16' if bf16 else '')
    return rows


def _measure_shape(recipe: str, size: int, frames: int, repeats: int, device: torch.device,
                   limit: float, command: str, batch: int, precision: str
                   ) -> list[dict[str, Any]]:
    ours, cinn = (_untrained(name, size, frames).to(device) for name in (recipe, 'lddm/cinn_paper'))
    assert isinstance(cinn, CINNGenerator)
    stills = torch.rand(batch, ours.channels, size, size, device=device) * 2 - 1
    latents = torch.randn(batch, *cinn.latent_shape, device=device)

    usual = batch == (1 if device.type == 'cpu' else DEVICE_BATCH)

    @torch.inference_mode()
    def make(generator: Generator) -> None:
        if usual:
            generator(stills, range(batch))
            return
        generator.make(stills, range(batch), torch.full((batch, generator.conditions.width), nan))

    @torch.inference_mode()
    def decode() -> None:
        cinn.flow.autoencoder.decode(stills, latents, range(batch))

    seconds = take_turns({'ours': lambda: make(ours), 'decoder': decode,
                          'cinn': lambda: make(cinn)}, repeats, device)
    rates = {name: [batch / each for each in values] for name, values in seconds.items()}
    gflop = {'ours': gflop_per_clip(ours), 'cinn': gflop_per_clip(cinn)}
    shape = ', '.join(filter(None, [f'{frames}×{size}×{size}', precision,
                                    '' if usual else f'{batch} at once']))
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
