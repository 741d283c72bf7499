"""DICOM files, of which nothing that names a patient is kept.

Only the tags listed here are read.  Of those that name a patient, PatientID (or, where it is blank,
StudyInstanceUID) becomes the group through a keyed hash; the others serve to refuse folders named
after patients as classes.  A file's own name may be a patient's, so files, too, go by a keyed hash.
The key is random and lies outside the prepared folder: who has only the folder can't even try out
numbers.

What pydicom raises or warns may quote values, so all of it is replaced by fixed sentences, outside
of `except`, where no traceback could show what came before.
"""
from __future__ import annotations

import csv
import hashlib
import hmac
import logging
import os
import re
import secrets
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import iter_pixels
from pydicom.pixels.processing import apply_color_lut, apply_windowing

from lddm_aug.datasets.frames import Pixels, UnreadableFile, require_bearable_size
from lddm_aug.preparation.listing import (
    BAD,
    EXCLUDED,
    STILL,
    VIDEO,
    Item,
    LeftOut,
    Listing,
    Recording,
)
from lddm_aug.preparation.source_folder import SourceFolder, stamp

try:
    import gdcm
    for _switch_off in (gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff, gdcm.Trace.DebugOff):
        _switch_off()
except ImportError:                                  # no wheel for every machine; pydicom's own
    pass                                             # decoders and Pillow read most files

PATIENT_TAGS = ('PatientID', 'StudyInstanceUID', 'PatientName', 'PatientBirthDate',
                'OtherPatientIDs', 'AccessionNumber')
PICTURE_TAGS = (
    'Rows', 'Columns', 'NumberOfFrames', 'SamplesPerPixel', 'PhotometricInterpretation',
    'PlanarConfiguration', 'BitsAllocated', 'BitsStored', 'HighBit', 'PixelRepresentation',
    'WindowCenter', 'WindowWidth', 'FrameTime', 'CineRate', 'RecommendedDisplayFrameRate',
    'SequenceOfUltrasoundRegions', 'BurnedInAnnotation', 'Modality',
    *(f'{kind}{colour}PaletteColorLookupTable{part}' for colour in ('Red', 'Green', 'Blue')
      for kind, part in (('', 'Descriptor'), ('', 'Data'), ('Segmented', 'Data'))))
SUFFIXES = {'.dcm', '.dicom', '.ima'}
WITHOUT_PICTURE = {'SR', 'PR', 'KO', 'DOC', 'REG', 'AU'}              # modalities
KEY_BYTES = 32

Result = TypeVar('Result')


def list_dicom(root: str | Path, key: bytes, label: str | None = None,
               label_table: str | Path | None = None) -> Listing:
    """Single frames as stills and multi-frame files as videos.

    Args:
        root: holds a folder for each class, unless labels are given otherwise.
        key: of the hashes; another one gives other names and groups.
        label: class of everything.
        label_table: CSV with the columns path and label; other files are left out.

    Raises:
        ValueError: if a class folder is named after a patient, or the table can't be used.
    """
    source = SourceFolder(root)
    labels = None if label_table is None else _read_labels(label_table)
    listing = Listing(settings={'source': 'dicom', 'key': _hash(key, 'key')})
    blank_ids = burnt_in = whole = others = 0
    found: set[str] = set()
    linked: list[LeftOut] = []
    unlabelled: list[LeftOut] = []
    for here, files in source.walk(linked):
        for path in files:
            relative = source.name(path)
            name = _name(key, relative)
            if not _looks_like_dicom(path):
                others += 1
                continue
            found.add(relative)
            if labels is not None and relative not in labels:
                unlabelled.append(LeftOut(name, EXCLUDED, 'the table of labels lacks it'))
                continue
            of_folder = label is None and labels is None
            if of_folder and here == source.root:
                unlabelled.append(LeftOut(name, EXCLUDED, 'lies in no class folder'))
                continue
            try:
                header = _read_header(path, name)
            except UnreadableFile as error:
                listing.left_out.append(LeftOut(name, BAD, str(error)))
                continue
            if header is None:
                listing.left_out.append(LeftOut(name, EXCLUDED, 'holds a document, no picture'))
                continue
            if of_folder:
                its_label = here.relative_to(source.root).parts[0]
                if _words(its_label) & header['patient_words']:
                    raise ValueError(
                        'the folders below SOURCE are named after patients, so they can be no '
                        'classes; sort the files into a folder for each class, or use '
                        '--label-table or --label')
            else:
                its_label = label or (labels or {})[relative]
            blank_ids += header['blank_id']
            burnt_in += header['burnt_in']
            whole += header['region'] is None
            listing.items.append(_item(path, name, its_label, header, key))
    listing.left_out += unlabelled
    listing.left_out += [LeftOut(_name(key, each.source), BAD,
                                 'is a link that is not followed') for each in linked]
    listing.notes = [
        'groups: a keyed hash of PatientID' + (
            f', in {blank_ids} files, where it is blank, of StudyInstanceUID' * bool(blank_ids)),
        f'{others} files are not DICOM' * bool(others),
        f'{len(labels.keys() - found)} rows of the table of labels name no DICOM file that is there'
        if labels and labels.keys() - found else '',
        f'{whole} files name no ultrasound region and are kept whole: look for names burnt into '
        'them before you hand them on' * bool(whole),
        f'{burnt_in} files say that text is burnt into them' * bool(burnt_in)]
    listing.notes = [note for note in listing.notes if note]
    return listing


def find_file(root: str | Path, key: bytes, name: str) -> Path | None:
    """The file behind a name in the tables."""
    source = SourceFolder(root)
    return next((path for _, files in source.walk([]) for path in files
                 if _name(key, source.name(path)) == name), None)


def read_key(path: Path, make: bool) -> bytes:
    """The key in a file that only its owner can read; a new one, if there is none.

    Args:
        make: whether a new one may be made.

    Raises:
        FileNotFoundError: if it isn't there and may not be made.
        ValueError: if the file holds no key.
    """
    if not path.exists():
        if not make:
            raise FileNotFoundError(f'{path}: the key is missing, without which the same files '
                                    'get other names; put it back, or name another --out')
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, 'wb') as opened:
            opened.write(secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f'{path} holds no key of {KEY_BYTES} bytes; if nothing was prepared '
                         'with it, remove it')
    return key


def _hash(key: bytes, what: str, value: str = '') -> str:
    message = f'{what}:{value}'.encode(errors='surrogateescape')
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:20]


def _name(key: bytes, path: str) -> str:
    return 'dcm-' + _hash(key, 'file', path)


def _words(*values: str) -> set[str]:
    return {word for value in values for word in re.split(r'[\W_]+', value.casefold())
            if len(word) > 2}


def _read_labels(table: str | Path) -> dict[str, str]:
    with Path(table).open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        if not {'path', 'label'} <= set(reader.fieldnames or ()):
            raise ValueError('the table of labels needs the columns path and label')
        labels = {}
        for row in reader:
            path, label = ((row[name] or '').strip() for name in ('path', 'label'))
            if not path or not label:
                raise ValueError(f'line {reader.line_num} of the table of labels lacks a value')
            labels[path] = label
    return labels


def _looks_like_dicom(path: Path) -> bool:
    if path.name == 'DICOMDIR' or not path.is_file():
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open('rb') as file:
            return file.read(132)[128:] == b'DICM'
    except OSError:
        return True                                  # which is then said to be unreadable


# ── what pydicom says never leaves this part ──

@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger('pydicom')
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), pydicom.config.disable_value_validation():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.disabled = disabled


def _or_unreadable(work: Callable[[], Result], sentence: str) -> Result:
    """What `work` gives; whatever it raises is forgotten, and the sentence said instead."""
    with _quiet():
        try:
            return work()
        except UnreadableFile as error:
            sentence = str(error)                    # our own words
        except Exception:
            pass
    raise UnreadableFile(sentence)


def _read_header(path: Path, name: str) -> dict[str, Any] | None:
    """What is needed to list a file; None if it is made to hold no picture."""
    def read() -> dict[str, Any] | None:
        if path.stat().st_size == 0:
            raise UnreadableFile(f'{name} is empty: it has 0 bytes')
        header = pydicom.dcmread(path, stop_before_pixels=True,
                                 specific_tags=[*PATIENT_TAGS, *PICTURE_TAGS])
        if 'Rows' not in header and header.get('Modality') in WITHOUT_PICTURE:
            return None
        require_bearable_size(name, header.Columns, header.Rows)
        if header.get('PixelRepresentation') == 1:
            raise UnreadableFile(f'{name} holds signed values, which no ultrasound has')
        patient = {tag: str(header.get(tag) or '').strip() for tag in PATIENT_TAGS}
        study = patient.pop('StudyInstanceUID')
        return {
            'frames': int(header.get('NumberOfFrames') or 1),
            'fps': _fps(header),
            'region': _region(header),
            'burnt_in': header.get('BurnedInAnnotation') == 'YES',
            'patient': patient['PatientID'] or study or name,
            'blank_id': not patient['PatientID'],
            'patient_words': _words(*patient.values())}

    return _or_unreadable(read, f'{name} cannot be read as DICOM; is it cut off or damaged?')


def _item(path: Path, name: str, label: str, header: dict[str, Any], key: bytes) -> Item:
    region, fps, count = header['region'], header['fps'], header['frames']

    def open_() -> Recording:
        return Recording((frame[region] if region else frame
                          for frame in _read_pixels(path, name, count)), fps)

    return Item(source=name, label=label,
                group='patient-' + _hash(key, 'group', header['patient']),
                role=VIDEO if count > 1 else STILL,
                stamp=_hash(key, 'stamp', stamp(path)), open=open_)


def _read_pixels(path: Path, name: str, count: int) -> Iterator[Pixels]:
    header = _or_unreadable(
        lambda: pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*PICTURE_TAGS]),
        f'{name} cannot be read as DICOM; is it cut off or damaged?')
    sentence = (f'{name} cannot be decoded: it is cut off or damaged, or compressed in a way for '
                'which no decoder is installed')
    decoded = _or_unreadable(lambda: iter_pixels(path), sentence)
    for _ in range(count):
        yield _or_unreadable(lambda: _to_8_bits(next(decoded), header), sentence)


def _to_8_bits(frame: NDArray, header: pydicom.Dataset) -> Pixels:
    """Grey or RGB, brighter where there is more echo; (H, W) or (H, W, 3)."""
    bits = header.BitsStored
    if header.PhotometricInterpretation == 'PALETTE COLOR':
        frame = apply_color_lut(frame, header)
        bits = 8 * frame.dtype.itemsize
    elif bits > 8 and 'WindowCenter' in header:
        frame = apply_windowing(frame, header)
    if bits != 8:
        frame = np.clip(np.round(frame * (255 / (2 ** bits - 1))), 0, 255)
    if header.PhotometricInterpretation == 'MONOCHROME1':
        frame = 255 - frame
    return np.array(frame, np.uint8)


def _fps(header: pydicom.Dataset) -> float | None:
    if time := float(header.get('FrameTime') or 0):                  # ms
        return 1000 / time
    rate = float(header.get('CineRate') or header.get('RecommendedDisplayFrameRate') or 0)
    return rate or None


def _region(header: pydicom.Dataset) -> tuple[slice, slice] | None:
    """Rows and columns of the largest two-dimensional ultrasound image; None if none is named."""
    found = []
    for region in header.get('SequenceOfUltrasoundRegions') or ():
        if region.get('RegionSpatialFormat') != 1:                   # 2D
            continue
        top, bottom = max(0, region.RegionLocationMinY0), region.RegionLocationMaxY1 + 1
        left, right = max(0, region.RegionLocationMinX0), region.RegionLocationMaxX1 + 1
        bottom, right = min(bottom, header.Rows), min(right, header.Columns)
        if top < bottom and left < right:
            found.append(((bottom - top) * (right - left), top, bottom, left, right))
    if not found:
        return None
    _, top, bottom, left, right = max(found)
    return slice(top, bottom), slice(left, right)
