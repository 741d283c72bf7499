"""What several rooms' tests share: the smallest generator that draws, moves and depends on all."""
from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from mmaction.registry import MODELS

import lddm_aug  # noqa: F401  registers the generators
from lddm_aug.generators.lddm import LDDMGenerator


@pytest.fixture
def tiny_lddm() -> LDDMGenerator:
    """Random weights, the same in every test; 16 × 16 pixels, 8 frames, 3 steps."""
    return _tiny(())


@pytest.fixture
def tiny_told_lddm() -> LDDMGenerator:
    """The same, but told the classes benign and malignant."""
    return _tiny(('benign', 'malignant'))


def _tiny(classes: Sequence[str]) -> LDDMGenerator:
    autoencoder = {'type': 'VideoAutoencoder', 'latent_channels': 4, 'encoder': {'width': 8},
                   'decoder': {'widths': [8, 8, 8]}}
    denoiser = {'still_widths': [8, 8, 8], 'width': 16, 'depth': 1, 'heads': 2}
    diffusion = {'type': 'LatentDiffusion', 'autoencoder': autoencoder, 'denoiser': denoiser,
                 'classes': classes}
    generator = MODELS.build({'type': 'LDDMGenerator', 'diffusion': diffusion, 'size': 16,
                              'num_frames': 8, 'steps': 3})
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in generator.parameters():
            weight.normal_(std=0.1, generator=random)
    return generator


@pytest.fixture(scope='session')
def i3d_state() -> dict[str, torch.Tensor]:
    """What the published state dict of an I3D holds (hassony2's model_rgb.pth), of 7 classes."""
    found: dict[str, tuple[int, ...]] = {}

    def unit(name: str, before: int, after: int, kernel: int) -> None:
        found[f'{name}.conv3d.weight'] = (after, before, kernel, kernel, kernel)
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            found[f'{name}.batch3d.{part}'] = (after,)
        found[f'{name}.batch3d.num_batches_tracked'] = ()

    unit('conv3d_1a_7x7', 3, 64, 7)
    unit('conv3d_2b_1x1', 64, 64, 1)
    unit('conv3d_2c_3x3', 64, 192, 3)
    for name, before, a, b, c, d, e, f in (
            ('3b', 192, 64, 96, 128, 16, 32, 32), ('3c', 256, 128, 128, 192, 32, 96, 64),
            ('4b', 480, 192, 96, 208, 16, 48, 64), ('4c', 512, 160, 112, 224, 24, 64, 64),
            ('4d', 512, 128, 128, 256, 24, 64, 64), ('4e', 512, 112, 144, 288, 32, 64, 64),
            ('4f', 528, 256, 160, 320, 32, 128, 128), ('5b', 832, 256, 160, 320, 32, 128, 128),
            ('5c', 832, 384, 192, 384, 48, 128, 128)):
        unit(f'mixed_{name}.branch_0', before, a, 1)
        unit(f'mixed_{name}.branch_1.0', before, b, 1)
        unit(f'mixed_{name}.branch_1.1', b, c, 3)
        unit(f'mixed_{name}.branch_2.0', before, d, 1)
        unit(f'mixed_{name}.branch_2.1', d, e, 3)
        unit(f'mixed_{name}.branch_3.1', before, f, 1)
    found['conv3d_0c_1x1.conv3d.weight'] = (7, 1024, 1, 1, 1)
    found['conv3d_0c_1x1.conv3d.bias'] = (7,)
    torch.manual_seed(0)
    # centred, so that batch norms and ReLUs have something to do
    return {name: (torch.rand(shape) if 'var' in name else torch.randn(shape)) * 0.1
            if shape else torch.tensor(0) for name, shape in found.items()}
