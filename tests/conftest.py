"""What several rooms' tests share: the smallest generator that draws, moves and depends on all."""
from __future__ import annotations

import pytest
import torch
from mmaction.registry import MODELS

import lddm_aug  # noqa: F401  registers the generators
from lddm_aug.generators.lddm import LDDMGenerator


@pytest.fixture
def tiny_lddm() -> LDDMGenerator:
    """Random weights, the same in every test; 16 × 16 pixels, 8 frames, 3 steps."""
    autoencoder = {'type': 'VideoAutoencoder', 'latent_channels': 4, 'encoder': {'width': 8},
                   'decoder': {'widths': [8, 8, 8]}}
    denoiser = {'still_widths': [8, 8, 8], 'width': 16, 'depth': 1, 'heads': 2}
    diffusion = {'type': 'LatentDiffusion', 'autoencoder': autoencoder, 'denoiser': denoiser}
    generator = MODELS.build({'type': 'LDDMGenerator', 'diffusion': diffusion, 'size': 16,
                              'num_frames': 8, 'steps': 3})
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in generator.parameters():
            weight.normal_(std=0.1, generator=random)
    return generator
