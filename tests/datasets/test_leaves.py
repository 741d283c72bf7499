from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import ConcatDataset as TorchConcatDataset
from torch.utils.data import Subset, TensorDataset

from lddm_aug.datasets.leaves import (
    class_counts,
    groups_of,
    info_of,
    inside,
    leaves,
    metainfo_of,
    transforms_of,
)
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.video_clips import VideoClipDataset


def test_groups_are_found_inside_wrappers():
    own = SimpleNamespace(groups='xy')
    joined = SimpleNamespace(datasets=[SimpleNamespace(groups=['a', 'b']),
                                       SimpleNamespace(dataset=own)])
    assert groups_of(joined) == frozenset('abxy')


def test_transforms_are_found_inside_wrappers_and_inside_transforms():
    held = SimpleNamespace(transforms=['b', SimpleNamespace(transforms='no list')])
    one = SimpleNamespace(pipeline=SimpleNamespace(transforms=['a', held]))
    joined = SimpleNamespace(datasets=[one, SimpleNamespace(dataset=SimpleNamespace())])
    assert [each for each in transforms_of(joined) if isinstance(each, str)] == ['a', 'b']


def test_a_data_set_without_groups_shares_none():
    assert groups_of(object()) == frozenset()


def test_videos_and_groups_of_each_class_are_counted(tmp_path):
    rows = ['path,label,group', '0.npy,b,ada', '1.npy,b,ada', '2.npy,b,grace', '3.npy,a,ada']
    for index in range(4):
        np.save(tmp_path / f'{index}.npy', np.zeros((20, 8, 8), np.uint8))
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    dataset = VideoClipDataset(str(tmp_path / 'videos.csv'), classes=('a', 'b', 'c'))
    expected = {'a': dict(videos=1, groups=1), 'b': dict(videos=3, groups=2),
                'c': dict(videos=0, groups=0)}
    assert class_counts(dataset) == class_counts(RepeatDataset(dataset, times=3)) == expected


def test_the_leaves_are_what_no_wrapper_is(videos: str):
    train, test = VideoClipDataset(videos, split='train'), VideoClipDataset(videos, split='test')
    mix = LDDMMixedDataset(ConcatDataset([train, test]), RepeatDataset(train, times=2))
    assert list(leaves(mix)) == [train, test, train]
    assert list(leaves(test)) == [test]


def test_what_is_known_of_a_sample_is_found_inside_pytorchs_wrappers(videos: str):
    train, test = VideoClipDataset(videos, split='train'), VideoClipDataset(videos, split='test')
    wrapped = Subset(TorchConcatDataset([train, TorchConcatDataset([test, train])]), [6, 3, 0, 4])
    expected = [train.get_data_info(2), test.get_data_info(0), *map(train.get_data_info, (0, 0))]
    assert [info_of(wrapped, index) for index in range(4)] == expected
    assert metainfo_of(wrapped) == train.metainfo
    with pytest.raises(ValueError, match='TensorDataset has no get_data_info'):
        info_of(Subset(TensorDataset(), [0]), 0)


def test_a_data_set_that_a_dataloader_cuts_short_is_looked_into(videos: str):
    init_default_scope('mmaction')
    mix = LDDMMixedDataset(VideoClipDataset(videos), VideoClipDataset(videos))
    loader = Runner.build_dataloader(dict(dataset=mix, batch_size=1, num_batch_per_epoch=3,
                                          sampler=dict(type='EpochSampler')), seed=0)
    mix = loader.dataset._dataset                    # a copy
    assert list(inside(loader.dataset)) == [loader.dataset, mix, mix.real, mix.synthetic]
    assert list(leaves(loader.dataset)) == [mix.real, mix.synthetic]
    assert groups_of(loader.dataset) == mix.groups


def test_a_part_has_the_groups_of_its_own_samples_and_of_the_generator():
    samples = [dict(group='a'), dict(group='b'), dict(group='c')]
    whole = type('Clips', (list,), dict(
        get_data_info=list.__getitem__, groups=frozenset('abcg')))(samples)
    assert groups_of(Subset(whole, [0, 2])) == frozenset('acg')
    assert groups_of(Subset(Subset(whole, [0, 2]), [1])) == frozenset('cg')
