"""What files are called, in a form that every table and terminal takes."""
from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from lddm_aug.preparation.endings import is_read

NAMED = 5                                            # of several, in a message
UNDECODABLE = re.compile('[\udc80-\udcff]')          # a byte that isn't UTF-8, as Python keeps it


def printable(name: str) -> str:
    r"""A name with control characters and bytes that aren't UTF-8 escaped: 'M\xfcller', 'a\nb'.

    Other names stay as they are, but for backslashes, which are doubled; so no two become one.
    """
    return without_traps(name.replace('\\', '\\\\'))


def without_traps(message: str) -> str:
    """A message in which control characters and bytes that aren't UTF-8 are escaped."""
    decoded = os.fsencode(message).decode('utf-8', 'backslashreplace')
    return re.sub('[\0-\x1f\x7f-\x9f\u2028\u2029]',
                  lambda match: match[0].encode('unicode_escape').decode(), decoded)


def reason_of(error: Exception, root: Path | None) -> str:
    """What an error says, in a form that every table takes, paths relative to the root."""
    if isinstance(error, OSError) and error.strerror:
        return f'cannot be opened ({error.strerror})'
    message = str(error) if root is None else str(error).replace(f'{root}{os.sep}', '')
    return without_traps(message)


def first_of(names: Iterable[str]) -> str:
    """Names for a message, the first of many."""
    names = list(names)
    return ', '.join(names[:NAMED]) + ', …' * (len(names) > NAMED)


def as_value(name: str) -> str:
    """A folder's name as a class or a group: as the same name in a table would be read."""
    return unicodedata.normalize('NFC', printable(name)).strip()


def without_ending(name: str) -> str:
    """A name without the ending of a video or a still; what else follows a dot stays."""
    return str(PurePosixPath(name).with_suffix('')) if is_read(PurePosixPath(name)) else name
