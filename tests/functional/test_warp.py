import cv2
import numpy as np
import torch
from torch.testing import assert_close

from lddm_aug.functional.warp import hold_still, warp


def test_no_field_leaves_the_still():
    still = torch.rand(2, 3, 8, 10)
    assert_close(warp(still, torch.zeros(2, 2, 4, 8, 10)), hold_still(still, 4))


def test_a_field_of_whole_pixels_shifts_right_and_down_as_torch_roll_does():
    still = torch.rand(1, 1, 12, 12)
    field = torch.zeros(1, 2, 1, 12, 12)
    field[:, 0], field[:, 1] = 2., 3.                    # fetch from 2 to the right, 3 below
    expected = still.roll((-3, -2), dims=(2, 3))[..., :9, :10]
    assert_close(warp(still, field)[:, :, 0, :9, :10], expected)


def test_a_fraction_of_a_pixel_is_read_as_opencv_reads_it():
    still = torch.rand(1, 1, 12, 16)
    u, v = 0.25, -0.5                                    # OpenCV rounds to 1/32 of a pixel
    field = torch.tensor([u, v]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 12, 16)
    x, y = np.meshgrid(np.arange(16, dtype=np.float32), np.arange(12, dtype=np.float32))
    expected = cv2.remap(still[0, 0].numpy(), x + u, y + v, cv2.INTER_CUBIC)
    assert_close(warp(still, field)[0, 0, 0, 2:-2, 2:-2], torch.from_numpy(expected)[2:-2, 2:-2],
                 atol=1e-5, rtol=0)


def test_outside_the_still_its_border_is_repeated():
    still = torch.rand(1, 1, 4, 4)
    field = torch.zeros(1, 2, 1, 4, 4)
    field[:, 0] = 100.
    assert_close(warp(still, field)[0, 0, 0], still[0, 0, :, -1:].expand(4, 4))


def test_what_enters_may_be_the_reflection_of_the_still():
    still = torch.rand(1, 1, 8, 8)
    field = torch.zeros(1, 2, 1, 8, 8)
    field[:, 0], field[:, 1] = 3., -2.
    padded = np.pad(still[0, 0].numpy(), 4, mode='symmetric')    # at the outer edges of the pixels
    assert_close(warp(still, field, 'reflection')[0, 0, 0],
                 torch.from_numpy(padded[2:10, 7:15].copy()))
