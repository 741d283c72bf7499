"""Text and callipers that were burnt into a frame."""
from __future__ import annotations

import cv2
import numpy as np

from lddm_aug.data.frames import Pixels, is_colour, to_channels

SIDE = 256                  # pixels of the longer side at which strokes are looked at
# A letter or a calliper's cross at this size: brighter than what surrounds it, compact, upright.
# Bright fibres are as bright, but long and flat.  Chosen on 96 stills of BUSI; see docs/data.md.
KERNEL = 9                  # pixels; thin strokes don't reach the median of their neighbourhood
CONTRAST = 70               # grey levels above that median
BRIGHTEST = 180             # grey levels that a stroke reaches somewhere
HEIGHT, WIDTH = (6, 12), (3, 14)
MIN_AREA = 6                # pixels
MIN_STROKES = 2
COLOURFUL = 50              # grey levels between the strongest and the weakest channel
MIN_COLOURFUL = 20          # pixels


def find_markings(frame: Pixels) -> str:
    """Say what seems to be burnt into a frame, (H, W) or (H, W, 3); '' if nothing does.

    A cheap guess that looks for single bright strokes and for colour.  It misses faint, small and
    blurred marks, lone callipers, and takes some bright spots in tissue for strokes.
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
    """Letters and crosses on (H, W), as far as they stand apart."""
    excess = cv2.subtract(grey, cv2.medianBlur(grey, KERNEL))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(
        (excess > CONTRAST).astype(np.uint8), connectivity=8)
    strokes = 0
    for part, (left, top, width, height, area) in enumerate(stats[1:], 1):  # 0 is what lies around
        if (HEIGHT[0] <= height <= HEIGHT[1] and WIDTH[0] <= width <= WIDTH[1]
                and area >= MIN_AREA):
            box = slice(top, top + height), slice(left, left + width)
            strokes += int(grey[box][parts[box] == part].max() >= BRIGHTEST)
    return strokes
