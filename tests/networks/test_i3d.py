from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from lddm_aug.networks.i3d import I3D, _pad_same


def shapes(num_classes: int) -> dict[str, tuple[int, ...]]:
    """What the published state dict (hassony2's model_rgb.pth) holds, written out by hand."""
    def unit(name: str, before: int, after: int, kernel: int) -> None:
        found[f'{name}.conv3d.weight'] = (after, before, kernel, kernel, kernel)
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            found[f'{name}.batch3d.{part}'] = (after,)
        found[f'{name}.batch3d.num_batches_tracked'] = ()

    found: dict[str, tuple[int, ...]] = {}
    unit('conv3d_1a_7x7', 3, 64, 7)
    unit('conv3d_2b_1x1', 64, 64, 1)
    unit('conv3d_2c_3x3', 64, 192, 3)
    for name, before, a, b, c, d, e, f in (
            ('3b', 192, 64, 96, 128, 16, 32, 32), ('3c', 256, 128, 128, 192, 32, 96, 64),
            ('4b', 480, 192, 96, 208, 16, 48, 64), ('4c', 512, 160, 112, 224, 24, 64, 64),
            ('4d', 512, 128, 128, 256, 24, 64, 64), ('4e', 512, 112, 144, 288, 32, 64, 64),
            ('4f', 528, 256, 160, 320, 32, 128, 128), ('5b', 832, 256, 160, 320, 32, 128, 128),
            ('5c', 832, 384, 192, 384, 48, 128, 128)):
        unit(f'mixed_{name}.branch_0', before, a, 1)
        unit(f'mixed_{name}.branch_1.0', before, b, 1)
        unit(f'mixed_{name}.branch_1.1', b, c, 3)
        unit(f'mixed_{name}.branch_2.0', before, d, 1)
        unit(f'mixed_{name}.branch_2.1', d, e, 3)
        unit(f'mixed_{name}.branch_3.1', before, f, 1)
    found['conv3d_0c_1x1.conv3d.weight'] = (num_classes, 1024, 1, 1, 1)
    found['conv3d_0c_1x1.conv3d.bias'] = (num_classes,)
    return found


@pytest.fixture(scope='module')
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.rand(shape) * 0.1 if shape else torch.tensor(0)
            for name, shape in shapes(7).items()}


def test_a_published_state_dict_fits_under_both_sets_of_names(state):
    def rename(name: str) -> str:                    # as piergiaj/pytorch-i3d calls the parts
        for ours, theirs in (('conv3d_0c_1x1', 'logits'), ('mixed', 'Mixed'),
                             ('conv3d_1a', 'Conv3d_1a'), ('conv3d_2', 'Conv3d_2'),
                             ('batch3d', 'bn'), ('branch_0', 'b0'), ('branch_1.0', 'b1a'),
                             ('branch_1.1', 'b1b'), ('branch_2.0', 'b2a'),
                             ('branch_2.1', 'b2b'), ('branch_3.1', 'b3b')):
            name = name.replace(ours, theirs)
        return name

    clips = torch.rand(1, 3, 8, 32, 32) * 2 - 1
    logits = I3D(state)(clips)
    assert logits.shape == (1, 7)
    assert_close(I3D({rename(name): weight for name, weight in state.items()})(clips), logits)
    pooled = I3D(state, output='pooled')(clips)
    assert pooled.shape == (1, 1024)
    weight = state['conv3d_0c_1x1.conv3d.weight'].flatten(1)
    assert_close(logits, pooled @ weight.T + state['conv3d_0c_1x1.conv3d.bias'])


@pytest.mark.parametrize('size, kernel, stride, before, after', [
    (224, 7, 2, 2, 3), (16, 7, 2, 2, 3), (15, 7, 2, 3, 3), (7, 3, 2, 1, 1), (8, 2, 2, 0, 0)])
def test_padding_is_tensorflows_same(size, kernel, stride, before, after):
    # ⌈size / stride⌉ outputs; the odd zero goes behind
    padded = _pad_same(torch.ones(1, 1, size, 1, 1), (kernel, 1, 1), (stride, 1, 1)).flatten()
    assert padded.tolist() == [0.] * before + [1.] * size + [0.] * after


def test_another_network_and_too_few_frames_are_refused(state):
    with pytest.raises(ValueError, match='state dict of another network'):
        I3D({'weight': torch.zeros(3)})
    with pytest.raises(ValueError, match='state dict of another network'):
        I3D({'conv3d_0c_1x1.conv3d.bias': torch.tensor(1.)})
    with pytest.raises(ValueError, match=r'T from 8 on, but got \(1, 3, 4, 32, 32\)'):
        I3D(state)(torch.zeros(1, 3, 4, 32, 32))
