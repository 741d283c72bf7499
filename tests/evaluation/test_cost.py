"""Costs counted by hand: a convolution with k taps is 2·Cin·k·Cout FLOP a place."""
import pytest
import torch
import torch.nn.functional as F
from fvcore.nn import FlopCountAnalysis
from torch import nn

from lddm_aug.evaluation.cost import clips_per_second, describe_cost, gflop_per_clip
from lddm_aug.functional.warp import hold_still, warp
from lddm_aug.generators.base import Generator
from lddm_aug.generators.repeat_still import RepeatStill


class Counted(Generator):
    """Some of what generators are made of, each once: `parts` are what it does."""

    def __init__(self, *parts, size=8):
        super().__init__(channels=1, size=size, num_frames=4, frame_stride=1)
        self.parts = parts
        self.conv = nn.Conv3d(1, 5, 3, padding=1)
        self.linear = nn.Linear(8, 24)
        self.batches = []

    def generate(self, stills, seeds, labels=None):
        self.batches.append(len(stills))
        clip = hold_still(stills, 4)
        if 'conv' in self.parts:
            clip = self.conv(clip)[:, :1]
        if 'attention' in self.parts:
            q, k, v = self.linear(clip).chunk(3, dim=-1)         # (B, 1, 4, 8, 8): 8 tokens of 8
            clip = F.scaled_dot_product_attention(q, k, v)
        if 'fft' in self.parts:
            spectrum = torch.fft.rfftn(clip, dim=(2, 3, 4))
            clip = torch.fft.irfftn(spectrum, s=clip.shape[2:], dim=(2, 3, 4))
        if 'warp' in self.parts:
            clip = warp(stills, torch.zeros(len(stills), 2, 4, 8, 8))
        return clip


@pytest.mark.parametrize('part, flop', [
    ('conv', 2 * (1 * 27) * 5 * (4 * 8 * 8)),
    ('attention', 2 * (4 * 8) * 8 * 24 + 2 * 4 * (2 * 8 * 8 * 8)),
    ('fft', 2 * 2.5 * 256 * 8),
    ('warp', 2 * 16 * (4 * 8 * 8))])
def test_a_part_costs_what_it_does_by_hand(part, flop):
    assert gflop_per_clip(Counted(part)) == pytest.approx(flop / 1e9, rel=1e-12)


def test_parts_add_up():
    whole = gflop_per_clip(Counted('conv', 'attention'))
    assert whole == pytest.approx(gflop_per_clip(Counted('conv'))
                                  + gflop_per_clip(Counted('attention')), rel=1e-12)


def test_a_still_that_is_repeated_costs_nothing():
    assert gflop_per_clip(RepeatStill(8)) == 0
    assert describe_cost(RepeatStill(8)) == '0.00 GFLOP per clip (2 FLOP per multiply-add)'


def test_every_step_of_the_sampler_counts(tiny_lddm):
    few, more, most = (gflop_per_clip(tiny_lddm.with_sampler(steps=steps)) for steps in (3, 5, 7))
    assert most - more == pytest.approx(more - few, rel=1e-9)
    assert more > few > 0


def test_convolutions_cost_what_fvcore_counts(tiny_lddm):
    decoder = tiny_lddm.diffusion.autoencoder.decoder.eval()
    still, latent = torch.zeros(1, 1, 16, 16), torch.zeros(1, *tiny_lddm.latent_shape)
    analysis = FlopCountAnalysis(decoder, (still, latent))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    multiply_adds = analysis.by_operator()['conv']

    class Decoding(Counted):
        def generate(self, stills, seeds, labels=None):
            return decoder(stills, latent)[0]

    generator = Decoding(size=16)
    warped = 3 * 2 * 16 * tiny_lddm.num_frames * 16 * 16           # the still and two blurred ones
    kernels = 2 * (7 ** 2 + 13 ** 2)                 # of the blurs, outer products, no convolutions
    assert gflop_per_clip(generator) * 1e9 == pytest.approx(2 * multiply_adds + warped + kernels,
                                                            rel=1e-9)


def test_as_many_clips_are_timed_as_asked_for():
    generator = Counted('conv')
    assert clips_per_second(generator, clips=3) > 0
    assert generator.batches == [1] * 4                          # the first one warms up
    generator.batches.clear()
    clips_per_second(generator, clips=1000, max_seconds=0)
    assert generator.batches == [1] * 2
