"""Text and callipers that were burnt into a frame."""
from __future__ import annotations

import cv2
import numpy as np

from lddm_aug.data.frames import Pixels, is_colour, to_channels

SIDE = 256                  # pixels of the longer side before detection
# A letter or a calliper's cross at this size: brighter than its surroundings, compact, upright.
# Bright fibres are as bright, but long and flat.  Chosen on 96 stills of BUSI; see docs/audit.md.
KERNEL = 9                  # pixels of the median filter, which removes thin strokes
CONTRAST = 70               # grey levels above that median
BRIGHTEST = 180             # grey levels of a stroke's brightest pixel, at least
HEIGHT, WIDTH = (6, 12), (3, 14)
MIN_AREA = 6                # pixels
MIN_STROKES = 2
COLOURFUL = 50              # grey levels between the strongest and the weakest channel
MIN_COLOURFUL = 20          # pixels


def find_markings(frame: Pixels) -> str:
    """Description of marks that seem burnt into a frame, (H, W) or (H, W, 3); '' for none.

    A simple heuristic for single bright strokes and for colour.  It misses faint, small and blurred
    marks and single callipers, and detects some bright spots in tissue.
    """
    scale = SIDE / max(frame.shape[:2])
    if scale < 1:
        size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    found = []
    strokes = count_strokes(to_channels(frame, 1))
    if strokes >= MIN_STROKES:
        found.append(f'{strokes} bright strokes')
    if is_colour(frame):
        colourful = int((np.ptp(frame, axis=-1) > COLOURFUL).sum())
        if colourful >= MIN_COLOURFUL:
            found.append(f'{colourful} pixels in colour')
    return ', '.join(found)


def count_strokes(grey: Pixels) -> int:
    """Number of separate letters and crosses on (H, W)."""
    excess = cv2.subtract(grey, cv2.medianBlur(grey, KERNEL))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(
        (excess > CONTRAST).astype(np.uint8), connectivity=8)
    strokes = 0
    for part, (left, top, width, height, area) in enumerate(stats[1:], 1):  # 0 is the background
        if (HEIGHT[0] <= height <= HEIGHT[1] and WIDTH[0] <= width <= WIDTH[1]
                and area >= MIN_AREA):
            box = slice(top, top + height), slice(left, left + width)
            strokes += int(grey[box][parts[box] == part].max() >= BRIGHTEST)
    return strokes
