from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.runner import turn_on_activation_checkpointing

from lddm_aug.configs import find_config
from lddm_aug.engine import generator_training
from lddm_aug.engine.activation_checkpointing import BLOCKS, blocks_to_recompute
from lddm_aug.engine.generator_training import train_generator

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=[8, 8, 8]))
DIFFUSION = dict(type='LatentDiffusion', autoencoder=AUTOENCODER, denoiser=dict(
    still_widths=[8, 8, 8], width=16, depth=2, heads=2, dropout=0.5))
CLIP = torch.randint(256, (2, 1, 8, 32, 32), dtype=torch.uint8,
                     generator=torch.Generator().manual_seed(0))
INPUTS = {'VideoAutoencoder': dict(clip=CLIP),
          'LatentDiffusion': dict(latent=torch.randn(2, 4, 2, 4, 4), still=CLIP[:, :, 0])}


def step(config: dict[str, Any], recompute: bool) -> tuple[Any, int, Counter]:
    """The model after a backward pass, bytes kept for it, and calls of each block."""
    torch.manual_seed(1)
    model = MODELS.build(config)
    for weight in model.parameters():                # none is zero, so that all have gradients
        torch.nn.init.normal_(weight, std=0.1)
    calls: Counter[str] = Counter()
    for name, module in model.named_modules():
        if isinstance(module, BLOCKS):
            first = next(part for part in module.modules() if not [*part.children()])
            first.register_forward_hook(lambda *_, name=name: calls.update([name]))
            # what a block is computed from again is kept, too
            module.register_forward_pre_hook(lambda _, inputs: [*map(keep, inputs)] and None)
    if recompute:
        turn_on_activation_checkpointing(model, blocks_to_recompute(model))
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    torch.manual_seed(2)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = model(**INPUTS[config['type']], mode='loss')
    sum(losses.values()).backward()
    return model, sum(kept.values()), calls


@pytest.mark.parametrize('config', [AUTOENCODER, DIFFUSION], ids=lambda config: config['type'])
def test_gradients_are_the_same_from_less_memory(config):
    (plain, much, once), (again, little, twice) = (step(config, way) for way in (False, True))
    gradients = {name: weight.grad for name, weight in plain.named_parameters()
                 if weight.requires_grad}
    assert len(gradients) > 20
    for name, weight in again.named_parameters():
        if name in gradients and gradients[name] is not None:
            torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-6, atol=1e-6)
    named = blocks_to_recompute(plain)
    assert named and all(once[name] == 1 and twice[name] == 2 for name in named)
    assert little < 0.8 * much


def test_every_trained_block_is_named_and_no_frozen_one():
    assert blocks_to_recompute(MODELS.build(DIFFUSION)) == [
        'denoiser.blocks.0', 'denoiser.blocks.1']
    named = blocks_to_recompute(MODELS.build(AUTOENCODER))
    assert {name.rpartition('.')[0] for name in named} == {
        'decoder.blocks', *(f'encoder.stages.{number}' for number in range(4))}


@pytest.mark.parametrize('asked', [False, True])
def test_the_option_reaches_the_runner_of_every_stage(tmp_path, monkeypatch, asked):
    seen: dict[str, Any] = {}
    monkeypatch.setattr(generator_training, '_run_stages',
                        lambda stages, *_: seen.update(stages))
    train_generator(find_config('lddm/lddm'), tmp_path, activation_checkpointing=asked)
    named = {name: stage.get('activation_checkpointing') for name, stage in seen.items()}
    if not asked:
        assert named == dict(autoencoder=None, diffusion=None)
        return
    assert 'decoder.blocks.0' in named['autoencoder']
    assert named['diffusion'] == [f'denoiser.blocks.{number}' for number in range(4)]
