from types import SimpleNamespace

from mmengine.dataset import ConcatDataset, RepeatDataset

from lddm_aug.datasets.leaves import groups_of, leaves
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.video_clips import VideoClipDataset


def test_groups_are_found_inside_wrappers():
    own = SimpleNamespace(groups='xy')
    joined = SimpleNamespace(datasets=[SimpleNamespace(groups=['a', 'b']),
                                       SimpleNamespace(dataset=own)])
    assert groups_of(joined) == frozenset('abxy')


def test_a_data_set_without_groups_shares_none():
    assert groups_of(object()) == frozenset()


def test_the_leaves_are_what_no_wrapper_is(videos: str):
    train, test = VideoClipDataset(videos, split='train'), VideoClipDataset(videos, split='test')
    mix = LDDMMixedDataset(ConcatDataset([train, test]), RepeatDataset(train, times=2))
    assert list(leaves(mix)) == [train, test, train]
    assert list(leaves(test)) == [test]
