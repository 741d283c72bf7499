import pytest
import torch
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope

import lddm_aug  # noqa: F401  registers the recognizer

TDN = {'type': 'TDN', 'num_segments': 4, 'base_channels': 8, 'stage_blocks': (1, 1, 1, 1)}
TSM = {'type': 'ResNetTSM', 'depth': 18, 'pretrained': None, 'pretrained2d': False,
       'num_segments': 4}
NARROW = {'type': 'NarrowBackbone', 'divide': 4, 'backbone': TSM}


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmaction')


def build(backbone: dict, in_channels: int, num_segments: int):
    return MODELS.build({
        'type': 'SegmentRecognizer', 'backbone': backbone,
        'cls_head': {'type': 'TSMHead', 'num_classes': 2, 'in_channels': in_channels,
                     'num_segments': num_segments}})


@pytest.mark.parametrize('backbone, in_channels', [(TDN, 256), (TSM, 512), (NARROW, 128)])
def test_a_head_with_other_segments_is_refused_when_built(backbone, in_channels):
    with pytest.raises(ValueError, match=r'cls_head .*num_segments=8 .*backbone .*num_segments=4'):
        build(backbone, in_channels, num_segments=8)


def test_a_narrow_backbone_is_one_of_segments():
    recognizer = build(NARROW, 128, num_segments=4).eval()
    features, options = recognizer.extract_feat(torch.rand(2, 4, 3, 32, 32))
    assert recognizer.cls_head(features, **options).shape == (2, 2)


@pytest.mark.parametrize('backbone', [
    {'type': 'ResNet', 'depth': 18, 'pretrained': None},
    {'type': 'NarrowBackbone', 'divide': 16, 'backbone': {'type': 'C3D', 'out_dim': 2048}}])
def test_a_backbone_without_segments_is_refused_when_built(backbone):
    with pytest.raises(ValueError, match='SegmentRecognizer: .*num_segments, '
                                         f'.*{backbone["type"]} .*Recognizer2D'):
        build(backbone, 512, num_segments=4)


def test_clips_of_another_length_are_refused_at_the_first_batch():
    recognizer = build(TDN, 256, num_segments=4)
    with pytest.raises(ValueError, match=r'TDN with num_segments=4 .*20 frames, but got 10'):
        recognizer(torch.zeros(2, 10, 3, 64, 64))


def test_every_clip_of_the_batch_gets_its_scores():
    recognizer = build(TDN, 256, num_segments=4).eval()
    features, options = recognizer.extract_feat(torch.rand(2, 20, 3, 64, 64))
    assert recognizer.cls_head(features, **options).shape == (2, 2)
