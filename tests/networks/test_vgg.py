from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lpips import LPIPS
from torch import nn
from torch.testing import assert_close

from lddm_aug.functional.perceptual import perceptual_distance
from lddm_aug.networks.vgg import VGGFeatures

REAL = Path(__file__).parents[3] / 'shared/data/weights/vgg19_normalised_conv3_1.pth'


def style_transfer_vgg() -> nn.Sequential:
    """The published file's layers: 1 × 1, then reflection-padded convolutions to relu3_1."""
    def block(before: int, after: int) -> list[nn.Module]:
        return [nn.ReflectionPad2d(1), nn.Conv2d(before, after, 3), nn.ReLU()]

    pool = nn.MaxPool2d(2, ceil_mode=True)
    return nn.Sequential(nn.Conv2d(3, 3, 1), *block(3, 64), *block(64, 64), pool,
                         *block(64, 128), *block(128, 128), pool, *block(128, 256))


@pytest.fixture
def lpips_baseline() -> LPIPS:
    """lpips' own VGG-16 with random weights, and no learned linear weights after it."""
    torch.manual_seed(0)
    return LPIPS(pretrained=False, net='vgg', lpips=False, pnet_rand=True, verbose=False)


@pytest.fixture
def torchvision_path(lpips_baseline: LPIPS, tmp_path: Path) -> Path:
    """The same weights as torchvision names them."""
    state = {'features.' + name.split('.', 1)[1]: weight
             for name, weight in lpips_baseline.net.state_dict().items()}
    torch.save({**state, 'classifier.0.weight': torch.zeros(2, 2)}, tmp_path / 'vgg16.pth')
    return tmp_path / 'vgg16.pth'


def test_features_and_distance_are_those_of_lpips_without_linear_weights(
        lpips_baseline, torchvision_path):
    ours, theirs = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    vgg = VGGFeatures(torchvision_path)
    expected = lpips_baseline.net(lpips_baseline.scaling_layer(ours))
    for feature, reference in zip(vgg(ours), expected, strict=True):
        assert_close(feature, reference, rtol=1e-4, atol=1e-5)
    assert_close(perceptual_distance(vgg(ours), vgg(theirs)),
                 lpips_baseline(ours, theirs).flatten().detach(), rtol=1e-4, atol=1e-6)


def test_a_style_transfer_vgg_keeps_its_own_padding_and_recoding(tmp_path):
    network = style_transfer_vgg()
    torch.save(network.state_dict(), tmp_path / 'vgg.pth')
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    features = VGGFeatures(tmp_path / 'vgg.pth')(images)
    unit = (images + 1) / 2
    for feature, last in zip(features, (7, 14, 18), strict=True):      # both poolings, the end
        assert_close(feature, network[:last](unit))


@pytest.mark.skipif(not REAL.is_file(), reason='needs ../shared/data/weights')
def test_the_real_style_transfer_vgg_gives_what_its_layers_give():
    network = style_transfer_vgg()
    network.load_state_dict(torch.load(REAL, weights_only=True))
    grey = torch.rand(1, 1, 16, 16) * 2 - 1
    expected = network((grey.expand(-1, 3, -1, -1) + 1) / 2)
    assert_close(VGGFeatures(REAL)(grey)[-1], expected)


def test_gradients_reach_the_image_even_where_it_is_black(torchvision_path):
    vgg = VGGFeatures(torchvision_path)
    image = torch.full((1, 1, 32, 32), -1., requires_grad=True)
    perceptual_distance(vgg(image), vgg(torch.zeros(1, 1, 32, 32))).sum().backward()
    assert image.grad.isfinite().all() and image.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in vgg.parameters())


def test_what_is_no_vgg_is_refused(tmp_path):
    torch.save(nn.Linear(3, 3).state_dict(), tmp_path / 'linear.pth')
    with pytest.raises(ValueError, match=r'VGGFeatures: .*linear\.pth'):
        VGGFeatures(tmp_path / 'linear.pth')
    torch.save({'0.weight': torch.tensor(1.), '0.bias': torch.tensor(1.)}, tmp_path / 'one.pth')
    with pytest.raises(ValueError, match=r'VGGFeatures: .*one\.pth'):
        VGGFeatures(tmp_path / 'one.pth')
    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(9, 8, 3))
    torch.save(other.state_dict(), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth .*layer 2 .*\(8, 9, 3, 3\) after 8 channels'):
        VGGFeatures(tmp_path / 'other.pth')
    with_norm = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Identity(),
                              nn.Identity(), nn.Conv2d(8, 8, 3))
    torch.save({name: weight for name, weight in with_norm.state_dict().items()
                if name[0] in '05'}, tmp_path / 'norm.pth')
    with pytest.raises(ValueError, match=r'norm\.pth .*\[0, 5\].*batch norm'):
        VGGFeatures(tmp_path / 'norm.pth')
    with pytest.raises(FileNotFoundError):
        VGGFeatures(tmp_path / 'absent.pth')


def test_images_of_the_wrong_shape_are_refused(torchvision_path):
    vgg = VGGFeatures(torchvision_path)
    with pytest.raises(ValueError, match=r' 16 .*got \(1, 1, 8, 8\)'):
        vgg(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r'got \(1, 2, 32, 32\)'):
        vgg(torch.zeros(1, 2, 32, 32))
