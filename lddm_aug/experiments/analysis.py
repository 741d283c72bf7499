"""How large and how costly the models of configs are."""
from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmaction.registry import MODELS, TRANSFORMS
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from lddm_aug.engine.config_stages import build_generator, stage_configs
from lddm_aug.evaluation.cost import clips_per_second, gflop_per_clip
from lddm_aug.hardware import usual_device

COLUMNS = ('configs', 'model', 'input', 'M parameters', 'GMACs')
CONVENTION = ('GMACs: 10⁹ multiply-adds of convolutions and matrix products, for one video as the '
              'config tests it, or one still and the clip generated from it. Counted by fvcore, '
              'for generators by PyTorch, with the pixels that warps mix. Normalisation, '
              'activations, pooling, resizing, shifts and the fetching of tokens are not counted.')
RATE = 'Clips/s: one process on one thread, or on one GPU.'
RECOGNIZERS = ('Recognizer', 'Recognizer2D', 'Recognizer3D')
# as fvcore names what counts in published figures; it counts normalisation and more as well
MULTIPLY_ADDS = ('conv', 'linear', 'addmm', 'matmul', 'bmm', 'baddbmm', 'einsum')


@dataclass(frozen=True)
class ModelCost:
    """A model's size, and what one input costs."""

    model: str
    input_shape: tuple[int, ...]
    parameters: int
    macs: float
    clips_per_second: float | None = None            # of a generator, where it was timed


def analyse(configs: Iterable[Path], timed: bool = False,
            skip: bool = False) -> dict[ModelCost, list[str]]:
    """Names of the configs by what their models cost.

    A generator's recipe costs what the generator of its last stage does.

    Args:
        timed: measure also how many clips per second the generators make.
        skip: leave out what names no model, in place of refusing it.

    Raises:
        ValueError: if a config has nothing to measure; before the first is measured.
    """
    costs: dict[ModelCost, list[str]] = {}
    known: dict[str, ModelCost] = {}
    for name, config in [*_read(configs, skip)]:
        if 'generator' in config:
            key = f'{config.generator} {config.get("model")}'
            cost = known[key] = known.get(key) or generator_cost(config, timed)
        else:
            shape = input_shape(config)
            key = f'{config.model} {shape}'
            cost = known[key] = known.get(key) or recognizer_cost(config, shape)
        costs.setdefault(cost, []).append(name)
    return costs


def _read(paths: Iterable[Path], skip: bool) -> Iterator[tuple[str, Config]]:
    """Each config's name, and what of it is measured."""
    for path in paths:
        *_, config = stage_configs(path).values()
        if skip and not _names_a_model(config):
            continue
        _require_model(path, config)
        yield path.stem, config


def _names_a_model(config: Config) -> bool:
    """Whether it makes a generator by itself, or is a recognizer's; not what fills a bank."""
    if not isinstance(config.get('model', {}), dict):
        raise ValueError(f'{config.filename}: model must be a dict, but is {config.model!r}')
    recognizer = str(config.get('model', {}).get('type')).endswith(RECOGNIZERS)
    return 'bank' not in config and ('generator' in config or recognizer)


def _require_model(path: Path, config: Config) -> None:
    if 'bank' in config:
        raise ValueError(f'{path}: its generator is filled with training clips and makes none '
                         'without them; lddm-aug synthesize prints what its package costs')
    if not _names_a_model(config):
        raise ValueError(f'{path}: names neither a recognizer nor a generator, so there is nothing '
                         'to measure; take the config that trains one')
    if ('generator' not in config
            and 'pipeline' not in config.get('test_dataloader', {}).get('dataset', {})):
        raise ValueError(f'{path}: its test_dataloader has no data set with a pipeline, from which '
                         'the shape of the input is known; take a config that adds one')


def recognizer_cost(config: Config, shape: Sequence[int]) -> ModelCost:
    """What one video costs, all its views together.

    Args:
        config: of the recognizer.
        shape: (views, C, H, W) or (views, C, T, H, W).
    """
    from fvcore.nn import FlopCountAnalysis  # optional; `lddm-aug analysis` requires it

    init_default_scope('mmaction')
    recognizer = MODELS.build(config.model).eval()
    logging.getLogger('fvcore.nn.jit_analysis').setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')              # tracing warns about every check of a shape
        counter = FlopCountAnalysis(_Scores(recognizer), torch.zeros(1, *shape))
        counted = counter.by_operator()
    macs = sum(counted[name] for name in MULTIPLY_ADDS)
    backbone = config.model.backbone
    return ModelCost(str(backbone.get('backbone', backbone).type), tuple(shape),
                     _parameters(recognizer), macs)


def generator_cost(config: Config, timed: bool = False) -> ModelCost:
    """What one still costs; its weights are untrained, which changes nothing."""
    init_default_scope('mmaction')
    generator = build_generator(config).eval().to(usual_device())
    return ModelCost(type(generator).__name__,
                     (generator.channels, generator.size, generator.size),
                     _parameters(generator), gflop_per_clip(generator) * 1e9 / 2,
                     clips_per_second(generator) if timed else None)


def input_shape(config: Config) -> tuple[int, ...]:
    """Of one video, as the test pipeline of a recognizer's config gives it."""
    init_default_scope('mmaction')
    pipeline = Compose([TRANSFORMS.build(step)
                        for step in config.test_dataloader.dataset.pipeline])
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / 'video.npy'
        np.save(video, np.zeros((64, 64, 64), np.uint8))     # (T, H, W)
        sample = pipeline(dict(filename=str(video), label=0, start_index=0, modality='RGB'))
    return tuple(sample['inputs'].shape)


def to_markdown(costs: dict[ModelCost, list[str]]) -> str:
    """A table, and what its figures count."""
    rows: list[tuple[str, ...]] = [
        (_common_name(names), cost.model, ' × '.join(map(str, cost.input_shape)),
         f'{cost.parameters / 1e6:.2f}', f'{cost.macs / 1e9:.2f}') for cost, names in costs.items()]
    columns: tuple[str, ...] = COLUMNS
    notes = [CONVENTION]
    if any(cost.clips_per_second is not None for cost in costs):
        columns, notes = (*COLUMNS, 'clips/s'), [*notes, RATE]
        rows = [(*row, _rate(cost)) for row, cost in zip(rows, costs, strict=True)]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [columns, tuple('-' * width for width in widths), *rows]
    table = ['| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
             + ' |' for line in lines]
    return '\n'.join([*table, '', *notes])


def _rate(cost: ModelCost) -> str:
    return '' if cost.clips_per_second is None else f'{cost.clips_per_second:.2f}'


def _common_name(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return os.path.commonprefix(list(names)) + '*'  # noqa: RUF071  letters in common, no folders


def _parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


class _Scores(nn.Module):
    """(1, views, …) → scores: a recognizer from its input to the end of its head."""

    def __init__(self, recognizer: nn.Module) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, inputs: Tensor) -> Tensor:
        return self.recognizer(inputs, stage='head')[0]
