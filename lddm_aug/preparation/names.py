"""Names of files in a form for every table and terminal."""
from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from lddm_aug.preparation.endings import is_read

NAMED = 5                                            # names in a message, at most
UNDECODABLE = re.compile('[\udc80-\udcff]')          # Python's surrogate of a byte that isn't UTF-8


def printable(name: str) -> str:
    r"""A name with control characters and bytes that aren't UTF-8 escaped: 'M\xfcller', 'a\nb'.

    Backslashes are doubled, so that different names stay different.  Other names are unchanged.
    """
    return escape_control(name.replace('\\', '\\\\'))


def escape_control(message: str) -> str:
    """A message in which control characters and bytes that aren't UTF-8 are escaped."""
    decoded = os.fsencode(message).decode('utf-8', 'backslashreplace')
    return re.sub('[\0-\x1f\x7f-\x9f\u2028\u2029]',
                  lambda match: match[0].encode('unicode_escape').decode(), decoded)


def reason_of(error: Exception, root: Path | None) -> str:
    """The message of an error in a form for every table, with paths relative to the root."""
    if isinstance(error, OSError) and error.strerror:
        return f'cannot be opened ({error.strerror})'
    message = str(error) if root is None else str(error).replace(f'{root}{os.sep}', '')
    return escape_control(message)


def first_of(names: Iterable[str]) -> str:
    """Names for a message, shortened to the first five."""
    names = list(names)
    return ', '.join(names[:NAMED]) + ', …' * (len(names) > NAMED)


def as_value(name: str) -> str:
    """A folder's name as a class or a group: equal to the same name read from a table."""
    return unicodedata.normalize('NFC', printable(name)).strip()


def without_ending(name: str) -> str:
    """A name without the ending of a video or a still; other endings are kept."""
    return str(PurePosixPath(name).with_suffix('')) if is_read(PurePosixPath(name)) else name
