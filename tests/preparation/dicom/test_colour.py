"""What a JPEG holds, whatever its header says, against Pillow's picture of it."""
from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from pydicom.pixels import get_decoder
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

ADOBE = b'\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00'             # and whether it is YCbCr


@pytest.fixture
def colours(noise) -> np.ndarray:
    """Patches on black, as colour Doppler is."""
    blurred = cv2.GaussianBlur(noise(48, 64, 3), (0, 0), 4)
    picture = cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX)
    picture[:, :24] = 0
    return picture


def jpeg(picture: np.ndarray, is_rgb: bool, ids: bytes = b'', marker: bytes = b'') -> bytes:
    """Without any marker of an application but this one; the components are called so."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, 'JPEG', quality=97, subsampling=0, keep_rgb=is_rgb)
    content = bytearray(file.getvalue())
    while content[2] == 0xff and 0xe0 <= content[3] <= 0xef:
        del content[2:4 + int.from_bytes(content[4:6], 'big')]
    for start, step in ((content.index(b'\xff\xc0') + 10, 3), (content.index(b'\xff\xda') + 5, 2)):
        for number, name in enumerate(ids):
            content[start + step * number] = name
    return bytes(content[:2] + marker + content[2:])


JFIF = b'\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00'


@pytest.mark.parametrize('photometric', ['RGB', 'YBR_FULL', 'YBR_FULL_422'])
@pytest.mark.parametrize('is_rgb, ids, marker', [
    (False, b'', b''), (False, b'', JFIF), (False, b'', ADOBE + b'\1'), (True, b'RGB', b''),
    (True, b'RGB', ADOBE + b'\0'), (True, b'\1\2\3', ADOBE + b'\0')])
def test_the_jpeg_decides_whether_it_is_ycc(make_dicom, read, source, colours, photometric, is_rgb,
                                            ids, marker):
    make_dicom(source / 'benign/a.dcm', colours, photometric, JPEGBaseline8Bit,
               [jpeg(colours, is_rgb, ids, marker)])
    assert np.abs(read().frames[0].astype(int) - colours).mean() < 3


@pytest.mark.parametrize('ids, marker', [(b'\0\1\2', b''), (b'\1\2\3', b''),
                                             (b'\1\2\3', JFIF)])
def test_values_that_can_be_no_ycc_are_rgb_as_the_header_says(make_dicom, read, source, colours,
                                                              ids, marker):
    make_dicom(source / 'benign/a.dcm', colours, 'RGB', JPEGBaseline8Bit,
               [jpeg(colours, True, ids, marker)])
    assert np.abs(read().frames[0].astype(int) - colours).mean() < 3


def test_a_jpeg_that_keeps_less_of_the_colour_is_ycc(make_dicom, read, source, colours):
    file = io.BytesIO()
    Image.fromarray(colours).save(file, 'JPEG', quality=95)          # halved in both directions
    content = file.getvalue()
    bare = content[:2] + content[4 + int.from_bytes(content[4:6], 'big'):]
    make_dicom(source / 'benign/a.dcm', colours, 'RGB', JPEGBaseline8Bit, [bare])
    wanted = np.array(Image.open(io.BytesIO(content)))
    assert np.abs(read().frames[0].astype(int) - wanted).mean() < 3


def test_lossless_rgb_stays_as_it_is(make_dicom, read, source, colours, gdcm_encode):
    make_dicom(source / 'benign/a.dcm', colours, 'RGB')
    gdcm_encode(source / 'benign/a.dcm', 'JPEGLosslessProcess14_1')
    np.testing.assert_array_equal(read().frames[0], colours)


@pytest.mark.parametrize('photometric', ['RGB', 'YBR_RCT', 'YBR_FULL', 'YBR_FULL_422'])
def test_what_jpeg_2000_transforms_itself_is_rgb_whatever_the_header_says(
        make_dicom, read, source, colours, photometric):
    file = io.BytesIO()
    Image.fromarray(colours).save(file, 'JPEG2000', mct=1, no_jp2=True)
    make_dicom(source / 'benign/a.dcm', colours, photometric, JPEG2000Lossless, [file.getvalue()])
    np.testing.assert_array_equal(read().frames[0], colours)


def test_jpeg_2000_that_transforms_nothing_holds_what_the_header_says(make_dicom, read, source,
                                                                      colours):
    file = io.BytesIO()
    ycc = Image.fromarray(colours).convert('YCbCr')
    Image.fromarray(np.asarray(ycc)).save(file, 'JPEG2000', mct=0, no_jp2=True)
    make_dicom(source / 'benign/a.dcm', colours, 'YBR_FULL', JPEG2000Lossless, [file.getvalue()])
    assert np.abs(read().frames[0].astype(int) - colours).mean() < 2


def test_colours_that_pillow_alone_would_convert_twice_are_refused(make_dicom, reason, read, source,
                                                                   colours):
    make_dicom(source / 'benign/a.dcm', colours, 'YBR_FULL', JPEGBaseline8Bit,
               [jpeg(colours, False, marker=ADOBE + b'\1')])
    decoder = get_decoder(JPEGBaseline8Bit)
    available = dict(decoder._available)
    try:
        for name in available.keys() - {'pillow'}:
            del decoder._available[name]
        assert 'install python-gdcm' in reason()
    finally:
        decoder._available |= available              # behind Pillow, which isn't asked for all that
    assert np.abs(read().frames[0].astype(int) - colours).mean() < 3
