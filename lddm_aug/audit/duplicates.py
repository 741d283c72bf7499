"""Fingerprints → sets of files with the same picture.

Frames with equal pixels are exact duplicates.  For other frames, a perceptual hash selects
candidate pairs.  A candidate pair is registered, and its speckle is compared, which differs between
scans.  This finds frames that were cropped, scaled, stretched, brightened or annotated, and
neighbouring frames of a sweep.
"""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from lddm_aug.audit.fingerprint import BITS
from lddm_aug.data.frames import Pixels

# Chosen on pairs of BUSI, COVID-BLUES and the phantom; see docs/audit.md.
HASH_DISTANCE = 36          # of 128 bits, up to which a pair is a candidate
SAME = 0.25                 # correlation of the speckle, in most of the tissue
MOST = 0.7                  # share of the tissue that must agree; annotations may differ

BLOCK = 512                 # hashes compared with all others at a time
CHUNK = 64                  # pairs per task of a thread
ITERATIONS = 20             # of the registration
SMOOTHING = 1.              # pixels, before the registration
SPECKLE = 3.                # pixels; coarser structure is no speckle
WINDOW = 9                  # pixels of the local correlation
NOISE = 1.                  # grey levels squared, below which fine structure is noise
MIN_OVERLAP = 0.2           # of the frame: tissue in both
DARK = 8.                   # grey levels, below which there is no echo
EDGE = 9                    # pixels around dark areas that are excluded
MIN_LIKENESS = 0.1          # in one direction, to compare the other direction too


class Pair(NamedTuple):
    """Two items, their most similar frames, and the likeness of these, up to 1."""
    one: int
    other: int
    frame_of_one: int
    frame_of_other: int
    likeness: float


def find_pairs(hashes: NDArray[np.bool_], owners: NDArray[np.int64], thumbnails: Pixels,
               jobs: int = 1, progress: bool = True) -> list[Pair]:
    """Find items with the same picture.

    Args:
        hashes: (N, 128), of frames.
        owners: (N,), the item of each frame, ascending.
        thumbnails: (N, 96, 96).
        jobs: threads.
        progress: show a progress bar.

    Returns:
        Pairs of items, `one` < `other`; their frames are indices into `hashes`.
    """
    candidates = candidate_pairs(hashes, owners)

    def likenesses(block: NDArray[np.int64]) -> list[float]:
        return [compare(thumbnails[i], thumbnails[j]) for i, j in block]

    blocks = np.array_split(candidates, len(candidates) // CHUNK + 1)
    pairs = []
    with ThreadPoolExecutor(jobs) as pool, tqdm(desc='compare', total=len(candidates),
                                                unit=' pairs', disable=not progress) as bar:
        for block, likeness in zip(blocks, pool.map(likenesses, blocks), strict=True):
            bar.update(len(block))
            pairs += [Pair(int(owners[i]), int(owners[j]), int(i), int(j), found)
                      for (i, j), found in zip(block, likeness, strict=True) if found >= SAME]
    return pairs


def find_exact(codes: Sequence[NDArray[np.uint64]]) -> list[Pair]:
    """Pairs of items that share a frame: each item with the first that has the frame.

    Args:
        codes: of each item, (T,): equal for equal frames, 0 for empty ones.
    """
    first: dict[int, tuple[int, int]] = {}
    pairs: dict[tuple[int, int], Pair] = {}
    for item, of_item in enumerate(codes):
        for frame, code in enumerate(of_item.tolist()):
            if code:
                one, frame_of_one = first.setdefault(code, (item, frame))
                if one != item:
                    pairs.setdefault((one, item), Pair(one, item, frame_of_one, frame, 1.))
    return list(pairs.values())


def candidate_pairs(hashes: NDArray[np.bool_], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, 128) → (P, 2): of each two items with similar hashes, the two most similar frames."""
    signs = np.where(hashes, 1, -1).astype(np.float32)   # their product counts equal bits: exact
    found = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(signs), BLOCK):
        distances = (BITS - signs[start:start + BLOCK] @ signs[start:].T) / 2
        near = distances <= HASH_DISTANCE
        near &= owners[start:start + BLOCK, None] < owners[None, start:]
        i, j = np.nonzero(near)
        order = np.argsort(distances[i, j], kind='stable')
        i, j = i[order] + start, j[order] + start
        # the first pair of each two items is the most similar one
        _, first = np.unique(owners[i] * (owners.max() + 1) + owners[j], return_index=True)
        found.append(np.stack([i[first], j[first]], axis=1))
    together = np.concatenate(found)
    distances = (hashes[together[:, 0]] != hashes[together[:, 1]]).sum(axis=1)
    together = together[np.argsort(distances, kind='stable')]
    _, first = np.unique(owners[together], axis=0, return_index=True)
    return together[np.sort(first)]


def compare(one: Pixels, other: Pixels) -> float:
    """Correlation that the speckle in most of the tissue of two thumbnails reaches, up to 1."""
    likeness = _compare(one, other)
    return max(likeness, _compare(other, one)) if likeness > MIN_LIKENESS else likeness


def group_pairs(pairs: Sequence[Pair], count: int) -> list[list[int]]:
    """Connected components of the pairs, in order of their first item.

    Args:
        pairs: of items.
        count: of all items.
    """
    one, other = np.array([(pair.one, pair.other) for pair in pairs], int).reshape(-1, 2).T
    links = coo_array((np.ones(len(one), bool), (one, other)), (count, count))
    _, labels = connected_components(links, directed=False)
    order = np.argsort(labels, kind='stable')
    sets = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted(items.tolist() for items in sets if len(items) > 1)


def _compare(fixed: Pixels, moving: Pixels) -> float:
    a: NDArray[np.float32] = fixed.astype(np.float32)
    b: NDArray[np.float32] = moving.astype(np.float32)
    motion = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ITERATIONS, 1e-4)
    try:
        _, motion = cv2.findTransformECC(
            cv2.GaussianBlur(a, (0, 0), SMOOTHING), cv2.GaussianBlur(b, (0, 0), SMOOTHING), motion,
            cv2.MOTION_AFFINE, criteria, None, 5)    # type: ignore[call-overload]
    except cv2.error:                                # the registration doesn't converge
        return 0.
    size, flags = fixed.shape[::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(b, motion, size, flags=flags)
    moved_tissue = cv2.warpAffine(_tissue(b), motion, size, flags=flags)
    inside = np.minimum(_tissue(a), moved_tissue) > 0.99
    if inside.mean() < MIN_OVERLAP:
        return 0.
    return float(np.quantile(_agreement(_speckle(a), _speckle(moved))[inside], 1 - MOST))


def _tissue(frame: NDArray) -> NDArray:
    """1 where there is an echo, without the edge of the fan, which all scans of a device share."""
    lit = (cv2.GaussianBlur(frame, (0, 0), SPECKLE) > DARK).astype(np.float32)
    return cv2.erode(lit, np.ones((EDGE, EDGE)), borderType=cv2.BORDER_CONSTANT, borderValue=(1.,))


def _speckle(frame: NDArray) -> NDArray:
    return frame - cv2.GaussianBlur(frame, (0, 0), SPECKLE)


def _agreement(x: NDArray, y: NDArray) -> NDArray:
    """Local correlation around each pixel; different scans can agree in some places only."""
    def mean(z: NDArray) -> NDArray:
        return cv2.blur(z, (WINDOW, WINDOW))

    covariance = mean(x * y) - mean(x) * mean(y)
    variances = (mean(x * x) - mean(x) ** 2 + NOISE) * (mean(y * y) - mean(y) ** 2 + NOISE)
    return covariance / np.sqrt(variances)
