from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import ResNet18_Weights

from lddm_aug.engine.analysis import analyse, recognizer_cost, to_markdown

CONFIGS = Path(__file__).parents[2] / 'mmaction_configs'


def test_an_image_resnet_has_the_size_and_cost_that_torchvision_publishes():
    config = Config(dict(model=dict(
        type='Recognizer2D', backbone=dict(type='ResNet', depth=18, norm_eval=False),
        cls_head=dict(type='TSNHead', num_classes=1000, in_channels=512))))
    cost = recognizer_cost(config, (1, 3, 224, 224))
    published = ResNet18_Weights.IMAGENET1K_V1.meta
    assert cost.parameters == published['num_params']
    assert cost.macs / 1e9 == pytest.approx(published['_ops'], abs=0.002)


def test_a_config_is_measured_with_what_its_test_pipeline_gives():
    name = 'tdn_phantom_real'
    [(cost, names)] = analyse([CONFIGS / f'{name}.py']).items()
    assert names == [name]
    size = Config.fromfile(CONFIGS / f'{name}.py').resize[0].scale
    assert cost.input_shape == (8 * 5, 3, *size)

    # PyTorch's own counter agrees
    backbone = MODELS.build(Config.fromfile(CONFIGS / f'{name}.py').model.backbone).eval()
    with FlopCounterMode(display=False) as counter:
        features = backbone(torch.zeros(cost.input_shape))
    classifier = features.shape[0] * features.shape[1] * 2               # rows × inputs × classes
    assert cost.macs == counter.get_total_flops() / 2 + classifier


def test_configs_of_one_model_share_a_row_and_a_generator_has_its_own():
    costs = analyse([CONFIGS / f'{name}.py' for name in (
        'tsm_phantom_real', 'tsm_phantom_lddm_mix', 'lddm/phantom_repeat_still', 'lddm/phantom')])
    table = to_markdown(costs).splitlines()
    assert [row.split('|')[1].strip() for row in table[2:4]] == [
        'tsm_phantom_*', 'phantom_repeat_still']                         # stages have no model
    assert table[4] == ''
    assert len({len(row) for row in table[:4]}) == 1
