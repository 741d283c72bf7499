"""What a file may take, whatever it says of itself, before memory or time is spent on it.

Every reader asks here.  Each limit is far above ultrasound, and a variable in the environment,
`LDDM_AUG_MAX_FRAMES=1000000`, sets another:

    MAX_PIXELS      of a frame or a still, before and after it is decoded
    MAX_FRAMES      of a video, an animation or a folder of frames
    MAX_BYTES       of a video's decoded frames that are kept, in memory or in a prepared folder
    MAX_INFLATED    bytes of a deflated DICOM file; it is inflated in memory
    MAX_TEXT        bytes of a file of JSON, of a line where each is JSON, or of a table
    MAX_COLUMNS     of a table
    MAX_CELLS       of a table: rows times columns
"""
from __future__ import annotations

import os
from pathlib import Path

PREFIX = 'LDDM_AUG_'
DEFAULTS = {
    'MAX_PIXELS': 25_000_000,
    'MAX_FRAMES': 100_000,                           # about an hour
    'MAX_BYTES': 4 << 30,                            # 90 s of 1024 × 768 grey at 60 frames a second
    'MAX_INFLATED': 512 << 20,
    'MAX_TEXT': 64 << 20,
    'MAX_COLUMNS': 200_000,
    'MAX_CELLS': 10_000_000,
}
UNITS = {'MAX_PIXELS': 'pixels a frame', 'MAX_FRAMES': 'frames',
         'MAX_BYTES': 'bytes of decoded frames', 'MAX_INFLATED': 'bytes when inflated',
         'MAX_TEXT': 'bytes', 'MAX_COLUMNS': 'columns', 'MAX_CELLS': 'cells'}


def limit_of(name: str) -> int:
    """A limit, as the environment sets it, or the default.

    Raises:
        ValueError: if the environment has no whole number above 0.
    """
    text = os.environ.get(PREFIX + name)
    if text is None:
        return DEFAULTS[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text)):
        raise ValueError(f'{PREFIX}{name} must be a whole number from 1 on, but the environment '
                         f'has {text[:80]!r}')
    return int(text)


def refuse_above(name: str, value: int, source: str | Path,
                 error: type[ValueError] = ValueError) -> None:
    """Raise an error if a file has more than a limit.

    Args:
        name: of the limit, as MAX_FRAMES.
        value: what the file has, at least.
        source: the file, for the message.
        error: class of the error.
    """
    most = limit_of(name)
    if value > most:
        raise error(f'{source} has at least {value} {UNITS[name]}, but the limit is {most}; if '
                    f'that is right, set {PREFIX}{name} in the environment')
