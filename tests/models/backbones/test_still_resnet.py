import pytest
import torch
from torch.testing import assert_close
from torchvision.models import resnet50

from lddm_aug.models.backbones.still_resnet import StillResNet


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    torch.manual_seed(1)
    file = tmp_path_factory.mktemp('weights') / 'resnet50.pth'
    weights = resnet50().state_dict()
    torch.save(weights, file)
    return file, weights


def test_it_begins_with_the_convolutions_of_a_torchvision_file(published):
    file, weights = published
    network = StillResNet(channels=4, pretrained=str(file))
    own = network.state_dict()
    for name in ('conv1.weight', 'layer3.5.conv2.weight', 'layer4.0.downsample.0.weight'):
        assert_close(own[f'network.{name}'], weights[name])
    assert sum(weight.ndim == 4 for weight in weights.values()) == sum(
        name.startswith('network.') for name in own)


def test_weights_of_another_depth_are_refused(published, tmp_path):
    file = tmp_path / 'other.pth'
    torch.save({name: weight for name, weight in published[1].items() if 'layer3.5' not in name},
               file)
    with pytest.raises(ValueError, match=r'other\.pth'):
        StillResNet(pretrained=str(file))


def test_a_grey_still_is_seen_as_an_rgb_one_and_contrast_does_not_matter():
    """Instance norm behind the first convolution, which has no bias, takes it out."""
    torch.manual_seed(0)
    network, still = StillResNet(channels=4).eval(), 10 * torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        vector = network(still)
        assert vector.shape == (2, 4, 1, 1)
        assert_close(network(still.expand(-1, 3, -1, -1)), vector)
        assert_close(network(3 * still), vector, atol=1e-2, rtol=1e-2)
