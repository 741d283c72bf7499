"""TDN as a backbone, with weights of MCG-NJU/TDN or of an image ResNet."""
from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import kaiming_init
from torch import Tensor, nn

from lddm_aug.models.backbones.pretrained import PretrainedBackbone, rename
from lddm_aug.networks.temporal_difference import (
    WINDOW,
    LearnableShift,
    LongTermDifference,
    ShortTermDifference,
)

STAGE_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
EXPANSION = 4
SMALLEST = 64                                        # pixels, so that the last stage has 2

# MCG-NJU/TDN's names → ours, which are torchvision's for the parts of a ResNet
OFFICIAL_NAMES = (
    (r'base_model\.', ''),
    (r'conv1_5\.0\.', 'short_term.conv.'),
    (r'conv1_5\.1\.', 'short_term.bn.'),
    (r'resnext_layer1\.', 'short_term_layer1.'),
    (r'layer(\d)_bak\.', r'layer\1.'),
    (r'(layer\d\.\d+)\.mse\.conv1\.', r'\1.long_term.squeeze.'),
    (r'(layer\d\.\d+)\.mse\.bn1\.', r'\1.long_term.bn_squeeze.'),
    (r'(layer\d\.\d+)\.mse\.conv2\.', r'\1.long_term.align.'),
    (r'(layer\d\.\d+)\.mse\.(conv|bn)3_smallscale2\.', r'\1.long_term.\2_coarse.'),
    (r'(layer\d\.\d+)\.mse\.(conv|bn)3_smallscale4\.', r'\1.long_term.\2_fine.'),
    (r'(layer\d\.\d+)\.mse\.conv3\.', r'\1.long_term.expand.'),
    (r'(layer\d\.\d+)\.mse\.bn3\.', r'\1.long_term.bn_expand.'),
    (r'(layer\d\.\d+\.long_term)\.conv_', r'\1.'),
    (r'(layer\d\.\d+)\.shift\.conv\.', r'\1.shift.'),
)
# of the head, and of an unused convolution that is registered twice
OFFICIAL_NOT_OURS = ('new_fc.', 'fc.', 'conv1_temp.', 'conv1_temp1.')
# keeps its random initialisation where the weights are those of an image ResNet
NOT_OF_A_RESNET = re.compile(r'^short_term\.bn\.|\.long_term\.|\.shift\.')


class Bottleneck(nn.Module):
    """ResNet's bottleneck, with motion between `num_segments` segments after its first convolution.

    Biases before a normalisation have no effect, but the official checkpoints have them.
    """

    def __init__(self, in_channels: int, width: int, stride: int = 1,
                 num_segments: int | None = None) -> None:
        super().__init__()
        out_channels = EXPANSION * width
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.long_term: nn.Module | None = None
        self.shift: nn.Module | None = None
        if num_segments is not None:
            self.long_term = LongTermDifference(width, num_segments)
            self.shift = LearnableShift(width, num_segments)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        if self.long_term is not None and self.shift is not None:
            out = self.shift(self.long_term(out))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


@MODELS.register_module()
class TDN(PretrainedBackbone):
    """Temporal Difference Network (Wang et al. 2021): a ResNet with motion modules.

    A segment is five frames in a row.  The middle frame is the input of the ResNet; differences of
    the five are added before and after its first stage.  The later stages mix the segments.  Every
    batch normalisation is trained.

    (N·T·5, 3, H, W) frames, as `FormatShape(input_format='NCHW')` and `Recognizer2D` give them,
    → (N·T, 32 · base_channels, H/32, W/32); a head for it is `TSMHead(num_segments=T)`.

    Args:
        depth: 50 or 101.
        num_segments: T.
        pretrained: weights to start from: torchvision's of the ResNet of this depth, as a file or
            as `torchvision://resnet50`, or a checkpoint of MCG-NJU/TDN.  All must fit.  An
            existing file is loaded when the backbone is built, others before the training.
        base_channels: width of the first stage; smaller than 64 for a narrow network.
        stage_blocks: blocks of the four stages, if not those of `depth`.
        init_cfg: as in MMEngine.

    Raises:
        ValueError: when built, for a depth, width or number of segments out of range, and for
            weights that don't fit; when called, if the frames are no whole number of clips or too
            small.
    """

    def __init__(self, depth: int = 50, num_segments: int = 8, pretrained: str | None = None,
                 base_channels: int = 64, stage_blocks: Sequence[int] | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(pretrained, init_cfg)
        if depth not in STAGE_BLOCKS:
            raise ValueError(f'TDN: depth must be one of {sorted(STAGE_BLOCKS)}, but got {depth!r}')
        if not isinstance(base_channels, int) or base_channels < 8 or base_channels % 8:
            raise ValueError('TDN: base_channels must be a multiple of 8, because L-TDM works on a '
                             f'16th of the channels, but got {base_channels!r}')
        if not isinstance(num_segments, int) or num_segments < 2:
            raise ValueError('TDN: num_segments must be a whole number from 2 on, because segments '
                             f'are compared, but got {num_segments!r}')
        blocks = STAGE_BLOCKS[depth] if stage_blocks is None else stage_blocks
        if (not isinstance(blocks, Sequence) or len(blocks) != 4
                or not all(isinstance(count, int) and count >= 1 for count in blocks)):
            raise ValueError('TDN: stage_blocks must be four whole numbers of at least 1, '
                             f'but got {stage_blocks!r}')
        self.num_segments = num_segments
        self.frames_per_clip = num_segments * WINDOW
        # weights of appearance and motion in their sum, as in the official code
        self.alpha, self.beta = (0.5, 0.5) if num_segments == 8 else (0.75, 0.25)

        width = base_channels
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(width)
        self.short_term = ShortTermDifference(width)
        self.short_term_layer1 = self._stage(width, width, blocks[0], stride=1)
        self.layer1 = self._stage(width, width, blocks[0], stride=1)
        self.layer2 = self._stage(4 * width, 2 * width, blocks[1], num_segments=num_segments)
        self.layer3 = self._stage(8 * width, 4 * width, blocks[2], num_segments=num_segments)
        self.layer4 = self._stage(16 * width, 8 * width, blocks[3], num_segments=num_segments)
        self._register_segments(num_segments)
        self._draw_weights()
        self._load_local_weights()

    @staticmethod
    def _stage(in_channels: int, width: int, blocks: int, stride: int = 2,
               num_segments: int | None = None) -> nn.Sequential:
        first = Bottleneck(in_channels, width, stride, num_segments)
        return nn.Sequential(first, *(Bottleneck(EXPANSION * width, width, 1, num_segments)
                                      for _ in range(blocks - 1)))

    def forward(self, frames: Tensor) -> Tensor:
        self._check(frames)
        windows = frames.unflatten(0, (-1, WINDOW))                   # (N·T, 5, 3, H, W)
        motion = self.short_term(windows)                             # (N·T, base, H/8, W/8)
        x = F.relu(self.bn1(self.conv1(windows[:, WINDOW // 2])))
        x = F.max_pool2d(x, 3, stride=2, padding=1)                   # (N·T, base, H/4, W/4)
        x = self.layer1(self._add_motion(x, motion))
        x = self._add_motion(x, self.short_term_layer1(motion))
        return self.layer4(self.layer3(self.layer2(x)))

    def _add_motion(self, appearance: Tensor, motion: Tensor) -> Tensor:
        return (self.alpha * appearance
                + self.beta * F.interpolate(motion, appearance.shape[2:]))

    def _check(self, frames: Tensor) -> None:
        count, _, height, width = frames.shape
        if count % self.frames_per_clip:
            raise ValueError(
                f'TDN: a clip must have num_segments · {WINDOW} = {self.frames_per_clip} frames, '
                f'but {count} frames are no whole number of clips; take {self.num_segments} '
                f'windows of {WINDOW} frames')
        if min(height, width) < SMALLEST:
            raise ValueError(f'TDN: frames must be at least {SMALLEST} pixels high and wide, '
                             f'but are {height} × {width}; enlarge them')

    def _draw_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and not isinstance(module, LearnableShift):
                kaiming_init(module)

    def from_published(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        if any('conv1_5.' in name for name in weights):
            print_log(f'TDN: {self.pretrained} does not contain the number of segments of its '
                      f'training, which num_segments={self.num_segments} must equal',
                      logger='current', level=logging.WARNING)
            return from_official(weights)
        if 'short_term.conv.weight' in weights:      # saved here
            return weights
        own = {name: weight for name, weight in self.state_dict().items()
               if NOT_OF_A_RESNET.search(name)}
        return {**own, **from_resnet(weights)}


def from_official(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the backbone from a checkpoint of MCG-NJU/TDN."""
    weights = {name: weight.unsqueeze(-1) if name.endswith('.shift.weight') else weight
               for name, weight in rename(weights, OFFICIAL_NAMES).items()}
    return {name: weight for name, weight in weights.items()
            if not name.startswith(OFFICIAL_NOT_OURS)}


def from_resnet(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of TDN from an image ResNet: all but its classifier, and the first stage twice.

    The convolution of the differences is the ResNet's first one, averaged over colours.  Biases
    that a ResNet doesn't have are zero.
    """
    weights = {name: weight for name, weight in weights.items() if not name.startswith('fc.')}
    for name in [name for name, weight in weights.items() if weight.ndim == 4]:
        bias = name.removesuffix('weight') + 'bias'
        weights.setdefault(bias, torch.zeros(len(weights[name])))
    stage = {f'short_term_{name}': weight for name, weight in weights.items()
             if name.startswith('layer1.')}
    if 'conv1.weight' in weights:
        grey = weights['conv1.weight'].mean(dim=1, keepdim=True)      # (base, 1, 7, 7)
        stage['short_term.conv.weight'] = grey.repeat(1, 3 * (WINDOW - 1), 1, 1)
    return {**weights, **stage}
