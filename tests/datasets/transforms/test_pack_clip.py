from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate

from lddm_aug.datasets.transforms.pack_clip import PackClip


@pytest.mark.parametrize('shape, packed', [((9, 5, 7), (1, 3, 5, 7)),
                                               ((9, 5, 7, 3), (3, 3, 5, 7))])
def test_the_sampled_frames_are_packed_channels_first(shape, packed):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sample = PackClip()(dict(array=array, frame_inds=np.array([1, 4, 7]), label=1, group='p',
                             seed=2**63 - 1, filename='a'))
    assert sample['clip'].shape == packed
    assert sample['clip'].dtype == torch.uint8
    np.testing.assert_array_equal(sample['clip'][0, 2], array.reshape(9, 5, 7, -1)[7, ..., 0])
    batch = default_collate([sample, sample])
    assert batch['clip'].shape == (2, *packed)
    assert batch['label'].tolist() == [1, 1]
    assert batch['group'] == ['p', 'p']
    assert batch['seed'].tolist() == [2**63 - 1] * 2
