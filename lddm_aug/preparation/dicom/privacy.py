"""Keyed hashes instead of names, and errors that quote nothing.

What pydicom raises or warns may quote values, so all of it is replaced by fixed sentences, outside
of `except`, where no traceback could show what came before.
"""
from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pydicom

from lddm_aug.data.frames import UnreadableFileError

try:
    import gdcm
    for _switch_off in (gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff, gdcm.Trace.DebugOff):
        _switch_off()
except ImportError:                                  # no wheel for every machine; pydicom's own
    pass                                             # decoders and Pillow read most files

KEY_BYTES = 32

Result = TypeVar('Result')


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


def keyed_hash(key: bytes, what: str, value: str = '') -> str:
    message = f'{what}:{value}'.encode(errors='surrogateescape')
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:20]


def hashed_name(key: bytes, path: str) -> str:
    """By which a file stands in tables and messages."""
    return 'dcm-' + keyed_hash(key, 'file', path)


def or_unreadable(work: Callable[[], Result], name: str, reason: str) -> Result:
    """What `work` gives; whatever it raises is forgotten, and one of our own sentences said.

    Args:
        name: of the file, which begins the sentence.
        reason: its end, where nothing better is known.

    Raises:
        UnreadableFileError: if `work` raises anything.
    """
    with _quiet():
        try:
            return work()
        except UnreadableFileError as error:
            sentence = str(error)                    # our own words
        except MemoryError:
            sentence = f'{name} needs more memory than is free'
        except OSError as error:
            sentence = f'{name} ' + (f'cannot be opened: {os.strerror(error.errno)}'
                                     if error.errno else reason)
        except Exception:
            sentence = f'{name} {reason}'
    raise UnreadableFileError(sentence)


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
