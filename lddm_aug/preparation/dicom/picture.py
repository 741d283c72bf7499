"""Stored samples → 8-bit grey or RGB, as displayed by a viewer."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import (
    _expand_segmented_lut,
    apply_windowing,
    convert_color_space,
)

from lddm_aug.data.frames import Pixels, UnreadableFileError
from lddm_aug.data.shown import with_square_pixels
from lddm_aug.preparation.dicom.decoding import Samples, is_stream
from lddm_aug.preparation.dicom.header import GREY, Header, Layout

MAX_ASPECT = 4.                                      # of a pixel; higher ones are errors
MIN_DISTORTION = 0.01                                # precision of pixel spacings

Span = tuple[float, float]                           # black, white
Region = tuple[int, int, int, int]                   # top, bottom, left, right; ends are exclusive


def converter(header: Header, layout: Layout,
              span: Span | None = None) -> Callable[[Samples], Pixels]:
    """A function of a file's samples → (H, W) grey or (H, W, 3) RGB, brighter for more echo.

    Args:
        header: of the file.
        layout: of the file.
        span: values of black and white for a file without a window; by default the range of the
            bits.

    Raises:
        UnreadableFileError: if its palette is missing or invalid.
    """
    if is_stream(header):
        return lambda samples: samples.array
    if layout.photometric in GREY:
        return _grey_converter(header, layout, span)
    if layout.photometric == 'PALETTE COLOR':
        return _palette_converter(header, layout)
    return lambda samples: _to_rgb(samples, layout)


def is_unscaled(header: Header, layout: Layout) -> bool:
    """Whether it is grey with more than 8 bits, without a window or a table of values."""
    if layout.photometric not in GREY or layout.stored <= 8 or is_stream(header):
        return False
    return _voi_lut(header) is _modality_lut(header) is _window(header) is None


def value_span(header: Header, samples: Samples) -> list[float]:
    """The lowest and the highest rescaled value of a grey frame; empty if it has no value."""
    slope, intercept = _rescale(header)
    padding = header.number('PixelPaddingValue')
    values = samples.array[np.isfinite(samples.array)]
    values = values if padding is None else values[values != padding]
    return sorted(float(value) * slope + intercept for value in (
        (values.min(), values.max()) if values.size else ()))


# ── grey: rescale, then window, then invert ──

def _grey_converter(header: Header, layout: Layout,
                    span: Span | None) -> Callable[[Samples], Pixels]:
    modality, voi = _modality_lut(header), _voi_lut(header)
    window = None if voi else _window(header)
    slope, intercept = _rescale(header)
    inverted = (layout.photometric == 'MONOCHROME1'
                or header.text('PresentationLUTShape').upper() == 'INVERSE')
    padding = header.number('PixelPaddingValue')
    is_float = header.pixels is not None and header.pixels.keyword != 'PixelData'
    lowest, highest = _range(layout)

    def rescale(values: NDArray) -> NDArray:
        return modality(values) if modality else values.astype(np.float64) * slope + intercept

    if span is not None:
        black, white = span
    elif modality:
        black, white = 0., float(modality.highest)
    else:
        black, white = sorted((lowest * slope + intercept, highest * slope + intercept))

    def to_8_bits(values: NDArray) -> Pixels:
        shown = rescale(values)
        if voi:
            shown = voi(np.round(shown).astype(np.int64)) * (255 / voi.highest)
        elif window is not None:
            shown = apply_windowing(shown, window)   # to 0 … 255
        else:
            shown = (shown - black) * (255 / (white - black))
        shown = _rounded(np.nan_to_num(shown))
        if inverted:
            shown = 255 - shown
        if padding is not None:
            shown[values == padding] = 0
        return shown

    if is_float or layout.stored > 16:
        return lambda samples: to_8_bits(samples.array)
    table = to_8_bits(np.arange(lowest, highest + 1))                # of each value
    return lambda samples: table[np.clip(samples.array, lowest, highest).astype(np.int64) - lowest]


def _range(layout: Layout) -> tuple[int, int]:
    """The lowest and the highest value of the stored bits."""
    if layout.signed:
        return -2 ** (layout.stored - 1), 2 ** (layout.stored - 1) - 1
    return 0, 2 ** layout.stored - 1


def _rescale(header: Header) -> tuple[float, float]:
    """Slope and intercept; a slope of 0 is ignored."""
    group = header.functional_group('PixelValueTransformationSequence')
    slope, intercept = (header.number(keyword, group) for keyword in (
        'RescaleSlope', 'RescaleIntercept'))
    if slope == 0:
        header.ignored.add('RescaleSlope')
        slope = None
    return 1. if slope is None else slope, intercept or 0.


def _window(header: Header) -> Dataset | None:
    """The first window, for pydicom, with an output of 8 bits; None if missing or invalid."""
    group = header.functional_group('FrameVOILUTSequence')
    centre, width = (header.number(keyword, group) for keyword in ('WindowCenter', 'WindowWidth'))
    if centre is None or width is None:
        return None
    function = (header.text('VOILUTFunction', group) or 'LINEAR').upper()
    if function not in ('LINEAR', 'LINEAR_EXACT', 'SIGMOID'):
        header.ignored.add('VOILUTFunction')
        function = 'LINEAR'
    if width < 1 if function == 'LINEAR' else width <= 0:
        header.ignored.add('WindowWidth')
        return None
    window = Dataset()
    window.PhotometricInterpretation, window.VOILUTFunction = 'MONOCHROME2', function
    window.WindowCenter, window.WindowWidth = centre, width
    window.BitsStored, window.PixelRepresentation = 8, 0
    return window


# ── tables of values ──

class Lut(NamedTuple):
    """Maps first, first + 1, ... to the entries; values outside, to the nearest entry.

    Attributes:
        entries: outputs.
        first: input of the first entry.
        highest: highest possible output.
    """
    entries: NDArray
    first: int
    highest: int

    def __call__(self, values: NDArray) -> NDArray:
        return self.entries[np.clip(values.astype(np.int64) - self.first, 0,
                                    len(self.entries) - 1)]


def _lut(header: Header, descriptor: list[float], data: object, segmented: bool = False) -> Lut:
    """Three numbers (entries, first value, bits of an entry) and their data → a table."""
    count, first, bits = map(int, descriptor)
    count = count or 2 ** 16
    order = '<' if header.is_little_endian else '>'
    if not isinstance(data, bytes):                  # a list of numbers
        data, order = np.array(data, '<u2').tobytes(), '<'
    if segmented:
        words = np.frombuffer(data, 'u1' if bits == 8 else f'{order}u2').tolist()
        # with 8 bits pydicom expects the format of the unpacked words, not of the file
        entries = np.array(_expand_segmented_lut(
            tuple(words), f'{order}{len(words)}{"B" if bits == 8 else "H"}'))
    else:
        entries = np.frombuffer(data, f'{order}u2' if len(data) >= 2 * count else 'u1')
    if not len(entries) or not 1 <= bits <= 16:
        raise ValueError('no table')
    return Lut(entries[:count].astype(np.int64), first, 2 ** bits - 1)


def _table(header: Header, sequence: str) -> Lut | None:
    """The first table of a sequence; None if missing or invalid."""
    for item in header.items(sequence)[:1]:
        try:
            return _lut(header, list(item.LUTDescriptor), item.LUTData)
        except Exception:
            header.ignored.add(sequence)
    return None


def _modality_lut(header: Header) -> Lut | None:
    return _table(header, 'ModalityLUTSequence')


def _voi_lut(header: Header) -> Lut | None:
    return _table(header, 'VOILUTSequence')


# ── colour ──

def _palette_converter(header: Header, layout: Layout) -> Callable[[Samples], Pixels]:
    luts = []
    for colour in ('Red', 'Green', 'Blue'):
        name = f'{colour}PaletteColorLookupTable'
        plain = header.value(f'{name}Data')
        try:
            luts.append(_lut(header, header.numbers(f'{name}Descriptor'),
                             plain or header.value(f'Segmented{name}Data'), segmented=not plain))
        except Exception:
            luts = []
            break
    if not luts:
        raise UnreadableFileError(f'{header.name} is PALETTE COLOR, but its palette is missing or '
                                  'unreadable')
    values = np.arange(_range(layout)[0], _range(layout)[1] + 1)
    rgb = np.stack([lut(values) for lut in luts], axis=-1)
    # some files have 8 bits and announce 16
    highest = 255 if rgb.max() <= 255 else luts[0].highest
    table = _rounded(rgb * (255 / highest))
    return lambda samples: table[samples.array.astype(np.int64) - values[0]]


def _to_rgb(samples: Samples, layout: Layout) -> Pixels:
    array = samples.array
    if layout.stored != 8:
        array = array * (255 / (2 ** layout.stored - 1))
    array = _rounded(array)
    if not samples.is_ycc:
        return array
    if 'PARTIAL' in layout.photometric:              # 16 to 235, and 16 to 240 around 128
        array = _rounded((array - [16., 128., 128.]) * [255 / 219, 255 / 224, 255 / 224]
                         + [0., 128., 128.])
    return convert_color_space(array, 'YBR_FULL', 'RGB')


def _rounded(array: NDArray) -> Pixels:
    if array.dtype == np.uint8:
        return array
    return np.clip(np.round(array), 0, 255).astype(np.uint8)


# ── shape ──

def pixel_aspect(header: Header) -> float:
    """Height of a pixel by its width; 1 if unknown."""
    for keyword in ('PixelSpacing', 'PixelAspectRatio'):
        lengths = header.numbers(keyword)
        if not lengths:
            continue
        if len(lengths) == 2 and min(lengths) > 0 and (
                1 / MAX_ASPECT <= lengths[0] / lengths[1] <= MAX_ASPECT):
            return lengths[0] / lengths[1]
        header.ignored.add(keyword)
    return 1.


def cropped(frame: Pixels, region: Region | None) -> Pixels:
    """The frame cropped to a region; None for no crop."""
    if region is None:
        return frame
    top, bottom, left, right = region
    return frame[top:bottom, left:right]


def squared(frame: Pixels, aspect: float) -> Pixels:
    """The frame resampled to square pixels by enlarging one side."""
    return frame if abs(aspect - 1) < MIN_DISTORTION else with_square_pixels(
        frame, 1 / Fraction(aspect))


def ultrasound_region(header: Header, layout: Layout) -> Region | None:
    """The largest two-dimensional ultrasound region; None if there is none."""
    found = []
    for item in header.items('SequenceOfUltrasoundRegions'):
        try:
            if item.get('RegionSpatialFormat') != 1:                 # 2D
                continue
            top, bottom = max(0, item.RegionLocationMinY0), item.RegionLocationMaxY1 + 1
            left, right = max(0, item.RegionLocationMinX0), item.RegionLocationMaxX1 + 1
        except Exception:
            header.ignored.add('SequenceOfUltrasoundRegions')
            continue
        bottom, right = min(bottom, layout.rows), min(right, layout.columns)
        if top < bottom and left < right:
            found.append(((bottom - top) * (right - left), (top, bottom, left, right)))
    return max(found)[1] if found else None
