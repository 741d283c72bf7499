"""Files of a few MB that would take hundreds, were they believed."""
from __future__ import annotations

import contextlib
import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from fuzzing.guard import guarded
from fuzzing.parsers import _read_dicom, _read_frames, _write_dicom
from PIL import Image

from lddm_aug.preparation.dicom.facts import read_facts

MIB = 100
SIDE = 15_008
INFLATED = 600 << 20


def write_mov(folder: Path) -> Path:
    """A black picture in a container that says 64 × 64."""
    def chunk(name: bytes, content: bytes) -> bytes:
        return (struct.pack('>I', len(content)) + name + content
                + struct.pack('>I', zlib.crc32(name + content)))

    squeeze = zlib.compressobj(1)
    rows = b''.join(squeeze.compress(bytes(SIDE + 1)) for _ in range(SIDE)) + squeeze.flush()
    path = folder / 'a.mov'
    with av.open(str(path), 'w') as container:
        stream: Any = container.add_stream('png', rate=25)
        stream.height = stream.width = 64
        stream.pix_fmt = 'gray'
        packet = av.Packet(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack(
            '>2I5B', SIDE, SIDE, 8, 0, 0, 0, 0)) + chunk(b'IDAT', rows) + chunk(b'IEND', b''))
        packet.stream, packet.time_base = stream, Fraction(1, 25)
        packet.pts = packet.dts = 0
        container.mux(packet)
    return path


def write_apng(folder: Path) -> Path:
    """Three pictures, and behind them a chunk that announces 2 GB."""
    path = folder / 'a.apng'
    pictures = [Image.new('L', (9, 7), 40 * number) for number in range(3)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    content = path.read_bytes()
    at = content.rindex(b'fdAT') - 4
    path.write_bytes(content[:at] + struct.pack('>I', 2**31 - 1) + content[at + 4:])
    return path


def write_array(folder: Path) -> Path:
    """A million frames, of which the disk holds none."""
    path, shape = folder / 'a.npy', (10**6, 64, 64)
    with path.open('wb') as file:
        np.lib.format.write_array_header_1_0(
            file, {'descr': '|u1', 'fortran_order': False, 'shape': shape})
        file.truncate(file.tell() + int(np.prod(shape)))
    return path


def write_deflated(folder: Path) -> Path:
    """DICOM whose pixels are zeros."""
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    _write_dicom(folder, syntax=DeflatedExplicitVRLittleEndian)
    path = folder / 'benign/a.dcm'
    content = path.read_bytes()
    start = 132 + 12 + int.from_bytes(content[140:144], 'little')     # after the meta information
    dataset = zlib.decompress(content[start:], -15)
    at = dataset.index(b'\xe0\x7f\x10\x00')
    squeeze = zlib.compressobj(1, wbits=-15)
    with path.open('wb') as file:
        file.write(content[:start] + squeeze.compress(
            dataset[:at] + b'\xe0\x7f\x10\x00OB\0\0' + struct.pack('<I', INFLATED)))
        for _ in range(INFLATED >> 20):
            file.write(squeeze.compress(bytes(1 << 20)))
        file.write(squeeze.flush())
    return path


def write_jpeg_2000(folder: Path) -> Path:
    """DICOM of 8 × 6 pixels that holds a JPEG 2000, which says that it is large."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    encoded = io.BytesIO()
    Image.new('L', (8, 8)).save(encoded, 'JPEG2000', irreversible=False, no_jp2=True)
    large = bytearray(encoded.getvalue())
    at = large.index(b'\xff\x51') + 6                # sides of the picture and of its tiles
    large[at:at + 8] = large[at + 16:at + 24] = struct.pack('>2I', SIDE, SIDE)
    _write_dicom(folder, syntax=JPEG2000Lossless, NumberOfFrames=1,
                 PixelData=encapsulate([bytes(large)]))
    return folder / 'benign/a.dcm'


@pytest.mark.parametrize('what, write, read', [
    (f'mov of {SIDE}² pixels', write_mov, _read_frames('a.mov')),
    ('animated PNG with a chunk of 2 GB', write_apng, _read_frames('a.apng')),
    ('.npy of a million frames that take no disk', write_array, _read_frames('a.npy')),
    (f'deflated DICOM of {INFLATED >> 20} MiB', write_deflated,
     lambda folder: read_facts(folder / 'benign/a.dcm', 'a', 'PatientID')),
    (f'JPEG 2000 of {SIDE}² pixels in DICOM', write_jpeg_2000, _read_dicom)])
def test_a_small_file_takes_little_memory_whatever_it_says(tmp_path, count_in, what, write,
                                                           read):
    count_in(f'{what}: memory, at most', 'MiB', MIB)
    tmp_path = tmp_path / 'files'
    tmp_path.mkdir()
    path = write(tmp_path)
    assert path.stat().st_blocks * 512 < 6 << 20
    said: list[str] = []
    with contextlib.suppress(ValueError):            # imports what it needs
        read(tmp_path)
    with guarded(tmp_path, said, MIB << 20):
        read(tmp_path)
    assert bool(said) == (write is not write_apng)   # of which the pictures are there
