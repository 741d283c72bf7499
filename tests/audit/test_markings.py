from __future__ import annotations

import cv2
import numpy as np
import pytest

from lddm_aug.audit.markings import find_markings


def test_tissue_has_no_markings(scan):
    assert [find_markings(scan(seed)) for seed in range(10)] == [''] * 10


def test_text_is_found_at_the_size_at_which_machines_write_it(scan):
    for size, letters in (256, 0.35), (512, 0.7):
        frame = scan(0, size, size)
        cv2.putText(frame, 'RT UOQ', (size // 8, size * 7 // 8), 0, letters, 255, size // 256)
        assert 'bright strokes' in find_markings(frame)


def test_callipers_are_found(scan):
    frame = scan(1)
    for x, y in (80, 90), (170, 130), (130, 60), (120, 170):
        cv2.drawMarker(frame, (x, y), 255, cv2.MARKER_CROSS, 8)
    assert 'bright strokes' in find_markings(frame)


@pytest.mark.parametrize('colour', [(255, 220, 0), (200, 30, 20)])
def test_a_coloured_mark_is_found(scan, colour):
    frame = np.repeat(scan(2)[..., None], 3, axis=-1)
    assert find_markings(frame) == ''
    frame[10:16, 10:16] = colour
    assert find_markings(frame) == '36 pixels in colour'
