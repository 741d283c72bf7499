import argparse
import copy

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope
from torch import nn
from torch.testing import assert_close

import lddm_aug  # noqa: F401  registers the backbones
from lddm_aug.models.backbones.atmnet import ATMNet

SMALL = {'depths': (2, 3, 2, 2), 'dims': (8, 16, 16, 32), 'mlp_ratios': (2, 2, 2, 2),
         'interval': 2}
NEW_OFFSETS = [(0, 0), (1, 0), (2, 0), (3, 0)]       # of (stage, block): never the last of a stage
SHARES = (2, 4, 4, 8)
T = 3
CLASSES = 1000


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmaction')


def official_weights(classes: int = 5) -> dict[str, torch.Tensor]:
    """Named and shaped as microsoft/ActiveMLP saves them, for the arch SMALL."""
    shapes: dict[str, tuple] = {}

    def layer(name, out, *inner, bias=True):
        shapes[f'{name}.weight'] = (out, *inner)
        if bias:
            shapes[f'{name}.bias'] = (out,)

    dims = SMALL['dims']
    layer('patch_embed.proj', dims[0], 3, 7, 7)
    for stage, (dim, depth, share) in enumerate(zip(dims, SMALL['depths'], SHARES, strict=True)):
        layer(f'pos_blocks.{stage}.proj', dim, 1, 3, 3)
        for number in range(depth):
            block = f'blocks.{stage}.{number}'
            layer(f'{block}.norm1', dim)
            layer(f'{block}.norm2', dim)
            layer(f'{block}.atm.atm_c', dim, dim, bias=False)
            layer(f'{block}.atm.atm_h', dim, dim, 1, 1)
            layer(f'{block}.atm.atm_w', dim, dim, 1, 1)
            layer(f'{block}.atm.fusion.fc1', dim // 4, dim)
            layer(f'{block}.atm.fusion.fc2', 3 * dim, dim // 4)
            layer(f'{block}.atm.proj', dim, dim)
            layer(f'{block}.mlp.fc1', 2 * dim, dim)
            layer(f'{block}.mlp.fc2', dim, 2 * dim)
            if (stage, number) in NEW_OFFSETS:
                layer(f'{block}.offset_layer.0', dim)
                layer(f'{block}.offset_layer.1', 2 * dim // share, dim)
        if stage < 3:
            layer(f'{block}.downsample.proj', dims[stage + 1], dim, 3, 3)
    layer('norm', dims[-1])
    layer('head', classes, dims[-1])
    return {name: 0.1 * torch.randn(shape) for name, shape in shapes.items()}


@pytest.fixture
def save(tmp_path):
    def save(**content) -> str:
        torch.save(content, tmp_path / 'weights.pth')
        return str(tmp_path / 'weights.pth')
    return save


@pytest.mark.parametrize('arch, millions', [
    ('xT', '15.35'), ('T', '27.15'), ('S', '38.63'), ('B', '52.15'), ('L', '76.24')])
def test_parameters_are_those_published(arch, millions):
    with torch.device('meta'):
        network = ATMNet(arch)
        classifier = nn.Linear(network.norm.normalized_shape[0], CLASSES)
    parameters = sum(weight.numel() for part in (network, classifier)
                     for weight in part.parameters())
    assert f'{parameters / 1e6:.2f}' == millions


def test_features_have_a_32nd_of_the_size():
    with torch.device('meta'):
        assert ATMNet('xT')(torch.empty(2, 3, 224, 192)).shape == (2, 512, 7, 6)


def test_an_official_checkpoint_finds_its_places_and_the_average_is_preferred(save):
    average = official_weights()
    network = ATMNet(SMALL, pretrained=save(
        model=official_weights(), model_ema=average, args=argparse.Namespace(lr=1e-3), epoch=300))
    first = network.stages[1].blocks[0]
    assert_close(first.mixer.width.weight.data, average['blocks.1.0.atm.atm_w.weight'][..., 0, 0])
    assert_close(first.mixer.height.bias.data, average['blocks.1.0.atm.atm_h.bias'])
    assert_close(network.stages[1].offsets['0'].space.weight.data,
                 average['blocks.1.0.offset_layer.1.weight'])
    assert_close(network.stages[1].downsample.bias.data, average['blocks.1.2.downsample.proj.bias'])
    # nothing was left out: what isn't the head's is ours, value by value
    used = [weight.ravel() for name, weight in average.items() if not name.startswith('head.')]
    ours = [weight.ravel() for weight in network.state_dict().values()]
    assert_close(torch.cat(used).sort().values, torch.cat(ours).sort().values)


def test_along_time_an_image_checkpoint_gives_the_same_output_before_training(save):
    pretrained = save(model=official_weights())
    frames = torch.randn(2 * T, 3, 32, 40)
    image = ATMNet(SMALL, T, pretrained=pretrained).eval()
    video = ATMNet(SMALL, T, along_time=True, pretrained=pretrained).eval()
    assert_close(video(frames), image(frames), rtol=0, atol=0)
    assert_close(image(frames)[1], image(frames[1:2])[0])            # frame by frame


def test_along_time_a_training_step_lets_frames_see_each_other():
    torch.manual_seed(0)
    recognizer = MODELS.build({
        'type': 'SegmentRecognizer',
        'backbone': {'type': 'ATMNet', 'arch': SMALL, 'num_segments': T, 'along_time': True},
        'cls_head': {'type': 'TSNHead', 'num_classes': 2, 'in_channels': 32, 'topk': (1,),
                     'dropout_ratio': 0.}})
    recognizer.init_weights()
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 1)]
    clips = torch.randn(2, T, 3, 32, 32)
    optimizer = torch.optim.SGD(recognizer.parameters(), lr=1.)
    before = copy.deepcopy(recognizer.state_dict())
    for _ in range(2):                      # where the branch along time is zero, none leads to it
        optimizer.zero_grad()
        recognizer(clips, samples, mode='loss')['loss_cls'].backward()
        optimizer.step()
    unchanged = [name for name, weight in recognizer.state_dict().items()
                 if (weight == before[name]).all()]
    assert unchanged == ['backbone.trained_segments']
    network = recognizer.backbone.eval()
    other = clips[0].clone()
    other[0] += 1
    assert (network(other) - network(clips[0]))[1].abs().max() > 0


def test_a_checkpoint_of_another_depth_is_refused_when_built(save):
    pretrained = save(model=official_weights())
    with pytest.raises(ValueError, match=r'\d+ are unexpected \(stages\.1\.blocks\.2.*depth'):
        ATMNet({**SMALL, 'depths': (2, 2, 2, 2)}, pretrained=pretrained)


def test_a_checkpoint_that_lacks_weights_is_refused_when_built(save):
    weights = official_weights()
    del weights['norm.bias']
    with pytest.raises(ValueError, match=r'1 are missing \(norm\.bias'):
        ATMNet(SMALL, pretrained=save(**weights))


@pytest.mark.parametrize('arch, message', [
    ('M', "arch .*xT, T, S, B, L.*'M'"),
    (None, 'arch .*xT, T, S, B, L.*None'),
    (5, 'arch .*xT, T, S, B, L.*5'),
    ({1: 2}, 'arch .*depths, dims, mlp_ratios, interval.*1'),
    ({'depths': (2, 2, 2, 2)}, 'arch .*depths, dims, mlp_ratios, interval.*depths'),
    ({**SMALL, 'dims': (8, 16, 32)}, r'4 numbers.*\(8, 16, 32\)'),
    ({**SMALL, 'dims': 8}, "4 numbers.*'dims': 8"),
    ({**SMALL, 'depths': ('2', '3', '2', '2')}, "4 numbers.*'2', '3'"),
    ({**SMALL, 'dims': ('8', '16', '16', '32')}, "4 numbers.*'8', '16'"),
    ({**SMALL, 'mlp_ratios': ('2', '2', '2', '2')}, "4 numbers.*'2', '2'"),
    ({**SMALL, 'interval': '2'}, "interval .*'interval': '2'"),
    ({**SMALL, 'depths': (1, 2, 2, 2)}, r'depths .*2.*\(1, 2, 2, 2\)'),
    ({**SMALL, 'dims': (8, 16, 16, 30)}, r'dims .*4.*\(8, 16, 16, 30\)'),
])
def test_what_cannot_be_built_is_refused(arch, message):
    with pytest.raises(ValueError, match=message):
        ATMNet(arch)


@pytest.mark.parametrize('wrong', [dict(num_segments=0), dict(num_segments='8'),
                                   dict(drop_path=1.), dict(drop_path='0.1')])
def test_numbers_out_of_range_are_refused(wrong):
    (key, value), = wrong.items()
    with pytest.raises(ValueError, match=f'ATMNet: .*{key} .*{value!r}'):
        ATMNet(SMALL, **wrong)


def test_along_time_frames_that_are_no_whole_clips_are_refused():
    with pytest.raises(ValueError, match=r'num_segments=3 .*4 frames'):
        ATMNet(SMALL, T, along_time=True)(torch.zeros(4, 3, 32, 32))
