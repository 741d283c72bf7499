import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import ResNet18_Weights

from lddm_aug.experiments.analysis import analyse, generator_cost, recognizer_cost, to_markdown
from lddm_aug.generators.base import Generator

REPOSITORY = Path(__file__).parents[2]
CONFIGS = REPOSITORY / 'mmaction_configs'


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
    size = Config.fromfile(CONFIGS / f'{name}.py').inputs.resize[0].scale
    assert cost.input_shape == (8 * 5, 3, *size)

    # PyTorch's own counter agrees
    backbone = MODELS.build(Config.fromfile(CONFIGS / f'{name}.py').model.backbone).eval()
    with FlopCounterMode(display=False) as counter:
        features = backbone(torch.zeros(cost.input_shape))
    classifier = features.shape[0] * features.shape[1] * 2               # rows × inputs × classes
    assert cost.macs == counter.get_total_flops() / 2 + classifier


@MODELS.register_module()
class OneConvolution(Generator):
    """16 frames of 8 × 8, each of the still by one 3 × 3 convolution."""

    def __init__(self) -> None:
        super().__init__(channels=1, size=8, num_frames=16, frame_stride=1)
        self.convolution = torch.nn.Conv2d(1, 16, 3, padding=1, bias=False)

    def generate(self, stills, seeds, labels):
        return self.convolution(stills).unsqueeze(1)


def test_a_generators_multiply_adds_are_those_of_its_convolution():
    cost = generator_cost(Config(dict(generator=dict(type='OneConvolution'))))
    assert (cost.model, cost.input_shape, cost.parameters) == ('OneConvolution', (1, 8, 8), 144)
    assert cost.macs == 144 * 8 * 8


def test_lddm_costs_a_tenth_of_the_published_baseline_at_16_frames_of_128_pixels(monkeypatch):
    monkeypatch.setenv('DATASET', 'busv')
    costs = {name: 2e-9 * cost.macs for cost, [name] in analyse(
        [CONFIGS / f'lddm/{name}.py' for name in ('lddm', 'cinn_paper')]).items()}
    assert costs['lddm'] <= 14
    # of its decoder, in RGB, and a ResNet-50's 4.09 G multiply-adds at 224 × 224
    assert costs['cinn_paper'] == pytest.approx(137.4 + 8.18 * (128 / 224) ** 2, rel=0.01)


def test_configs_of_one_model_share_a_row_and_a_generator_has_its_own():
    names = ('tsm_phantom_real', 'tsm_phantom_lddm_mix', 'lddm/repeat_still',
             'lddm/motion_transfer', '_base_/generator')
    costs = analyse([CONFIGS / f'{name}.py' for name in names], skip=True)
    table = to_markdown(costs).splitlines()
    assert [row.split('|')[1].strip() for row in table[2:4]] == [
        'tsm_phantom_*', 'repeat_still']             # the others make no clips by themselves
    assert table[4] == ''
    assert len({len(row) for row in table[:4]}) == 1


@pytest.fixture
def run(monkeypatch, capsys):
    """run(config, ...) → calls the tool in this process, gives its exit status and prints."""
    def call(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, 'argv', ['analysis.py', *map(str, arguments)])
        status: object = 0
        try:
            runpy.run_path(str(REPOSITORY / 'tools/analysis.py'), run_name='__main__')
        except SystemExit as ended:
            status = ended.code
        return status, *capsys.readouterr()
    return call


def test_the_tool_prints_and_writes_what_the_last_of_a_configs_stages_costs(run, tmp_path):
    status, table, _ = run(CONFIGS / 'lddm/lddm.py', CONFIGS / 'lddm/lddm.py', '--out',
                           tmp_path / 'table.md')
    assert status == 0
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in table.splitlines()[2:]]
    assert rows[0][:3] == ['lddm*', 'LDDMGenerator', '1 × 64 × 64']
    assert float(rows[0][3]) > 0 and float(rows[0][4]) > 0
    assert rows[1] == []                                                 # they share a row
    assert (tmp_path / 'table.md').read_text() == table


@pytest.mark.parametrize('name, message', [
    ('_base_/models/tsm', 'its test_dataloader has no data set with a pipeline'),
    ('_base_/datasets/busv', 'names neither a recognizer nor a generator'),
    ('_base_/generator', 'names neither a recognizer nor a generator'),
    ('lddm/motion_transfer', 'its generator is filled with training clips'),
])
def test_a_config_with_nothing_to_measure_is_refused_in_a_sentence(run, name, message):
    path = CONFIGS / f'{name}.py'
    status, table, error = run(CONFIGS / 'tsm_phantom_real.py', path)
    assert (status, table) == (2, '')
    assert error.startswith(f'analysis.py: {path}: {message}')
    assert error.count('\n') == 1
