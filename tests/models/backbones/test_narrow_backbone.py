from __future__ import annotations

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

import lddm_aug  # noqa: F401  registers the backbone

TSM = dict(type='ResNetTSM', depth=18, num_segments=8, pretrained=None, pretrained2d=False)


def narrow(divide: int = 4, backbone: dict = TSM) -> nn.Module:
    return MODELS.build(dict(type='NarrowBackbone', divide=divide, backbone=dict(backbone)))


def test_every_layer_keeps_its_shape_but_for_the_width():
    wide, slim = MODELS.build(dict(TSM)), narrow(4)
    for (name, of_wide), of_slim in zip(wide.named_parameters(), slim.parameters(), strict=True):
        expected = list(of_wide.shape)
        expected[0] //= 4
        if of_wide.ndim > 1 and expected[1] != 3:
            expected[1] //= 4
        assert list(of_slim.shape) == expected, name


def test_features_are_narrow_and_frames_see_each_other():
    slim = narrow(8)
    slim.init_weights()
    slim.eval()
    frames = torch.randn(8, 3, 32, 32)
    features = slim(frames)
    assert features.shape == (8, 64, 1, 1)
    changed = frames.clone()
    changed[3] += 1
    moved = (slim(changed) - features).abs().amax(dim=(1, 2, 3))
    assert moved[2] > 0 and moved[4] > 0             # the shift still reaches the neighbours


def test_c3ds_linear_layers_are_divided_too():
    slim = narrow(16, dict(type='C3D', out_dim=2048))
    slim.init_weights()
    assert slim(torch.randn(1, 3, 16, 32, 32)).shape == (1, 256)


def test_its_segments_are_those_of_the_backbone_if_it_has_any():
    assert narrow(8).num_segments == TSM['num_segments']
    assert not hasattr(narrow(16, dict(type='C3D', out_dim=2048)), 'num_segments')


def test_divided_by_one_it_is_the_backbone_itself():
    wide, same = MODELS.build(dict(TSM)), narrow(1)
    wide.eval()                                      # MMAction2's ResNet returns nothing here
    same.eval()
    same.backbone.load_state_dict(wide.state_dict())
    frames = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(same(frames), wide(frames))


@pytest.mark.parametrize('divide, backbone, message', [
    (7, TSM, 'divide .*7 for 64 channels'),
    (0, TSM, 'divide .*got 0'),
    (4, dict(TSM, pretrained='weights.pth'), 'pretrained=None'),
    (2, dict(type='ATMNet'), 'NarrowBackbone: .*(groups=|is a )')])
def test_what_cannot_be_narrowed_is_refused(divide, backbone, message):
    with pytest.raises(ValueError, match=message):
        narrow(divide, backbone)
