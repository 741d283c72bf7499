"""What is computed in two dimensions is the three-dimensional convolution with its weights."""
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from lddm_aug.networks.convolutions import FramewiseConv3d, SpaceConv3d, TimeConv3d


@pytest.mark.parametrize('layer', [SpaceConv3d(3, 5), SpaceConv3d(3, 5, size=1), TimeConv3d(3, 5),
                                   FramewiseConv3d(3, 5)])
@pytest.mark.parametrize('frames', [1, 4])
def test_they_equal_conv3d(layer, frames):
    x = torch.randn(2, 3, frames, 6, 7)
    expected = F.conv3d(x, layer.weight, layer.bias, padding=layer.padding)
    assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    x = x.contiguous(memory_format=torch.channels_last_3d)
    assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('clips', [1, 2])
@pytest.mark.parametrize('layer', [SpaceConv3d(3, 5), TimeConv3d(3, 5)])
def test_clips_in_channels_last_stay_so(clips, layer):
    # a norm only takes its fast path where all strides are right, also that of a single clip
    x = torch.randn(clips, 3, 4, 6, 7).to(memory_format=torch.channels_last_3d)
    expected = torch.empty(clips, 5, 4, 6, 7, memory_format=torch.channels_last_3d)
    assert layer(x).stride() == expected.stride()


def test_what_is_the_same_in_every_frame_may_be_given_once():
    layer, x, held = SpaceConv3d(5, 4), torch.randn(2, 3, 4, 6, 7), torch.randn(2, 2, 6, 7)
    everywhere = held.unsqueeze(2).expand(-1, -1, 4, -1, -1)
    assert_close(layer(x, held), layer(torch.cat([x, everywhere], dim=1)), rtol=1e-5, atol=1e-5)
