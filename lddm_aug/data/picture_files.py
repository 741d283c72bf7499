"""Pictures, read by Pillow: stills, and files with a sequence of frames.

GIF, animated PNG and WebP and TIFF of several pages are sequences, and thus videos.  Frames are
as in a viewer: oriented by EXIF, each drawn over those before it, on black where transparent.
"""
from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import (
    Image,
    ImageOps,
    MpoImagePlugin,  # noqa: F401  these three register what they read
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from lddm_aug.data.shown import Pixels, blend_on_black
from lddm_aug.data.unreadable import (
    UnreadableFileError,
    as_unreadable,
    check_max_frames,
    check_max_pixels,
    of_the_limit,
)
from lddm_aug.limits import limit_of

STILL_FORMATS = {'.png': {'PNG'}, '.jpg': {'JPEG', 'MPO'}, '.jpeg': {'JPEG', 'MPO'},
                 '.jpe': {'JPEG', 'MPO'}, '.jfif': {'JPEG', 'MPO'}, '.bmp': {'BMP'},
                 '.tif': {'TIFF'}, '.tiff': {'TIFF'}, '.webp': {'WEBP'},
                 '.ppm': {'PPM'}, '.pgm': {'PPM'}, '.pbm': {'PPM'}, '.pnm': {'PPM'}}
SEQUENCE_FORMATS = {'.gif': {'GIF'}, '.apng': {'PNG'}}               # usually
FORMATS = STILL_FORMATS | SEQUENCE_FORMATS
# no other is tried: Pillow would run Ghostscript for PostScript
PILLOW_FORMATS = sorted(set().union(*FORMATS.values()) - {'MPO'})    # begins as a JPEG

GREY_MODES = ('1', 'L', 'LA')
COLOUR_MODES = ('P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr')
DEEP_GREY_MODES = ('I;16', 'I;16B', 'I;16L')
USED_SHARE = 1 / 16                                  # of 16 bits; lower values are 12 bits in them
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0                  # of a page of a TIFF
NEW_SUBFILE_TYPE, SMALLER_OR_MASK = 254, 0b101       # of a page of a TIFF


class _Whole(io.BufferedReader):
    """A file of which no more is read than it has; Python takes memory for all that is asked."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)


def iter_pictures(path: Path, first: int = 0) -> Iterator[Pixels]:
    """Iterate over (H, W) or (H, W, 3) frames from index `first` on; a still has one.

    Raises:
        UnreadableFileError: during the iteration, if it is damaged or of an unknown colour mode.
    """
    with _opened(path) as image:
        for place in islice(_places(path, image), first, None):
            image.seek(place)
            check_max_pixels(path, *image.size)
            yield _as_shown(path, image)


def is_one_picture(path: Path) -> bool:
    """Whether a file has one frame.

    Raises:
        UnreadableFileError: if it is damaged.
    """
    with _opened(path) as image:
        return len(_places(path, image)) == 1


def inspect_pictures(path: Path) -> float | None:
    """Check a file → mean frames per second of a sequence, None for a still or if unknown."""
    with _opened(path) as image:
        if image.format not in FORMATS[path.suffix.lower()]:
            raise UnreadableFileError(f'{path} contains {image.format}, not what its name says')
        places = _places(path, image)
        if len(places) == 1:
            return None
        duration = 0.                                # ms
        for place in places:
            image.seek(place)
            check_max_pixels(path, *image.size)
            image.load()                             # WebP has the duration only then
            duration += image.info.get('duration') or 0
        return 1000 * len(places) / duration if duration else None


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    # from a path, Pillow maps a TIFF into memory and rotates it wrongly
    with as_unreadable(path, 'picture'), _Whole(path.open('rb', buffering=0)) as file:
        try:
            image = Image.open(file, formats=PILLOW_FORMATS)
        except Image.DecompressionBombError as error:
            raise UnreadableFileError(f'{path} has far too many pixels a frame; {of_the_limit()}'
                                      ) from error
        except Image.UnidentifiedImageError as error:
            raise UnreadableFileError(f'{path} is no readable picture: it is cut off, damaged or '
                                      'of another format') from error
        with image:
            check_max_pixels(path, *image.size)
            yield image


def _places(path: Path, image: Image.Image) -> list[int]:
    """Indices of the pictures of a file that are frames, not its thumbnails or masks."""
    if image.format == 'MPO':                        # the first is the photo, others its previews
        return [0]
    if image.format == 'TIFF':                       # else all pages are looked for
        _refuse_more_pages(path, image)
    count = getattr(image, 'n_frames', 1)
    check_max_frames(path, count)                    # before it is believed
    if image.format == 'TIFF' and count > 1:
        image.seek(count - 1)
        if image.tag_v2.next:                        # type: ignore[attr-defined]
            raise UnreadableFileError(f'{path} is cut off or damaged: it announces a page after '
                                      f'its {count} pages')
        return [place for place in range(count) if _is_page(image, place)] or [0]
    if getattr(image, 'default_image', False):       # shown by viewers without animation
        return list(range(1, count))
    return list(range(count))


def _refuse_more_pages(path: Path, image: Image.Image) -> None:
    """Look for one page after the other, as Pillow does, but not for any number of them."""
    try:
        for place in range(limit_of('MAX_FRAMES') + 1):
            image.seek(place)
    except EOFError:
        image.seek(0)
        return
    check_max_frames(path, place + 1)


def _is_page(image: Image.Image, place: int) -> bool:
    image.seek(place)
    return not image.tag_v2.get(NEW_SUBFILE_TYPE, 0) & SMALLER_OR_MASK  # type: ignore[attr-defined]


def _as_shown(path: Path, image: Image.Image) -> Pixels:
    # only the raw mode of the tiles has the number of bits before Pillow's conversion to 8 or 16
    stored = str(getattr(image, 'tile', ''))
    if image.mode in DEEP_GREY_MODES or (image.mode == 'I' and image.format in ('PNG', 'PPM')):
        return _deep_grey(path, image, 4095 if 'I;12' in stored else 65535)
    if image.mode not in GREY_MODES + COLOUR_MODES:
        raise UnreadableFileError(f'{path} has colour mode {image.mode}; save it as grey or RGB '
                                  'with 8 or 16 bits')
    # Pillow's frames of one GIF can be grey or in colour
    grey = image.mode in GREY_MODES and image.format != 'GIF'
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        shown = blend_on_black(np.asarray(upright.convert('LA' if grey else 'RGBA')))
    else:
        shown = np.array(upright.convert('L' if grey else 'RGB'))
    if ';16' in stored and shown.max() < 256 * USED_SHARE:
        raise _too_dark(path, 'fewer than 4096')
    return shown


def _deep_grey(path: Path, image: Image.Image, white: int) -> Pixels:
    """(H, W) uint8 from a grey picture of more than 8 bits, with its value of white."""
    values = np.asarray(ImageOps.exif_transpose(image)).astype(np.float32)
    if 0 < values.max() <= white * USED_SHARE:
        raise _too_dark(path, f'{values.max():.0f} at most')
    if image.format == 'TIFF' and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO:  # type: ignore[attr-defined]
        values = white - values                      # Pillow does so for 8 bits only
    return np.round(values * (255 / white)).astype(np.uint8)


def _too_dark(path: Path, values: str) -> UnreadableFileError:
    """The error for a picture that viewers show as black, perhaps by mistake."""
    return UnreadableFileError(f'{path} has 16 bits and uses few (its values are {values}), '
                               'so it would be black; scale it to 8 or to all 16 bits')
