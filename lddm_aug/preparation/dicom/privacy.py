"""Keyed hashes instead of names, and errors without values.

Errors and warnings of pydicom may quote values.  They are replaced by fixed messages, raised
outside of `except`, so that a traceback doesn't show the original error.
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
except ImportError:                                  # pydicom's decoders and Pillow read most files
    pass

KEY_BYTES = 32

Result = TypeVar('Result')


def read_key(path: Path, make: bool) -> bytes:
    """The key in a file that only its owner can read; a new one if the file doesn't exist.

    Args:
        path: of the file.
        make: whether to make a new one.

    Raises:
        FileNotFoundError: if it doesn't exist and `make` is false.
        ValueError: if the file has no key.
    """
    if not path.exists():
        if not make:
            raise FileNotFoundError(f'{path}: the key is missing, without which files get other '
                                    'names; restore it, or name another --out')
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, 'wb') as opened:
            opened.write(secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f'{path} has no key of {KEY_BYTES} bytes; if nothing was prepared with '
                         'it, remove it')
    return key


def keyed_hash(key: bytes, what: str, value: str = '') -> str:
    """A hash of 20 hexadecimal digits, different for each kind `what` of value."""
    message = f'{what}:{value}'.encode(errors='surrogateescape')
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:20]


def hashed_name(key: bytes, path: str) -> str:
    """The name of a file in tables and messages."""
    return 'dcm-' + keyed_hash(key, 'file', path)


def or_unreadable(work: Callable[[], Result], name: str, reason: str) -> Result:
    """The result of `work`; all its errors are replaced by a message without values.

    Args:
        work: function.
        name: of the file, prefix of the message.
        reason: for errors without a specific message.

    Raises:
        UnreadableFileError: for any error of `work`.
    """
    with _quiet():
        try:
            return work()
        except UnreadableFileError as error:
            message = str(error)                     # without values already
        except MemoryError:
            message = f'{name} needs more memory than is free'
        except OSError as error:
            message = f'{name} ' + (f'cannot be opened: {os.strerror(error.errno)}'
                                    if error.errno else reason)
        except Exception:
            message = f'{name} {reason}'
    raise UnreadableFileError(message)


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
