"""DICOM files with patients that never existed."""
from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

from lddm_aug.preparation.dicom import list_dicom

KEY = bytes(range(32))
PATIENT = {'PatientName': 'Zanzibar^Quetzal', 'PatientID': 'MRN-4711-0815',
           'PatientBirthDate': '19230417', 'OtherPatientIDs': 'OTHER-555',
           'AccessionNumber': 'ACC-98765', 'InstitutionName': 'Hospital of Nowhere',
           'ReferringPhysicianName': 'Doctor^Strangelove', 'StudyDate': '20190203',
           'PatientAddress': '12 Hidden Lane'}


@pytest.fixture
def make_dicom():
    """Writes pixels as a file; the tags say what they are."""
    def make_dicom(path: Path, pixels: np.ndarray, photometric: str = 'MONOCHROME2',
                   syntax: UID = ExplicitVRLittleEndian, encoded: list[bytes] | None = None,
                   raw: bytes | None = None, **tags) -> Dataset:
        """
        Args:
            pixels: (H, W[, 3]) or (T, H, W[, 3]), stored as they are.
            encoded: is stored instead, one fragment each.
            raw: is stored instead, without compression.
            tags: those that are None are left away.
        """
        colour = pixels.shape[-1] == 3
        frames = pixels if pixels.ndim == 3 + colour else pixels[None]
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.SOPClassUID = UltrasoundMultiFrameImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
        dataset.StudyInstanceUID = generate_uid()
        dataset.Modality = 'US'
        dataset.Rows, dataset.Columns = frames.shape[1:3]
        dataset.SamplesPerPixel = 3 if colour else 1
        if colour:
            dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = photometric
        dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == 'i')
        if len(frames) > 1:
            dataset.NumberOfFrames = len(frames)
            dataset.FrameTime = 40
        if encoded is None:
            dataset.PixelData = np.ascontiguousarray(pixels).tobytes() if raw is None else raw
            dataset['PixelData'].VR = 'OB' if pixels.itemsize == 1 else 'OW'
        else:
            dataset.PixelData = encapsulate(encoded)
            dataset['PixelData'].VR = 'OB'
            dataset['PixelData'].is_undefined_length = True
        for name, value in {**PATIENT, **tags}.items():
            if value is None:
                dataset.pop(name, None)
            else:
                setattr(dataset, name, value)
        if 'BitsStored' in tags and 'HighBit' not in tags:
            dataset.HighBit = tags['BitsStored'] - 1
        dataset.add_new(0x00091010, 'LO', 'private Zanzibar')
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return dataset
    return make_dicom


@pytest.fixture
def set_raw():
    """Puts a value into a file that pydicom wouldn't write."""
    def set_raw(path: Path, tag: tuple[int, int], value: bytes) -> None:
        value += b' ' * (len(value) % 2)
        content = path.read_bytes()
        start = content.index(struct.pack('<HH', *tag))
        length, = struct.unpack('<H', content[start + 6:start + 8])
        path.write_bytes(content[:start + 6] + struct.pack('<H', len(value)) + value
                         + content[start + 8 + length:])
    return set_raw


class Read(NamedTuple):
    """role, fps, notes, and the frames: (T, H, W[, 3])."""
    role: str
    frames: np.ndarray
    fps: float | None
    notes: str


@pytest.fixture
def read(source: Path) -> Callable[[], Read]:
    """Reads the only file of the source."""
    def read() -> Read:
        listing = list_dicom(source, KEY)
        assert not listing.left_out, listing.left_out
        item, = listing.items
        recording = item.open()
        return Read(item.role, np.stack(list(recording.frames)), recording.fps,
                    '\n'.join(listing.notes))
    return read


@pytest.fixture
def reason(source: Path) -> Callable[[], str]:
    """Why the only file of the source can't be used."""
    def reason() -> str:
        listing = list_dicom(source, KEY)
        if listing.left_out:
            return listing.left_out[0].reason
        with pytest.raises(ValueError) as caught:  # noqa: PT011  tests look at the reason
            list(listing.items[0].open().frames)
        return str(caught.value)
    return reason


@pytest.fixture
def gdcm_encode():
    """Compresses a file by GDCM."""
    gdcm = pytest.importorskip('gdcm', reason='its encoder writes the file')

    def encode(path: Path, syntax: str) -> None:
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_encapsulated
    return encode


@pytest.fixture
def noise():
    def noise(*shape: int) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return noise


@pytest.fixture
def smooth():
    def smooth(*shape: int) -> np.ndarray:
        """Gradients, which JPEG hardly changes."""
        ramps = np.meshgrid(*(np.linspace(20, 220, length) for length in shape), indexing='ij')
        return np.mean(ramps, axis=0).astype(np.uint8)
    return smooth
