"""Pixel data → stored samples, frame by frame, in the memory of a few frames."""
from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate, parse_basic_offsets, parse_fragments
from pydicom.pixels import get_decoder
from pydicom.pixels.utils import _get_jpg_parameters
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    MPEGTransferSyntaxes,
    RLELossless,
)

from lddm_aug.data.frames import UnreadableFileError
from lddm_aug.data.unreadable import check_max_frames
from lddm_aug.preparation.dicom.colour import becomes_rgb, is_ycc
from lddm_aug.preparation.dicom.header import HALVED, Header, Layout
from lddm_aug.preparation.dicom.streams import Fragment, iter_stream, stream_fps

# JPEG and JPEG-LS; JPEG 2000 and HTJ2K; these in a JP2 file.  Compressed data can't contain them.
BEGINNINGS = (b'\xff\xd8\xff', b'\xff\x4f\xff\x51', b'\x00\x00\x00\x0cjP  ')
MIN_SHARE_OF_STREAM = 0.9
JPEG_END = b'\xff\xd9'


class Samples(NamedTuple):
    """A stored frame.

    Attributes:
        array: (H, W), or (H, W, 3) in colour, of any numeric type.
        is_ycc: whether the three are YCbCr instead of RGB.
    """
    array: NDArray
    is_ycc: bool = False


def is_stream(header: Header) -> bool:
    """Whether it is a video whose frames can't be counted without decoding them."""
    return header.syntax in MPEGTransferSyntaxes


def count_frames(header: Header, layout: Layout) -> int:
    """Number of frames of the pixel data, which may be more than NumberOfFrames.

    Raises:
        UnreadableFileError: if there are fewer than NumberOfFrames.
    """
    announced = header.number('NumberOfFrames')
    if announced is not None and announced < 1:
        header.ignored.add('NumberOfFrames')
    announced = int(max(1, announced or 1))
    if is_stream(header):
        _fragments(header)                           # raises an error if it is truncated
        return announced
    if header.syntax.is_encapsulated:
        found = len(_frames_of_fragments(header))
        what = 'frames'
    else:
        if layout.photometric in ('YBR_ICT', 'YBR_RCT', 'YBR_PARTIAL_420'):
            raise UnreadableFileError(f'{header.name} contradicts itself: {layout.photometric} '
                                      'exists in compressed data only')
        size = _frame_bits(header, layout)
        found = 8 * header.bytes_left() // size
        what = f'frames of {-(-size // 8)} bytes ({header.bytes_left()} bytes in all)'
    if found < announced:
        raise UnreadableFileError(f'{header.name} announces {announced} frames, but its pixel data '
                                  f'have {found} {what}; it is cut off, or its tags are wrong')
    check_max_frames(header.name, found)
    return found


def iter_samples(header: Header, layout: Layout, count: int) -> Iterator[Samples]:
    """Iterate over the frames.

    Raises:
        UnreadableFileError: if one is truncated.  Damaged ones raise any error of a decoder.
    """
    if is_stream(header):
        return _iter_stream(header, count)
    if header.syntax.is_encapsulated:
        return _iter_compressed(header, layout)
    return _iter_native(header, layout, count)


def _options(layout: Layout) -> dict[str, Any]:
    """Options of pydicom's decoders."""
    return {'rows': layout.rows, 'columns': layout.columns, 'samples_per_pixel': layout.samples,
            'photometric_interpretation': _neutral(layout), 'planar_configuration': 0,
            'bits_allocated': layout.allocated, 'bits_stored': layout.stored,
            'pixel_representation': int(layout.signed)}


def _neutral(layout: Layout) -> str:
    """The photometric interpretation with which decoders don't convert colours."""
    return 'RGB' if layout.samples == 3 else 'MONOCHROME2'


def stream_rate(header: Header) -> float | None:
    """Frames per second of a stream, None if unknown; errors of PyAV if it is damaged."""
    return stream_fps(header.name, header.source, _fragments(header))


# ── native: one after the other, each of the same size ──

def _frame_bits(header: Header, layout: Layout) -> int:
    whole = layout.rows * layout.columns * layout.samples * layout.allocated
    return whole // 3 * 2 if _is_halved(header, layout) else whole


def _is_halved(header: Header, layout: Layout) -> bool:
    """Whether chroma is subsampled; in some files only the header claims so."""
    if layout.photometric not in HALVED or header.syntax.is_encapsulated:
        return False
    whole = layout.rows * layout.columns * layout.samples * layout.allocated // 8
    all_whole = whole * max(1, int(header.number('NumberOfFrames') or 1))
    left = header.bytes_left()
    return left < all_whole or (left > all_whole + 1 and left % (whole // 3 * 2) <= 1)


def _iter_native(header: Header, layout: Layout, count: int) -> Iterator[Samples]:
    assert header.pixels is not None
    deflated = header.syntax == DeflatedExplicitVRLittleEndian       # the source is inflated
    decoder = get_decoder(ExplicitVRLittleEndian if deflated else header.syntax)
    halved = _is_halved(header, layout)
    options = _options(layout) | {
        'photometric_interpretation': 'YBR_FULL_422' if halved else _neutral(layout),
        'planar_configuration': layout.planar, 'number_of_frames': count,
        'pixel_keyword': header.pixels.keyword, 'pixel_vr': header.pixels.vr,
        'correct_unused_bits': False}
    for index in range(count):
        if layout.allocated == 1:
            yield Samples(_bits(header, layout, index))
            continue
        header.source.seek(header.pixels.offset)
        # pydicom's iterator loses its position in YBR_FULL_422, so each frame is read by index
        array, _ = decoder.as_array(header.source, index=index, raw=True, **options)
        array = array.astype(array.dtype.newbyteorder('='))
        yield Samples(_used_bits(array, layout), 'YBR' in layout.photometric)


def _bits(header: Header, layout: Layout, index: int) -> NDArray:
    """A frame of single bits, which may start inside a byte; pydicom then reads too few."""
    assert header.pixels is not None
    size = _frame_bits(header, layout)
    start, end = index * size, (index + 1) * size
    header.source.seek(header.pixels.offset + start // 8)
    read = np.frombuffer(header.source.read(-(-end // 8) - start // 8), np.uint8)
    bits = np.unpackbits(read, bitorder='little')[start % 8:start % 8 + size]
    return bits.reshape(layout.rows, layout.columns)


def _used_bits(array: NDArray, layout: Layout) -> NDArray:
    """The values in the stored bits of words, whose other bits may contain overlays."""
    if array.dtype.kind == 'f' or layout.stored == layout.allocated:
        return array
    array = array << (layout.allocated - 1 - layout.high)
    return array >> (layout.allocated - layout.stored)


# ── a stream: its reader counts the frames ──

def _iter_stream(header: Header, count: int) -> Iterator[Samples]:
    found = 0
    for frame in iter_stream(header.name, header.source, _fragments(header)):
        found += 1
        yield Samples(frame)
    if found < MIN_SHARE_OF_STREAM * count:          # some devices only estimate the number
        raise UnreadableFileError(f'{header.name} announces {count} frames, but its video has '
                                  f'{found}; it is cut off, or its tags are wrong')


# ── compressed: each frame is a picture ──

def _iter_compressed(header: Header, layout: Layout) -> Iterator[Samples]:
    # GDCM reads the 12-bit kind, which pydicom doesn't know
    syntax = JPEGBaseline8Bit if header.syntax == JPEGExtended12Bit else header.syntax
    decoder = get_decoder(syntax)
    is_jpeg = header.syntax in JPEGTransferSyntaxes
    # Pillow, the fallback, converts some colours to RGB itself
    plugin = next((name for name in decoder.available_plugins if name != 'pillow'), ''
                  ) if is_jpeg and layout.samples == 3 else ''
    frames = _frames_of_fragments(header)
    whole: dict[str, Any] = {'number_of_frames': 1, 'pixel_keyword': 'PixelData'}
    for number, fragments in enumerate(frames, 1):
        encoded = b''.join(fragment.read(header.source) for fragment in fragments)
        if header.syntax != RLELossless and not encoded.startswith(BEGINNINGS):
            raise UnreadableFileError(f'{header.name} cannot be decoded: frame {number} of '
                                      f'{len(frames)} does not start like {header.syntax_name}')
        if encoded.startswith(BEGINNINGS[0]) and JPEG_END not in encoded[-10:]:
            raise UnreadableFileError(f'{header.name} cannot be decoded: frame {number} of '
                                      f'{len(frames)} is cut off, its JPEG has no end')
        if header.syntax in JPEG2000TransferSyntaxes:
            _check_size(header, layout, 'JPEG 2000', _size_of_jpeg_2000(encoded))
        elif header.syntax in JPEGLSTransferSyntaxes:
            _check_size(header, layout, 'JPEG-LS', _size_of_jpeg(encoded))
        array, _ = decoder.as_array(encapsulate([encoded], has_bot=False), index=0, raw=True,
                                    decoding_plugin=plugin, **{**_options(layout), **whole,
                                       **(_of_jpeg(header, layout, encoded) if is_jpeg else {})})
        yield Samples(array, layout.samples == 3 and (
            is_ycc(encoded, layout.photometric, array, header.syntax) if is_jpeg else
            layout.photometric.startswith('YBR') and
            layout.photometric not in ('YBR_ICT', 'YBR_RCT')         # decoders convert these to RGB
            and not becomes_rgb(encoded)))


def _of_jpeg(header: Header, layout: Layout, encoded: bytes) -> dict[str, int]:
    """Bits of a JPEG's samples, which can differ from the tags; its size must not."""
    parameters = _get_jpg_parameters(encoded)
    _check_size(header, layout, 'JPEG', _size_of_jpeg(encoded))
    allocated = 8 if parameters.get('precision', 16) <= 8 else 16
    return {'bits_allocated': allocated, 'bits_stored': min(layout.stored, allocated)}


def _size_of_jpeg(encoded: bytes) -> tuple[int, ...]:
    """Height, width and samples of a JPEG or JPEG-LS; zeros where they aren't found."""
    parameters = _get_jpg_parameters(encoded)
    return tuple(parameters.get(key, 0) for key in ('height', 'width', 'components'))


def _size_of_jpeg_2000(encoded: bytes) -> tuple[int, ...]:
    """Height, width and samples by the marker SIZ; ISO/IEC 15444-1, annex A.5.1."""
    start = encoded.find(BEGINNINGS[1])              # later than 0 in a JP2 file
    if start < 0 or len(encoded) < start + 42:
        return 0, 0, 0
    right, bottom, left, top = struct.unpack_from('>4I', encoded, start + 8)
    return bottom - top, right - left, *struct.unpack_from('>H', encoded, start + 40)


def _check_size(header: Header, layout: Layout, kind: str, found: tuple[int, ...]) -> None:
    """Raise UnreadableFileError, before it is decoded, for a picture of another size than tags say.

    Decoders take memory for what the picture says, not for what the tags say.
    """
    if all(found) and found != (layout.rows, layout.columns, layout.samples):
        raise UnreadableFileError(
            '{} contradicts itself: its tags announce {} x {} pixels with {} samples, its {} '
            'has {} x {} with {}'.format(header.name, *layout[:3], kind, *found))


def _frames_of_fragments(header: Header) -> list[list[Fragment]]:
    """Fragments of each frame: one per frame, or up to the next that starts a picture.

    The tables of offsets, which are often missing or wrong, aren't used.
    """
    fragments = _fragments(header)
    if header.syntax == RLELossless or len(fragments) == header.number('NumberOfFrames'):
        return [[fragment] for fragment in fragments]
    frames: list[list[Fragment]] = []
    for fragment in fragments:
        begins = fragment.read(header.source, 12).startswith(BEGINNINGS)
        if begins or not frames:
            frames.append([])
        frames[-1].append(fragment)
    return frames


def _fragments(header: Header) -> list[Fragment]:
    assert header.pixels is not None
    header.source.seek(header.pixels.offset)
    parse_basic_offsets(header.source)
    _, offsets = parse_fragments(header.source)
    fragments = []
    for offset in offsets:
        header.source.seek(offset + 4)
        length = int.from_bytes(header.source.read(4), 'little')
        fragments.append(Fragment(offset + 8, length))
    end = header.pixels.offset + header.bytes_left()
    if not fragments or fragments[-1].offset + fragments[-1].length > end:
        raise UnreadableFileError(
            f'{header.name} is cut off: its compressed pixel data announce at least '
            f'{sum(length for _, length in fragments)} bytes, but have {header.bytes_left()}'
            if fragments else f'{header.name} has no compressed pixels')
    return fragments
