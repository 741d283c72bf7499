import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from torchvision.extension import _has_ops
from torchvision.ops import deform_conv2d

import lddm_aug  # noqa: F401  lets torchvision be imported
from lddm_aug.networks.active_token_mixer import ActiveTokenMixer, Offsets
from tests.functional.test_sample_along import HEIGHT, WIDTH, by_grid_sample

CHANNELS, SHARE = 8, 2


def tokens(frames: int = 2) -> torch.Tensor:
    return torch.randn(frames, 5, 6, CHANNELS)


def by_grid_sampling(layer: nn.Linear, x, offset, axis: int):
    """PyTorch's own sampler, and a 1×1 convolution of what it fetched."""
    return F.conv2d(by_grid_sample(x, offset, axis), layer.weight[..., None, None], layer.bias)


def by_deformable_convolution(layer: nn.Linear, x, offset, axis: int):
    """The official form: a deformable 1×1 convolution with an offset per channel."""
    none = torch.zeros_like(offset)
    pair = torch.stack((offset, none) if axis == HEIGHT else (none, offset), dim=2)     # (y, x)
    return deform_conv2d(x, pair.flatten(1, 2), layer.weight[..., None, None], layer.bias)


def published(mixer: ActiveTokenMixer, x, offsets, fetch):
    """The mixer as it is printed; fetch(layer, tokens, offset, axis) gives w, and h, from them."""
    first = x.permute(0, 3, 1, 2)                                    # (B, C, H, W)
    per_channel = offsets.repeat_interleave(SHARE, dim=-1).permute(0, 3, 4, 1, 2)  # (B, 2, C, H, W)
    fetched = [fetch(layer, first, offset, axis).permute(0, 2, 3, 1)
               for layer, axis, offset in zip((mixer.width, mixer.height), (WIDTH, HEIGHT),
                                              per_channel.unbind(1), strict=True)]
    branches = torch.stack([*fetched, x @ mixer.itself.weight.T])    # (3, B, H, W, C)
    logits = mixer.fusion(branches.sum(0).mean((1, 2))).reshape(len(x), CHANNELS, 3)
    shares = logits.softmax(-1).permute(2, 0, 1)[:, :, None, None]
    return mixer.projection((shares * branches).sum(0))


@pytest.mark.parametrize('fetch', [
    by_grid_sampling,
    pytest.param(by_deformable_convolution, marks=pytest.mark.skipif(
        not _has_ops(), reason='this torchvision has no compiled operators'))])
def test_the_mixer_is_the_published_one_forward_and_backward(fetch):
    torch.manual_seed(0)
    mixer = ActiveTokenMixer(CHANNELS).double()
    x = tokens().double().requires_grad_()
    offsets = (2 * torch.randn(2, 5, 6, 2, CHANNELS // SHARE)).double().requires_grad_()
    ours, theirs = mixer(x, offsets), published(mixer, x, offsets, fetch)
    assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    leaves = [x, offsets, *mixer.parameters()]
    for a, b in zip(torch.autograd.grad(ours.square().sum(), leaves),
                    torch.autograd.grad(theirs.square().sum(), leaves), strict=True):
        assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_a_row_is_fetched_by_the_first_offset_and_a_column_by_the_second():
    mixer = ActiveTokenMixer(CHANNELS)
    with torch.no_grad():
        mixer.itself.weight.zero_()
        for layer in (mixer.width, mixer.height, mixer.projection):
            layer.weight.copy_(torch.eye(CHANNELS))
            layer.bias.zero_()
        for layer in (mixer.fusion[0], mixer.fusion[2]):
            layer.weight.zero_()
            layer.bias.zero_()                                       # all shares are a third
    x, offsets = tokens(), torch.zeros(2, 5, 6, 2, CHANNELS // SHARE)
    offsets[..., 0, :], offsets[..., 1, :] = 1, -2
    expected = (x.roll(-1, dims=2) + x.roll(2, dims=1)) / 3
    assert_close(mixer(x, offsets)[:, 2:, :-1], expected[:, 2:, :-1])


def test_the_branch_along_time_begins_at_zero_and_then_sees_other_frames_of_the_clip():
    torch.manual_seed(0)
    mixer, plain = ActiveTokenMixer(CHANNELS, num_frames=3), ActiveTokenMixer(CHANNELS)
    mixer.reset_time()
    plain.load_state_dict({name: weight for name, weight in mixer.state_dict().items()
                           if 'time' not in name})
    offsets = Offsets(CHANNELS, SHARE, along_time=True)
    offsets.reset_time()
    x = tokens(6)                                                    # two clips
    assert_close(mixer(x, offsets(x)), plain(x, offsets(x)[..., :2, :]))

    torch.nn.init.eye_(mixer.time.weight)
    other = x.clone()
    other[0] += 1                                                    # a frame of the first clip
    change = (mixer(other, offsets(x)) - mixer(x, offsets(x))).flatten(1).abs().amax(1)
    assert (change[:2] > 1e-4).all() and (change[3:] == 0).all()


def test_half_of_the_groups_first_look_a_frame_ahead_and_half_a_frame_back():
    offsets = Offsets(CHANNELS, SHARE, along_time=True)
    torch.nn.init.zeros_(offsets.time.weight)
    offsets.reset_time()
    assert offsets(tokens())[0, 0, 0, 2].tolist() == [1, 1, -1, -1]
