"""Groups of files by their names, for sources without a table."""
from __future__ import annotations

import re

from lddm_aug.preparation.names import UNDECODABLE, as_value, printable, without_ending


class OwnGroup:
    """Name in the source → group.

    Args:
        pattern: regular expression whose first group matches the group in the name.  By default
            every item is its own group, by its name without the ending.

    Raises:
        ValueError: if the pattern is invalid or has no group; when called, if it doesn't match.
    """

    def __init__(self, pattern: str | None = None) -> None:
        try:
            self.pattern = re.compile(pattern) if pattern else None
        except re.error as error:
            raise ValueError(f'group pattern {pattern!r} is no regular expression: '
                             f'{error}') from error
        if self.pattern is not None and not self.pattern.groups:
            raise ValueError(f'group pattern {pattern!r} has no brackets around the group, as in '
                             r"'patient_(\d+)'")

    @property
    def note(self) -> str:
        """A note on how groups are determined."""
        if self.pattern is None:
            return ('groups: the source has no patients, so every video and still is its own '
                    'group; one patient may be on both sides of a split')
        return f'groups: by the pattern {self.pattern.pattern!r} in a name'

    def __call__(self, name: str) -> str:
        """The group of a file or folder by its name, as Python gives it."""
        if self.pattern is None:
            return as_value(without_ending(name))
        match = self.pattern.search(name)
        group = as_value(match[1] or '') if match else ''
        if match is None or not group:
            raise ValueError(f'group pattern {self.pattern.pattern!r} finds no group in '
                             f'{printable(name)}')
        start, end = match.span(1)
        if UNDECODABLE.search(name[max(0, start - 1):end + 1]):
            raise ValueError(f'its name is not UTF-8, so that {self.pattern.pattern!r} cannot find '
                             'the end of the group; rename it')
        return group
