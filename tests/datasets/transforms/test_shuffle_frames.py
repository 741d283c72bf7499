"""The control in which frames have no order."""
import numpy as np

from lddm_aug.datasets.transforms import ShuffleFrames
from lddm_aug.seeds import seeded


def test_each_clip_keeps_its_frames_in_another_order_that_the_seed_decides():
    inds = np.concatenate([np.arange(0, 16), np.arange(100, 116)])
    with seeded(3):
        first = ShuffleFrames()(dict(frame_inds=inds, num_clips=2))['frame_inds']
    with seeded(3):
        again = ShuffleFrames()(dict(frame_inds=inds, num_clips=2))['frame_inds']
    assert np.array_equal(first, again) and not np.array_equal(first, inds)
    assert np.array_equal(np.sort(first[:16]), inds[:16])
    assert np.array_equal(np.sort(first[16:]), inds[16:])
