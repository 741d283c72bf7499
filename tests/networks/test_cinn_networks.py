import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from lddm_aug.models.backbones.still_resnet import StillResNet
from lddm_aug.networks.coupling_flow import CouplingFlow
from lddm_aug.networks.spade_decoder import SpadeBlock, SpadeDecoder
from lddm_aug.networks.vector_encoder import VectorEncoder


def test_the_decoder_has_the_published_size_and_cost():
    with torch.device('meta'), FlopCounterMode(display=False) as counter:
        decoder = SpadeDecoder(3, 64, num_frames=16, size=128)
        clip = decoder(torch.zeros(1, 3, 128, 128), torch.zeros(1, 64, 1, 1, 1))
    assert clip.shape == (1, 3, 16, 128, 128)
    assert counter.get_total_flops() / 1e9 == pytest.approx(137.4, abs=0.05)
    assert count(decoder) == 40_868_003


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_every_other_network_has_the_published_size_too():
    """Counted in the authors' code, with its settings for dynamic textures of 128 × 128."""
    with torch.device('meta'):
        assert count(VectorEncoder(3, 64, num_frames=16, size=128)) == 38_798_528
        assert count(CouplingFlow(64, 128, blocks=20, hidden=512, depth=2, kernel=1,
                                  separate=True)) == 49_935_360
        assert count(StillResNet(128)) == 23_979_456


def test_the_decoders_convolutions_have_a_spectral_norm_of_one():
    torch.manual_seed(0)
    block = SpadeBlock(8, 4, still_channels=1, latent_channels=4)
    for part in (block.conv1, block.conv2, block.shortcut[1]):
        for _ in range(50):                           # one power iteration each
            weight = part.weight
        largest = torch.linalg.svdvals(weight.detach().flatten(1))[0]
        assert_close(largest, torch.tensor(1.), atol=1e-3, rtol=0)


def test_before_training_a_block_neither_scales_nor_shifts_by_the_still():
    torch.manual_seed(0)
    block = SpadeBlock(16, 16, still_channels=1, latent_channels=4)
    inputs_of_conv1 = []
    block.conv1.register_forward_pre_hook(
        lambda _, inputs: inputs_of_conv1.append(inputs[0].detach()))
    x = torch.randn(1, 16, 2, 4, 4)
    block(x, torch.rand(1, 1, 8, 8), torch.randn(1, 4))
    assert_close(inputs_of_conv1[0], F.leaky_relu(F.group_norm(x, 16), 0.2), atol=0.02, rtol=0)


def test_half_the_size_costs_a_quarter():
    flop = []
    for size in (128, 64):
        with torch.device('meta'), FlopCounterMode(display=False) as counter:
            SpadeDecoder(1, 64, num_frames=16, size=size)(torch.zeros(1, 1, size, size),
                                                          torch.zeros(1, 64, 1, 1, 1))
        flop.append(counter.get_total_flops())
    assert flop[1] == pytest.approx(flop[0] / 4, rel=1e-3)


@pytest.mark.parametrize('size, space_strides', [(64, (2, 1, 2, 2, 2)), (128, (2, 2, 2, 2, 2))])
def test_the_encoder_is_a_resnet18_that_ends_in_a_vector(size, space_strides):
    with torch.device('meta'):
        encoder = VectorEncoder(3, 64, 16, size, space_strides)
        mean, log_variance = encoder(torch.zeros(2, 3, 16, size, size))
    assert mean.shape == log_variance.shape == (2, 64, 1, 1, 1)
    assert encoder.to_latent.kernel_size == (1, 4, 4)
    layers = [name for name, part in encoder.named_modules() if isinstance(part, nn.Conv3d)]
    around = [name for name in layers if 'shortcut' in name]
    assert len(layers) - len(around) == 18
    assert len(around) == 4 - (space_strides[1] == 1)     # where a stage changes the shape


def test_the_still_modulates_a_block_s_first_convolution_and_the_latent_its_second():
    torch.manual_seed(0)
    block = SpadeBlock(8, 8, still_channels=1, latent_channels=4)
    seen = {}
    for name in ('conv1', 'conv2'):
        getattr(block, name).register_forward_pre_hook(
            lambda _, inputs, name=name: seen.__setitem__(name, inputs[0].detach()))
    x, latent = torch.randn(1, 8, 2, 4, 4), torch.randn(1, 4)
    block(x, torch.zeros(1, 1, 8, 8), latent)
    before = dict(seen)
    block(x, torch.randn(1, 1, 8, 8), latent)
    assert not torch.allclose(seen['conv1'], before['conv1'])
    block(x, torch.zeros(1, 1, 8, 8), 2 * latent)
    assert_close(seen['conv1'], before['conv1'])
    assert not torch.allclose(seen['conv2'], before['conv2'])


@pytest.mark.parametrize('num_frames, size', [(8, 64), (16, 32), (16, 72)])
def test_a_shape_that_the_blocks_cannot_reach_is_refused(num_frames, size):
    with pytest.raises(ValueError, match=f'SpadeDecoder: .* {num_frames} frames of {size} pixels'):
        SpadeDecoder(1, 8, num_frames, size, width=1)
