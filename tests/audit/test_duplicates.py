from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lddm_aug.audit.duplicates import (
    HASH_DISTANCE,
    SAME,
    Pair,
    candidate_pairs,
    compare,
    find_exact,
    find_pairs,
    group_pairs,
)
from lddm_aug.audit.fingerprint import hash_frame, thumbnail


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(2, 40))
def test_candidates_are_those_that_comparing_all_bits_of_all_pairs_finds(seed, count):
    draw = np.random.default_rng(seed)
    seeds = draw.random((4, 128)) < 0.5              # some are near one another, most are not
    hashes = seeds[draw.integers(4, size=count)] ^ (draw.random((count, 128)) < 0.16)
    owners = np.sort(draw.integers(0, 12, count))
    nearest: dict[tuple[int, int], int] = {}
    for i, j in combinations(range(count), 2):
        bits = int((hashes[i] != hashes[j]).sum())
        two = owners[i], owners[j]
        if owners[i] != owners[j] and bits <= HASH_DISTANCE:
            nearest[two] = min(bits, nearest.get(two, 128))
    found = {(owners[i], owners[j]): int((hashes[i] != hashes[j]).sum())
             for i, j in candidate_pairs(hashes, owners)}
    assert found == nearest


def drawn_upon(scan: np.ndarray) -> np.ndarray:
    marked = scan.copy()
    cv2.line(marked, (60, 100), (180, 140), 255, 1)
    cv2.putText(marked, 'RT UOQ', (20, 235), 0, 0.5, 255, 1)
    return marked


CHANGES = {
    'cropped': lambda scan: scan[12:, 10:-16],
    'stretched': lambda scan: cv2.resize(scan, (300, 200)),
    'brighter': lambda scan: (scan * 0.7 + 30).astype(np.uint8),
    'compressed': lambda scan: cv2.imdecode(
        cv2.imencode('.jpg', scan, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0),
    'drawn upon': drawn_upon,
}


@pytest.mark.parametrize('change', CHANGES)
def test_a_copy_is_found_whatever_was_done_to_it(scan, change):
    frames = [scan(seed) for seed in range(6)] + [CHANGES[change](scan(3))]
    pairs = find_pairs(np.array([hash_frame(frame) for frame in frames]), np.arange(7),
                       np.array([thumbnail(frame) for frame in frames]), progress=False)
    assert [(pair.one, pair.other) for pair in pairs] == [(3, 6)]


def test_the_edge_of_the_fan_makes_no_copies(scan):
    """All scans of a device share it, and it is brighter than any speckle."""
    fan = np.zeros((256, 256), np.uint8)
    cv2.ellipse(fan, (128, -60), (300, 300), 0, 55, 125, 255, -1)
    frames = [np.where(fan, scan(seed) // 2 + 30, 0).astype(np.uint8) for seed in range(6)]
    likeness = [compare(thumbnail(one), thumbnail(other))
                for one, other in combinations(frames, 2)]
    assert max(likeness) < SAME
    assert compare(thumbnail(frames[0]), thumbnail(frames[0] // 2)) > SAME


def test_layers_at_the_same_depth_make_no_copies(scan):
    """Skin, fascia and muscle look alike in many patients."""
    frames = []
    for seed in range(6):
        frame = scan(seed)
        for depth in (20, 90, 200):
            cv2.line(frame, (0, depth), (255, depth + seed % 3), 230, 5)
        frames.append(cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA))
    likeness = [compare(thumbnail(one), thumbnail(other))
                for one, other in combinations(frames, 2)]
    assert max(likeness) < SAME


def test_videos_that_share_frames_are_found_wherever_these_stand():
    codes = [np.array(numbers, np.uint64) for numbers in ([1, 2, 3], [0, 9, 2, 3], [0], [9], [5])]
    assert find_exact(codes) == [Pair(0, 1, 1, 2, 1.), Pair(1, 3, 1, 0, 1.)]


def test_other_scans_are_no_copies_however_alike_their_tissue(scan):
    likeness = [compare(thumbnail(scan(one)), thumbnail(scan(other)))
                for one, other in combinations(range(8), 2)]
    assert max(likeness) < SAME


def test_a_frame_is_as_like_itself_as_can_be_and_nothing_like_a_flat_one(scan):
    frame = thumbnail(scan(0))
    assert 0.95 < compare(frame, frame) <= 1
    assert compare(frame, np.full_like(frame, 7)) == 0


def test_likeness_does_not_depend_on_the_order(scan):
    one, other = thumbnail(scan(0)), thumbnail(scan(0)[8:, 20:])
    assert compare(one, other) == compare(other, one)


def test_linked_items_are_one_set():
    pairs = [Pair(one, other, 0, 0, 1.) for one, other in ((5, 1), (2, 3), (1, 7))]
    assert group_pairs(pairs, 9) == [[1, 5, 7], [2, 3]]
    assert group_pairs([], 3) == []
