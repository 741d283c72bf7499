from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lddm_aug.functional.resize_linear import resize_linear, take_pixels


def opencv(frames: torch.Tensor, rows, columns, height: int, width: int) -> np.ndarray:
    """(B, T, C, H, W) → the same by OpenCV, frame by frame."""
    clips = [[cv2.resize(np.ascontiguousarray(frame.permute(1, 2, 0).numpy()[ys][:, xs]),
                         (width, height)).reshape(height, width, -1) for frame in clip]
             for clip, ys, xs in zip(frames, rows, columns, strict=True)]
    return np.array(clips).transpose(0, 1, 4, 2, 3)


@pytest.mark.parametrize('seed', range(12))
def test_a_resized_crop_has_the_grey_levels_that_opencv_gives(seed: int):
    """Any sizes, also twice and half; one crop and one flip for each clip."""
    draw = np.random.default_rng(seed)
    height, width, new_height, new_width = draw.integers(8, 90, 4).tolist()
    if seed % 3 == 0:
        new_height, new_width = [(2 * height, 2 * width), (height // 2, width // 2)][seed % 2]
    frames = torch.from_numpy(draw.integers(0, 256, (2, 3, 1 + seed % 3, height, width), np.uint8))
    crop = draw.integers(1, 5)
    rows = [np.arange(height), np.arange(height)[crop:-1]]
    columns = [np.arange(width)[:-crop], np.arange(width)[::-1]]

    resized = resize_linear(frames, rows, columns, new_height, new_width)

    expected = opencv(frames, rows, columns, new_height, new_width)
    assert resized.dtype == torch.uint8
    # on x86 the same bits; OpenCV for other processors rounds otherwise
    assert np.abs(resized.numpy().astype(int) - expected).max() <= 1
    assert (resized.numpy() != expected).mean() < 0.02


def test_the_same_size_changes_nothing():
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 2, 3, 7, 9), np.uint8))
    places = [np.arange(7)], [np.arange(9)]
    assert (resize_linear(frames, *places, 7, 9) == frames).all()


def test_rows_and_columns_are_those_of_numpy():
    frames = torch.arange(2 * 3 * 2 * 5 * 6).view(2, 3, 2, 5, 6)
    rows, columns = [np.array([4, 0]), np.array([1, 1])], [np.array([5]), np.array([2])]
    taken = take_pixels(frames, rows, columns)
    for clip, whole, ys, xs in zip(taken, frames, rows, columns, strict=True):
        np.testing.assert_array_equal(clip, whole.numpy()[..., ys[:, None], xs])
