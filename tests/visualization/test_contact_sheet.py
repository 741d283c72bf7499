from __future__ import annotations

import numpy as np
import pytest

from lddm_aug.visualization.contact_sheet import contact_sheet


def ramp(frames: int, *colours: int) -> np.ndarray:
    """Frame t is 10·t all over."""
    return np.broadcast_to(10 * np.arange(frames, dtype=np.uint8).reshape(-1, 1, 1, *[1] * len(
        colours)), (frames, 96, 96, *colours)).copy()


def test_a_row_shows_frames_evenly_from_the_first_to_the_last():
    sheet = contact_sheet([ramp(15)], ['benign'], columns=8)
    assert sheet.dtype == np.uint8
    middle = sheet[sheet.shape[0] // 2, 48::sheet.shape[1] // 8]
    assert middle.tolist() == [[20 * column] * 3 for column in range(8)]


def test_every_clip_has_a_row_in_grey_or_colour():
    one = contact_sheet([ramp(16)], ['a'])
    three = contact_sheet([ramp(16), ramp(16, 3), ramp(4)], ['a', 'b', 'ü'])
    assert three.shape == (3 * one.shape[0], one.shape[1], 3)
    assert (three[:one.shape[0]] == one).all()


def test_the_caption_is_written_and_not_over_the_frames():
    without, with_caption = contact_sheet([ramp(16)], ['']), contact_sheet([ramp(16)], ['benign'])
    rows = np.flatnonzero((without != with_caption).any(axis=(1, 2)))
    assert len(rows) > 0
    assert rows.max() < without.shape[0] - 96


def test_small_clips_are_enlarged_pixel_by_pixel():
    clip = np.random.default_rng(0).integers(0, 256, (16, 10, 10), dtype=np.uint8)
    sheet = contact_sheet([clip], [''], columns=1)
    tile = sheet[18:18 + 100, :100, 0]
    assert (tile[::10, ::10] == clip[0]).all()


@pytest.mark.parametrize('clips, captions', [([], []), ([ramp(3)], [])])
def test_a_caption_for_each_clip(clips, captions):
    with pytest.raises(ValueError, match=f'{len(clips)} clips and {len(captions)} captions'):
        contact_sheet(clips, captions)
