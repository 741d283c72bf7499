"""What all generators have in common."""
from __future__ import annotations

import pytest
import torch
from mmaction.registry import MODELS

from lddm_aug.generators.base import Generator
from lddm_aug.generators.motion_transfer import MotionTransfer

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)), grain=dict(num_frames=16, size=32))
LEARNT = {
    'LDDMGenerator': dict(diffusion=dict(
        type='LatentDiffusion', autoencoder=AUTOENCODER,
        denoiser=dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2))),
    'CINNGenerator': dict(flow=dict(
        type='LatentFlow', autoencoder=AUTOENCODER, still_widths=(8, 8, 8),
        flow=dict(blocks=2, hidden=8))),
    'MotionTransfer': dict(autoencoder=AUTOENCODER)}


def stills(count: int) -> torch.Tensor:
    return torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize('kind', LEARNT)
def test_the_clips_have_the_grain_that_the_autoencoder_measured(kind):
    torch.manual_seed(0)
    generator = MODELS.build(dict(type=kind, size=32, **LEARNT[kind]))
    if isinstance(generator, MotionTransfer):
        generator.fill(torch.randn(2, 4, 4, 4, 4), torch.tensor([0, 1]), ('a', 'b'))
    grain = next(part for part in generator.modules() if type(part).__name__ == 'Grain')
    grain.real_power.fill_(1000.)
    coarse = generator(stills(1), [5])
    grain.gain.zero_()
    smooth = generator(stills(1), [5])
    assert (coarse - smooth)[:, :, 1:].std() > 1e-3


class Adds(Generator):
    """Clips that say what they were asked for: the still, its seed and its label added up."""

    def __init__(self) -> None:
        super().__init__(channels=1, size=2, num_frames=2, frame_stride=1)
        self.classes, self.asked = ('a', 'b'), 0

    def generate(self, stills, seeds, labels):
        self.asked = len(stills)
        told = torch.tensor(seeds) + labels
        return stills.unsqueeze(2).repeat(1, 1, 2, 1, 1) + told.view(-1, 1, 1, 1, 1) / 100


def test_a_batch_that_is_filled_up_for_an_accelerator_gives_the_clips_asked_for():
    generator, few = Adds(), torch.tensor([0., 0.1, 0.2]).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    labels = torch.tensor([1, -1, 0])
    clips = generator._generate_padded(few, [10, 20, 30], labels)
    assert generator.asked == 8
    torch.testing.assert_close(clips, generator.generate(few, [10, 20, 30], labels))
