"""A file → what it can be recognized by, and what is wrong with it."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b, sha256

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lddm_aug.audit.markings import find_markings
from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import (
    Pixels,
    UnreadableFile,
    count_frames,
    is_still_file,
    iter_frames,
    read_still,
    to_channels,
)

FRAMES = 8                  # of a video are compared with others, evenly spaced
BITS = 128                  # of a frame's hash
SIDE = 96                   # pixels of the thumbnails by which a likeness is checked
EMPTY = 2.                  # standard deviation in grey levels, of a frame that shows nothing
CONSTANT = 0.25             # mean difference in grey levels from the first frame, if nothing moves


@dataclass
class Fingerprint:
    """Of a still or a video.

    Attributes:
        digest: sha256 of its pixels in grey, whatever the file's format.
        count: of its frames.
        codes: (T,), a number for each frame's grey pixels; 0 where it shows nothing.
        frames: which frames the next two are of.
        hashes: (F, 128) bool, perceptual.
        thumbnails: (F, 96, 96) uint8, squashed.
        faults: kind → in a few words.
    """
    digest: str
    count: int
    codes: NDArray[np.uint64]
    frames: tuple[int, ...]
    hashes: NDArray[np.bool_]
    thumbnails: Pixels
    faults: dict[str, str]


def is_still(row: Annotation) -> bool:
    """Whether a row means one frame."""
    return row.frame is not None or is_still_file(row.path)


def fingerprint(row: Annotation, min_frames: int) -> Fingerprint:
    """Read a still or a video and look at it; what can't be read has no hashes.

    Args:
        min_frames: a shorter video has a fault.
    """
    try:
        if is_still(row):
            return _look([0], iter([read_still(row.path, row.frame)]), 1, 1)
        total = count_frames(row.path)
        chosen = sorted({round(number) for number in np.linspace(0, total - 1, FRAMES)})
        return _look(chosen, iter_frames(row.path), total, min_frames)
    except (UnreadableFile, FileNotFoundError) as error:
        return Fingerprint('', 0, np.zeros(0, np.uint64), (), np.zeros((0, BITS), bool),
                           np.zeros((0, SIDE, SIDE), np.uint8), {'unreadable': str(error)})


def hash_frame(grey: Pixels) -> NDArray[np.bool_]:
    """(H, W) → 128 bits: what the frame looks like from afar, and where it gets brighter."""
    image = Image.fromarray(grey)
    return np.concatenate([imagehash.phash(image).hash.ravel(),
                           imagehash.dhash(image).hash.ravel()])


def thumbnail(grey: Pixels) -> Pixels:
    """(H, W) → (96, 96)."""
    return cv2.resize(grey, (SIDE, SIDE),            # type: ignore[return-value]
                      interpolation=cv2.INTER_AREA)


def _look(chosen: list[int], frames: Iterator[Pixels], total: int,
          min_frames: int) -> Fingerprint:
    """Frame by frame, so that no video has to fit into memory."""
    digest = sha256()
    hashes, thumbnails, seen, codes = [], [], [], []
    moved, marked = 0., ''
    first: Pixels | None = None
    for number, frame in enumerate(frames):
        grey = to_channels(frame, 1)
        first = grey if first is None else first
        pixels = f'{grey.shape}'.encode() + grey.tobytes()
        digest.update(pixels)
        shows = grey.std() >= EMPTY
        codes.append(int.from_bytes(blake2b(pixels, digest_size=8).digest(), 'big') if shows else 0)
        if number in chosen and shows:
            seen.append(number)
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
        digest.hexdigest(), len(codes), np.array(codes, np.uint64), tuple(seen),
        np.array(hashes, bool).reshape(-1, BITS),
        np.array(thumbnails, np.uint8).reshape(-1, SIDE, SIDE), faults)
