"""Frames of clips in one picture."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MARGIN = 4
CAPTION_HEIGHT = 18
MIN_TILE = 96


def contact_sheet(clips: Sequence[np.ndarray], captions: Sequence[str],
                  columns: int = 8) -> np.ndarray:
    """(T, H, W[, 3]) uint8 clips → one (H, W, 3) uint8 image: a clip per row, under its caption.

    Args:
        clips: at least one.
        captions: one per clip.
        columns: frames shown of each clip, evenly spaced from the first to the last.

    Raises:
        ValueError: without clips, or with another number of captions.
    """
    if not clips or len(clips) != len(captions):
        raise ValueError('contact_sheet: needs at least one clip and a caption for each, but got '
                         f'{len(clips)} clips and {len(captions)} captions')
    rows = [_row(clip, caption, columns) for clip, caption in zip(clips, captions, strict=True)]
    sheet = Image.new('RGB', (max(row.width for row in rows), sum(row.height for row in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return np.asarray(sheet)


def _row(clip: np.ndarray, caption: str, columns: int) -> Image.Image:
    frames = clip[np.linspace(0, len(clip) - 1, columns).round().astype(int)]
    tiles = [_tile(frame) for frame in frames]
    width, height = tiles[0].size
    row = Image.new('RGB', ((width + MARGIN) * columns, height + CAPTION_HEIGHT + MARGIN))
    ImageDraw.Draw(row).text((MARGIN, 2), caption, fill='white', font=ImageFont.load_default(12))
    for column, tile in enumerate(tiles):
        row.paste(tile, (column * (width + MARGIN), CAPTION_HEIGHT))
    return row


def _tile(frame: np.ndarray) -> Image.Image:
    """The frame as an image; small ones are enlarged by an integer, without interpolation."""
    tile = Image.fromarray(frame)
    times = -(-MIN_TILE // min(tile.size))
    return tile.resize((tile.width * times, tile.height * times), Image.Resampling.NEAREST)
