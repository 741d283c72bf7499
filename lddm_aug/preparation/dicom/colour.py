"""Detection of RGB or YCbCr in JPEG and JPEG 2000; headers are often wrong."""
from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import JPEGLossless, JPEGLosslessSV1

RGB_IDS = ([82, 71, 66], [114, 103, 98])             # the letters
J2K_START, J2K_CODING_STYLE = b'\xff\x4f\xff\x51', b'\xff\x52'
MARGIN = 32                                          # of JPEG's errors beyond 0 and 255
MAX_SHARE_BEYOND = 0.02


def is_ycc(encoded: bytes, photometric: str, samples: NDArray, syntax: str) -> bool:
    """Whether a JPEG contains YCbCr.

    Adobe's marker and components called R, G, B have precedence over a header with YBR.  A header
    with RGB is correct, unless the JPEG is YCbCr by the rules of other readers and its values are
    possible in YCbCr.

    Args:
        encoded: a JPEG.
        photometric: the header's PhotometricInterpretation.
        samples: (H, W, 3), decoded and not converted.
        syntax: UID of the transfer syntax.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=['JPEG']) as image:
            adobe, is_jfif = image.info.get('adobe_transform'), 'jfif' in image.info
            layers = list(getattr(image, 'layer', []))               # id, sampling, sampling, ...
    except Exception:                                # more than 8 bits: lossless if in colour
        return 'YBR' in photometric
    ids = [layer[0] for layer in layers]
    if adobe is not None:
        return adobe == 1
    if ids in RGB_IDS or 'YBR' in photometric:
        return ids not in RGB_IDS
    if any(layer[1:3] != layers[-1][1:3] for layer in layers):       # chroma is subsampled
        return True
    is_usually = is_jfif or (ids == [1, 2, 3] and syntax not in (JPEGLossless, JPEGLosslessSV1))
    return is_usually and _can_be_ycc(samples)


def becomes_rgb(encoded: bytes) -> bool:
    """Whether a JPEG 2000 has a colour transform to RGB, which decoders apply.

    They ignore the colours of the header.
    """
    place = encoded.find(J2K_START) + 2
    while place > 1 and encoded[place:place + 1] == b'\xff':
        if encoded[place:place + 2] == J2K_CODING_STYLE:
            return encoded[place + 8:place + 9] == b'\1'
        place += 2 + int.from_bytes(encoded[place + 2:place + 4], 'big')
    return False


def _can_be_ycc(samples: NDArray) -> bool:
    """Whether almost all samples are valid YCbCr; RGB's black and white aren't."""
    luma, blue, red = np.moveaxis(samples.astype(np.float32), -1, 0)
    blue, red = blue - 128, red - 128
    rgb = np.stack([luma + 1.402 * red, luma - 0.344 * blue - 0.714 * red, luma + 1.772 * blue])
    beyond = (rgb < -MARGIN) | (rgb > 255 + MARGIN)
    return bool(beyond.any(axis=0).mean() < MAX_SHARE_BEYOND)
