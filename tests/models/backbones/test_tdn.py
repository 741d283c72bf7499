import copy

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope
from torch import nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.resnet import Bottleneck, ResNet

import lddm_aug  # noqa: F401  registers the backbones
from lddm_aug.models.backbones.tdn import TDN

UNUSED = 9472            # of the official code: conv1_temp, 64 filters of 3 × 7 × 7 and 64 biases
CLASSES = 1000
SMALL = {'base_channels': 8, 'stage_blocks': (2, 1, 2, 1)}
T = 3                                                # segments of the small ones


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmaction')


@pytest.fixture
def small():
    """A network of 0.2 M parameters that depends on all it sees; in evaluation mode."""
    torch.manual_seed(0)
    network = TDN(num_segments=T, **SMALL)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.1)
    return network.eval()


def frames(clips: int = 1, size: int = 64) -> torch.Tensor:
    return torch.randn(clips * T * 5, 3, size, size)


def official_weights(blocks: tuple, width: int, classes: int = 5) -> dict[str, torch.Tensor]:
    """Named and shaped as MCG-NJU/TDN saves them, for any number of blocks and width."""
    shapes: dict[str, tuple] = {}

    def conv(name, out, inner, *kernel, bias=True):
        shapes[f'{name}.weight'] = (out, inner, *kernel)
        if bias:
            shapes[f'{name}.bias'] = (out,)

    def norm(name, channels):
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            shapes[f'{name}.{part}'] = (channels,)

    def stage(name, inner, planes, count, motion):
        for number in range(count):
            block = f'{name}.{number}'
            conv(f'{block}.conv1', planes, inner if number == 0 else 4 * planes, 1, 1)
            conv(f'{block}.conv2', planes, planes, 3, 3)
            conv(f'{block}.conv3', 4 * planes, planes, 1, 1)
            for norm_name, channels in (('bn1', planes), ('bn2', planes), ('bn3', 4 * planes)):
                norm(f'{block}.{norm_name}', channels)
            if number == 0:
                conv(f'{block}.downsample.0', 4 * planes, inner, 1, 1)
                norm(f'{block}.downsample.1', 4 * planes)
            if motion:
                less = planes // 16
                conv(f'{block}.mse.conv1', less, planes, 1, 1, bias=False)
                conv(f'{block}.mse.conv2', less, 1, 3, 3, bias=False)
                conv(f'{block}.mse.conv3', planes, less, 1, 1, bias=False)
                conv(f'{block}.mse.conv3_smallscale2', less, less, 3, 3, bias=False)
                conv(f'{block}.mse.conv3_smallscale4', less, less, 3, 3, bias=False)
                for norm_name, channels in (('bn1', less), ('bn3', planes),
                                            ('bn3_smallscale2', less), ('bn3_smallscale4', less)):
                    norm(f'{block}.mse.{norm_name}', channels)
                conv(f'{block}.shift.conv', planes, 1, 3, bias=False)

    conv('conv1', width, 3, 7, 7)
    norm('bn1', width)
    conv('conv1_temp', width, 3, 7, 7)
    conv('conv1_5.0', width, 12, 7, 7, bias=False)
    norm('conv1_5.1', width)
    stage('resnext_layer1', width, width, blocks[0], motion=False)
    stage('layer1_bak', width, width, blocks[0], motion=False)
    for number, planes in ((2, 2 * width), (3, 4 * width), (4, 8 * width)):
        stage(f'layer{number}_bak', 2 * planes, planes, blocks[number - 1], motion=True)
    weights = {f'module.base_model.{name}': torch.randn(shape) for name, shape in shapes.items()}
    weights['module.new_fc.weight'] = torch.randn(classes, 32 * width)
    weights['module.new_fc.bias'] = torch.randn(classes)
    return weights


@pytest.fixture
def save(tmp_path):
    def save(**content) -> str:
        torch.save(content, tmp_path / 'weights.pth')
        return str(tmp_path / 'weights.pth')
    return save


def test_parameters_and_multiply_adds_are_those_published():
    with torch.device('meta'):
        network = TDN(depth=50, num_segments=8).eval()
        classifier = nn.Linear(2048, CLASSES)
        with FlopCounterMode(display=False) as counter:
            features = network(torch.empty(8 * 5, 3, 224, 224))
            classifier(features.mean((2, 3)))
    parameters = sum(weight.numel() for part in (network, classifier)
                     for weight in part.parameters())
    assert f'{(parameters + UNUSED) / 1e6:.2f}' == '26.11'
    assert f'{counter.get_total_flops() / 2e9:.2f}' == '35.65'


def test_depth_101_has_the_blocks_of_resnet_101():
    network = TDN(depth=101, base_channels=8)
    assert [len(getattr(network, f'layer{n}')) for n in range(1, 5)] == [3, 4, 23, 3]


def test_a_training_step_uses_and_changes_every_weight():
    recognizer = MODELS.build({
        'type': 'SegmentRecognizer',
        'backbone': {'type': 'TDN', 'num_segments': T, **SMALL},
        'cls_head': {'type': 'TSMHead', 'num_classes': 2, 'in_channels': 256, 'num_segments': T,
                     'topk': (1,), 'dropout_ratio': 0.}})
    recognizer.train()
    assert all(part.training for part in recognizer.modules())       # partial BN is off
    before = copy.deepcopy(recognizer.state_dict())
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 1)]
    losses = recognizer(frames(2).unflatten(0, (2, -1)), samples, mode='loss')
    losses['loss_cls'].backward()
    torch.optim.SGD(recognizer.parameters(), lr=1.).step()
    assert all(weight.grad is not None for weight in recognizer.parameters())
    # a bias before a normalisation has no slope, up to rounding
    assert [name for name, weight in recognizer.state_dict().items()
            if (weight == before[name]).all() and not name.endswith('.bias')
            ] == ['backbone.trained_segments']


@pytest.mark.parametrize('pair', [(0, 1), (1, 3), (0, 4)])
def test_the_output_changes_when_frames_of_a_segment_swap(small, pair):
    clip = frames()
    swapped = clip.clone()
    swapped[list(pair)] = clip[list(reversed(pair))]                 # not the middle one
    change = (small(swapped) - small(clip)).abs()
    assert change.max() > 1e-3 * small(clip).abs().max()


@pytest.mark.parametrize('segments, appearance, motion', [(8, 0.5, 0.5), (4, 0.75, 0.25),
                                                                (16, 0.75, 0.25)])
def test_appearance_and_motion_are_added_with_the_official_weights(segments, appearance, motion):
    network, tensors = TDN(num_segments=segments, **SMALL).eval(), []
    network.layer1.register_forward_pre_hook(lambda _, inputs: tensors.extend(inputs))
    network.layer1.register_forward_hook(lambda _, inputs, output: tensors.append(output))
    network.layer2.register_forward_pre_hook(lambda _, inputs: tensors.extend(inputs))
    clip = torch.randn(segments * 5, 3, 64, 64)
    network(clip)
    stem = network.bn1(network.conv1(clip[2::5])).relu()
    stem = torch.nn.functional.max_pool2d(stem, 3, stride=2, padding=1)
    moved = network.short_term(clip.unflatten(0, (-1, 5)))
    for before, feature, after in ((stem, moved, tensors[0]),
                                   (tensors[1], network.short_term_layer1(moved), tensors[2])):
        doubled = feature.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        assert_close(after, appearance * before + motion * doubled)


def test_the_output_changes_when_segments_swap(small):
    clip = frames().unflatten(0, (T, 5))
    features = small(clip.flatten(0, 1))
    turned = small(clip.flip(0).flatten(0, 1)).flip(0)
    assert (turned - features).abs().max() > 1e-3 * features.abs().max()


def test_clips_of_a_batch_do_not_see_each_other(small):
    clips = frames(2)
    assert_close(small(clips)[T:], small(clips[T * 5:]), rtol=1e-4, atol=1e-4)


def test_without_motion_it_is_torchvisions_resnet_of_the_middle_frames(save):
    torch.manual_seed(0)
    resnet = ResNet(Bottleneck, [1, 1, 1, 1])
    for part in resnet.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 1.5)
    resnet.eval()
    network = TDN(num_segments=T, stage_blocks=(1, 1, 1, 1), pretrained=save(**resnet.state_dict()))
    network.eval()
    network.alpha, network.beta = 1, 0
    for part in network.modules():
        if hasattr(part, 'shift') and part.shift is not None:
            part.shift.weight.data.copy_(torch.tensor([0., 1., 0.])[:, None])
            part.long_term.expand.weight.data.zero_()
    clip = frames()
    expected = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(clip[2::5]))))
    for stage in (resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4):
        expected = stage(expected)
    assert_close(network(clip), expected, rtol=1e-4, atol=1e-4)
    # the motion's side starts from the same weights
    for ours, theirs in zip(network.short_term_layer1.parameters(), network.layer1.parameters(),
                            strict=True):
        assert_close(ours, theirs)
    assert_close(network.short_term.conv.weight[:, 7], resnet.conv1.weight.mean(1))


def test_an_official_checkpoint_finds_its_places(save):
    weights = official_weights(blocks=(2, 1, 2, 1), width=8)
    network = TDN(num_segments=T, **SMALL, pretrained=save(
        state_dict=weights, epoch=60, arch='resnet50', optimizer={}, best_prec1=64.))
    base = {name.removeprefix('module.base_model.'): weight for name, weight in weights.items()}
    assert_close(network.short_term.conv.weight.data, base['conv1_5.0.weight'])
    assert_close(network.short_term_layer1[1].conv1.bias.data, base['resnext_layer1.1.conv1.bias'])
    block, name = network.layer3[1], 'layer3_bak.1'
    assert_close(block.shift.weight.data[..., 0], base[f'{name}.shift.conv.weight'])
    assert_close(block.long_term.squeeze.weight.data, base[f'{name}.mse.conv1.weight'])
    assert_close(block.long_term.coarse.weight.data, base[f'{name}.mse.conv3_smallscale2.weight'])
    assert_close(block.long_term.bn_fine.running_var,
                 base[f'{name}.mse.bn3_smallscale4.running_var'])
    # nothing was left out: what isn't the head's or unused is ours, value by value
    used = [weight for name, weight in weights.items() if not name.startswith(
        ('module.new_fc', 'module.base_model.conv1_temp'))]
    ours = [weight for name, weight in network.state_dict().items()
            if not name.endswith(('num_batches_tracked', 'trained_segments'))]
    assert_close(torch.cat([weight.ravel() for weight in used]).sort().values,
                 torch.cat([weight.ravel() for weight in ours]).sort().values)


def test_the_first_official_checkpoints_hold_the_unused_convolution_twice(save):
    weights = official_weights(blocks=(2, 1, 2, 1), width=8)
    base = 'module.base_model'
    for part in ('weight', 'bias'):
        weights[f'{base}.conv1_temp1.{part}'] = weights[f'{base}.conv1_temp.{part}']
    network = TDN(num_segments=T, **SMALL, pretrained=save(state_dict=weights))
    assert_close(network.conv1.weight.data, weights[f'{base}.conv1.weight'])


@pytest.mark.parametrize('spoil, message', [
    (lambda weights: weights.update({'module.base_model.layer9.weight': torch.zeros(1)}),
     r'1 are unexpected \(layer9\.weight'),
    (lambda weights: weights.pop('module.base_model.layer2_bak.0.mse.bn3.bias'),
     r'1 are missing \(layer2\.0\.long_term\.bn_expand\.bias'),
    (lambda weights: weights.update({'module.base_model.bn1.bias': torch.zeros(4)}),
     r'1 are of another shape \(bn1\.bias'),
])
def test_a_checkpoint_that_does_not_fit_is_refused_when_built(save, spoil, message):
    weights = official_weights(blocks=(2, 1, 2, 1), width=8)
    spoil(weights)
    with pytest.raises(ValueError, match=message):
        TDN(num_segments=T, **SMALL, pretrained=save(state_dict=weights))


@pytest.mark.parametrize('form', ['official', 'torchvision'])
def test_a_checkpoint_of_another_depth_is_refused_when_built(save, form):
    if form == 'official':
        weights = official_weights(blocks=(2, 1, 3, 1), width=8)
    else:
        weights = ResNet(Bottleneck, [1, 1, 2, 1]).state_dict()
    other = SMALL if form == 'official' else {'stage_blocks': (1, 1, 1, 1)}
    with pytest.raises(ValueError, match=r'\d+ are unexpected \(layer3\.\d\..*depth'):
        TDN(num_segments=T, **other, pretrained=save(**weights))


def test_a_missing_file_is_read_before_the_training_and_not_when_built():
    network = TDN(num_segments=T, **SMALL, pretrained='nowhere.pth')
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth'):
        network.init_weights()


@pytest.mark.parametrize('wrong, message', [
    ({'depth': 34}, r'depth .*\[50, 101\].*34'),
    ({'base_channels': 12}, 'base_channels .*8.*12'),
    ({'num_segments': 1}, 'num_segments .*2.*got 1'),
    ({'num_segments': '8'}, "num_segments .*2.*'8'"),
    ({'base_channels': '64'}, "base_channels .*8.*'64'"),
    ({'stage_blocks': (1, 1, 1)}, r'stage_blocks .*four.*\(1, 1, 1\)'),
    ({'stage_blocks': ('1', '1', '1', '1')}, "stage_blocks .*four.*'1'"),
    ({'stage_blocks': (1, 1, 1, 1.)}, r'stage_blocks .*four.*1\.0'),
    ({'stage_blocks': 4}, 'stage_blocks .*four.*got 4'),
])
def test_what_cannot_be_built_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TDN(**wrong)


@pytest.mark.parametrize('shape', [(63, 64), (64, 48)])
def test_frames_under_64_pixels_are_refused(small, shape):
    with pytest.raises(ValueError, match=f'TDN: .*64 pixels .*{shape[0]} × {shape[1]}'):
        small(torch.zeros(T * 5, 3, *shape))


def test_frames_that_are_no_whole_clips_are_refused(small):
    with pytest.raises(ValueError, match=r'TDN: .*15 frames, but 14 frames'):
        small(frames()[:14])
