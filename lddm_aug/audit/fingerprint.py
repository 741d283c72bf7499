"""A file → hashes and thumbnails of its frames, and its faults."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b, sha256

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lddm_aug.audit.markings import find_markings
from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import (
    Pixels,
    UnreadableFileError,
    count_frames,
    is_still_file,
    iter_frames,
    read_still,
    to_channels,
)

FRAMES = 8                  # of a video that are compared with others, evenly spaced
BITS = 128                  # of a frame's hash
SIDE = 96                   # height and width of thumbnails in pixels
EMPTY = 2.                  # standard deviation in grey levels, below which a frame is empty
CONSTANT = 0.25             # mean difference in grey levels from the first frame of a static video


@dataclass
class Fingerprint:
    """Fingerprint of a still or a video.

    Attributes:
        digest: sha256 of its grey pixels, independent of the file's format.
        count: number of frames.
        codes: (T,), hash of each frame's grey pixels; 0 for an empty frame.
        frames: indices of the frames of the next two.
        hashes: (F, 128) bool, perceptual.
        thumbnails: (F, 96, 96) uint8, with changed aspect ratio.
        faults: kind → description.
    """
    digest: str
    count: int
    codes: NDArray[np.uint64]
    frames: tuple[int, ...]
    hashes: NDArray[np.bool_]
    thumbnails: Pixels
    faults: dict[str, str]


def is_still(row: Annotation) -> bool:
    """Whether a row is one frame."""
    return row.frame is not None or is_still_file(row.path)


def fingerprint(row: Annotation, min_frames: int) -> Fingerprint:
    """Read a still or a video → fingerprint; without hashes if it is unreadable.

    Args:
        row: of the table.
        min_frames: a shorter video has a fault.
    """
    try:
        if is_still(row):
            return _fingerprint_frames([0], iter([read_still(row.path, row.frame)]), 1, 1)
        total = count_frames(row.path)
        chosen = sorted({round(number) for number in np.linspace(0, total - 1, FRAMES)})
        return _fingerprint_frames(chosen, iter_frames(row.path), total, min_frames)
    except (UnreadableFileError, FileNotFoundError) as error:
        return Fingerprint('', 0, np.zeros(0, np.uint64), (), np.zeros((0, BITS), bool),
                           np.zeros((0, SIDE, SIDE), np.uint8), {'unreadable': str(error)})


def hash_frame(grey: Pixels) -> NDArray[np.bool_]:
    """(H, W) → 128 bits: perceptual hash (pHash) and gradient hash (dHash)."""
    import imagehash  # optional; `audit` requires it before

    image = Image.fromarray(grey)
    return np.concatenate([imagehash.phash(image).hash.ravel(),
                           imagehash.dhash(image).hash.ravel()])


def thumbnail(grey: Pixels) -> Pixels:
    """(H, W) → (96, 96)."""
    return cv2.resize(grey, (SIDE, SIDE),            # type: ignore[return-value]
                      interpolation=cv2.INTER_AREA)


def _fingerprint_frames(chosen: list[int], frames: Iterator[Pixels], total: int,
                        min_frames: int) -> Fingerprint:
    """Fingerprint of frames, read one by one so that a video needn't fit into memory."""
    digest = sha256()
    hashes, thumbnails, hashed, codes = [], [], [], []
    moved, marked = 0., ''
    first: Pixels | None = None
    for number, frame in enumerate(frames):
        grey = to_channels(frame, 1)
        first = grey if first is None else first
        pixels = f'{grey.shape}'.encode() + grey.tobytes()
        digest.update(pixels)
        has_content = grey.std() >= EMPTY
        codes.append(int.from_bytes(blake2b(pixels, digest_size=8).digest(), 'big')
                     if has_content else 0)
        if number in chosen and has_content:
            hashed.append(number)
            hashes.append(hash_frame(grey))
            thumbnails.append(thumbnail(grey))
            marked = marked or find_markings(frame)
        moved = max(moved, float(cv2.absdiff(grey, first).mean()))
    faults = {}
    if len(codes) < min_frames:
        faults['too short'] = f'{len(codes)} frames, fewer than {min_frames}'
    if not any(codes):
        faults['empty'] = 'every pixel is about as bright as the next'
    elif total > 1 and moved < CONSTANT:
        faults['constant'] = 'nothing moves'
    if marked:
        faults['marked'] = marked
    return Fingerprint(
        digest.hexdigest(), len(codes), np.array(codes, np.uint64), tuple(hashed),
        np.array(hashes, bool).reshape(-1, BITS),
        np.array(thumbnails, np.uint8).reshape(-1, SIDE, SIDE), faults)
