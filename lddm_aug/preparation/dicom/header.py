"""The tags of one file; invalid optional tags are ignored."""
from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import pydicom
from pydicom import config
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import _read_file_meta_info, read_partial, read_preamble
from pydicom.multival import MultiValue
from pydicom.pixels import get_decoder
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGTransferSyntaxes,
    MPEGTransferSyntaxes,
)

from lddm_aug.data.frames import UnreadableFileError, check_max_pixels
from lddm_aug.limits import refuse_above
from lddm_aug.preparation.dicom.streams import Fragment, JoinedFragments

PATIENT_TAGS = ('PatientID', 'StudyInstanceUID', 'PatientName', 'PatientBirthDate',
                'OtherPatientIDs', 'AccessionNumber')
SERIES_TAGS = ('SeriesInstanceUID', 'InstanceNumber', 'TemporalPositionIdentifier',
               'AcquisitionDateTime', 'AcquisitionTime', 'ContentTime')
PICTURE_TAGS = (
    'SOPClassUID', 'Modality', 'Rows', 'Columns', 'NumberOfFrames', 'SamplesPerPixel',
    'PhotometricInterpretation', 'PlanarConfiguration', 'BitsAllocated', 'BitsStored', 'HighBit',
    'PixelRepresentation', 'PixelPaddingValue', 'PixelSpacing', 'PixelAspectRatio',
    'ModalityLUTSequence', 'RescaleSlope', 'RescaleIntercept', 'VOILUTSequence', 'WindowCenter',
    'WindowWidth', 'VOILUTFunction', 'PresentationLUTShape', 'SharedFunctionalGroupsSequence',
    'PerFrameFunctionalGroupsSequence', 'FrameTime', 'FrameTimeVector', 'CineRate',
    'RecommendedDisplayFrameRate', 'SequenceOfUltrasoundRegions', 'BurnedInAnnotation',
    *(f'{kind}{colour}PaletteColorLookupTable{part}' for colour in ('Red', 'Green', 'Blue')
      for kind, part in (('', 'Descriptor'), ('', 'Data'), ('Segmented', 'Data'))))

PIXEL_TAGS = {0x7FE00010: 'PixelData', 0x7FE00008: 'FloatPixelData',
              0x7FE00009: 'DoubleFloatPixelData'}
GREY = {'MONOCHROME1', 'MONOCHROME2'}
HALVED = {'YBR_FULL_422', 'YBR_PARTIAL_422'}         # with subsampled chroma
COLOUR = {'RGB', 'YBR_FULL', 'YBR_ICT', 'YBR_RCT', 'YBR_PARTIAL_420', *HALVED}
WITHOUT_PICTURE = {'SR', 'PR', 'KO', 'DOC', 'REG', 'AU'}              # modalities
UNDEFINED_LENGTH = 0xFFFFFFFF
CHUNK_BYTES = 1 << 16

PixelTag = tuple[int, str | None, int]               # tag, VR (None if implicit), length


class PixelElement(NamedTuple):
    """Position of the pixel data in a file.

    Attributes:
        keyword: PixelData, FloatPixelData or DoubleFloatPixelData.
        vr: OB, OW, ...
        offset: of the first byte.
        length: announced bytes; None if undefined, as for encapsulated data.
    """
    keyword: str
    vr: str
    offset: int
    length: int | None


class Layout(NamedTuple):
    """Storage of the samples of a frame; allocated, stored and high are in bits."""
    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: int


class Header:
    """Tags of a file, and the position of its pixel data.

    Args:
        file: read up to the pixel data.
        name: for messages.
        tags: to read in addition to PICTURE_TAGS.

    Attributes:
        source: file with the pixel data; inflated if it was deflated.
        pixels: position of the pixel data; None if there are none.
        syntax: the transfer syntax.
        ignored: optional tags with invalid values.

    Raises:
        UnreadableFileError: if it is no DICOM file.
    """

    def __init__(self, file: BinaryIO, name: str, tags: Sequence[str] = ()) -> None:
        self.name = name
        self.ignored: set[str] = set()
        if file.read(4) == b'DICM':                  # without its preamble
            size = file.seek(0, os.SEEK_END)
            file = JoinedFragments(file, [Fragment(4, size - 4)])    # type: ignore[assignment]
        _check_inflated(file, name)
        self.dataset, found = _read(file, tags, name)
        self.source: BinaryIO = self.dataset.buffer or file          # type: ignore[assignment]
        self.pixels = None
        implicit, little = self.dataset.original_encoding
        if found:
            tag, vr, length = found
            implicit = vr is None                    # the transfer syntax may be wrong
            self.pixels = PixelElement(
                PIXEL_TAGS[tag], vr or 'OW', self.source.tell() + (8 if implicit else 12),
                None if length == UNDEFINED_LENGTH else length)
        self.is_little_endian = bool(little)
        self.names_syntax = bool(self.dataset.file_meta.get('TransferSyntaxUID'))
        self.syntax = self.dataset.file_meta.get('TransferSyntaxUID') or (
            ImplicitVRLittleEndian if implicit else
            ExplicitVRLittleEndian if little else ExplicitVRBigEndian)
        if not self._class() and 'Rows' not in self.dataset:
            raise UnreadableFileError(f'{name} cannot be read as DICOM: it has neither Rows nor '
                                      'SOPClassUID; is it of another format, cut off or damaged?')

    # ── optional tags ──

    def value(self, keyword: str, group: Dataset | None = None) -> Any:
        """Value of a tag, first in a functional group; None if missing, blank or unreadable."""
        try:
            value = None if group is None else group.get(keyword)
            value = self.dataset.get(keyword) if value is None else value
        except Exception:
            self.ignored.add(keyword)
            return None
        return None if value is None or (isinstance(value, str) and not value.strip()) else value

    def text(self, keyword: str, group: Dataset | None = None) -> str:
        """Text of a tag; blank if it is missing."""
        try:
            value = self.value(keyword, group)
            return '' if value is None else str(value).strip(' \0')
        except Exception:
            return ''

    def numbers(self, keyword: str) -> list[float]:
        """Numbers of a tag; empty if it is missing, or one of them is invalid."""
        value = self.value(keyword)
        if value is None:
            return []
        several = isinstance(value, (list, tuple, MultiValue))
        return self._finite(keyword, value if several else [value])

    def number(self, keyword: str, group: Dataset | None = None) -> float | None:
        """The first number of a tag; None if it is missing or invalid."""
        value = self.value(keyword, group)
        if isinstance(value, (list, tuple, MultiValue)):
            value = value[0] if len(value) else None
        return None if value is None else next(iter(self._finite(keyword, [value])), None)

    def _finite(self, keyword: str, values: Sequence[Any]) -> list[float]:
        try:
            numbers = [float(value) for value in values]
            if all(map(math.isfinite, numbers)):
                return numbers
        except (TypeError, ValueError):
            pass
        self.ignored.add(keyword)
        return []

    def items(self, keyword: str) -> list[Dataset]:
        """Items of a sequence; empty if it is missing or invalid."""
        value = self.value(keyword)
        if value is None or isinstance(value, pydicom.Sequence):
            return list(value or ())
        self.ignored.add(keyword)
        return []

    def functional_group(self, keyword: str) -> Dataset | None:
        """Functional group of an enhanced object: the shared one, or that of the first frame."""
        for groups in ('SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence'):
            for group in self.items(groups)[:1]:
                for item in (group.get(keyword) or ())[:1]:
                    return item
        return None

    # ── required tags ──

    def layout(self) -> Layout:
        """Storage of the samples of a frame.

        Raises:
            UnreadableFileError: if there are no pixels, or tags are missing or contradictory.
        """
        if self.pixels is None:
            raise UnreadableFileError(f'{self.name} has no pixels; is it cut off, or were they '
                                      'removed?')
        rows, columns = (self._required(keyword) for keyword in ('Rows', 'Columns'))
        if rows < 1 or columns < 1:
            raise UnreadableFileError(f'{self.name} announces {rows} rows and {columns} columns: '
                                      'it has no pixels')
        check_max_pixels(self.name, columns, rows)
        photometric = self.text('PhotometricInterpretation').upper()
        if photometric not in {*GREY, *COLOUR, 'PALETTE COLOR'}:
            raise UnreadableFileError(
                f'{self.name} has an unsupported PhotometricInterpretation; convert it to '
                'MONOCHROME2 or RGB' if photometric else
                f'{self.name} lacks the tag PhotometricInterpretation')
        samples = 3 if photometric in COLOUR else 1
        allocated = self._required('BitsAllocated')
        if allocated not in (1, 8, 16, 32, 64):
            raise UnreadableFileError(f'{self.name} has {allocated} BitsAllocated; 1, 8, 16, 32 and'
                                      ' 64 are supported')
        stored = self._whole('BitsStored', allocated)
        high = self._whole('HighBit', stored - 1)
        announced = self._whole('SamplesPerPixel', samples)
        if announced != samples or not 0 < stored <= allocated:
            raise UnreadableFileError(
                f'{self.name} contradicts itself: {photometric} with SamplesPerPixel {announced}, '
                f'BitsAllocated {allocated} and BitsStored {stored}')
        if not stored - 1 <= high < allocated:
            self.ignored.add('HighBit')
            high = stored - 1
        return Layout(rows, columns, samples, photometric, allocated, stored, high,
                      self._whole('PixelRepresentation', 0) == 1,
                      0 if photometric in HALVED else self._whole('PlanarConfiguration', 0))

    def require_decoder(self) -> None:
        """Raise UnreadableFileError for a transfer syntax without a decoder."""
        if self.pixels is not None and self.pixels.length is None and not self.names_syntax:
            raise UnreadableFileError(f'{self.name} is compressed, but lacks TransferSyntaxUID')
        if self.syntax not in MPEGTransferSyntaxes:
            try:
                decoder = get_decoder(self.syntax)
            except NotImplementedError:
                raise UnreadableFileError(
                    f'{self.name}: there is no decoder for {self.syntax_name}; convert it to an '
                    'uncompressed transfer syntax') from None
            if not decoder.is_available:
                raise UnreadableFileError(
                    f'{self.name}: no decoder for {self.syntax_name} is installed; install '
                    f'{" or ".join(decoder.missing_dependencies)}')
            if (self.syntax in JPEGTransferSyntaxes and self.number('SamplesPerPixel') == 3
                    and decoder.available_plugins == ('pillow',)):   # converts some colours itself
                raise UnreadableFileError(f'{self.name}: colours of {self.syntax_name} need GDCM'
                                          '; install python-gdcm')
        if self.pixels is not None and (
                self.syntax.is_encapsulated != (self.pixels.length is None)):
            raise UnreadableFileError(
                f'{self.name}: its transfer syntax is {self.syntax_name}, but its pixel data are '
                f'{"not " * self.syntax.is_encapsulated}compressed')

    @property
    def syntax_name(self) -> str:
        """Name of the transfer syntax, for messages."""
        return (f'{self.syntax.name} ({self.syntax})' if self.syntax.name != self.syntax else
                'its private transfer syntax')

    def bytes_left(self) -> int:
        """Bytes of the pixel data in the file."""
        assert self.pixels is not None
        end = self.source.seek(0, os.SEEK_END)
        left = max(0, end - self.pixels.offset)
        return left if self.pixels.length is None else min(left, self.pixels.length)

    def without_picture(self) -> str:
        """Description of a file that has no pixels by design, such as a report; else blank."""
        if self.pixels is not None or 'Rows' in self.dataset:
            return ''
        if (modality := self.text('Modality')) in WITHOUT_PICTURE:
            return f'has no pixels: it is a document ({modality})'
        if self._class() and 'Image Storage' not in self._class():
            return f'has no pixels: it is of the kind {self._class()}'
        return ''

    def _class(self) -> str:
        uid = UID(self.text('SOPClassUID')
                  or str(self.dataset.file_meta.get('MediaStorageSOPClassUID', '')))
        return uid.name if uid.name != uid else ''   # blank for private classes

    def _required(self, keyword: str) -> int:
        number = self.number(keyword)
        if number is None:
            raise UnreadableFileError(f'{self.name} lacks the tag {keyword}, or it is no number')
        return int(number)

    def _whole(self, keyword: str, default: int) -> int:
        number = self.number(keyword)
        return default if number is None else int(number)


def _check_inflated(file: BinaryIO, name: str) -> None:
    """Raise UnreadableFileError for a deflated file that would inflate to more than MAX_INFLATED.

    It is inflated piece by piece, of which none stays.
    """
    file.seek(0)
    read_preamble(file, force=True)
    syntax = _read_file_meta_info(file).get('TransferSyntaxUID')
    if syntax != DeflatedExplicitVRLittleEndian:
        return
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while piece := file.read(CHUNK_BYTES):
        while piece and not inflate.eof:             # what follows the end is padding
            size += len(inflate.decompress(piece, CHUNK_BYTES))
            refuse_above('MAX_INFLATED', size, name, UnreadableFileError)
            piece = inflate.unconsumed_tail


def _read(file: BinaryIO, tags: Sequence[str], name: str
          ) -> tuple[FileDataset, PixelTag | None]:
    """Tags up to the pixel data, and the tag of the pixel data.

    Raises:
        UnreadableFileError: if a tag announces a value of more than MAX_TEXT.
    """
    specific: list[BaseTag | int] = [Tag(tag) for tag in (*PICTURE_TAGS, *tags)]
    found: list[PixelTag] = []

    def stop(tag: int, vr: str | None, length: int) -> bool:
        if tag in PIXEL_TAGS:
            found.append((tag, vr, length))
        elif tag in specific and length != UNDEFINED_LENGTH:         # others are passed over
            refuse_above('MAX_TEXT', length, f'a tag of {name}', UnreadableFileError)
        return tag in PIXEL_TAGS

    for switch in (True, False):
        file.seek(0)
        # pydicom reads an invalid VR as implicit VR, and loses its position if it isn't
        before, config.assume_implicit_vr_switch = config.assume_implicit_vr_switch, switch
        try:
            dataset = read_partial(file, stop, force=True, specific_tags=specific)
        finally:
            config.assume_implicit_vr_switch = before
        if found:
            break
    return dataset, found[-1] if found else None


def looks_like_dicom(beginning: bytes) -> bool:
    """Whether a file starts like DICOM, with or without its preamble.

    Args:
        beginning: the first 132 bytes.
    """
    if b'DICM' in (beginning[128:132], beginning[:4]):
        return True
    if len(beginning) < 12:
        return False
    for order in '<>':                               # without a preamble, it starts with 0002, 0008
        group, element, vr, _ = struct.unpack(f'{order}HH2sH', beginning[:8])
        if group in (2, 8) and element <= 0x100:
            if vr in (b'UL', b'CS', b'UI', b'LO', b'SH', b'DA', b'TM', b'DT', b'OB', b'IS'):
                return True
            if order == '<' and struct.unpack('<L', beginning[4:8])[0] < 1024:
                return True
    return False
