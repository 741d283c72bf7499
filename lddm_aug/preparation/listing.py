"""What a source holds, before any picture is read."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lddm_aug.data.frames import Pixels

VIDEO, STILL, ORACLE = 'video', 'still', 'oracle'

# Why something of a source isn't in the tables.  Only what is bad counts against the source.
BAD, ABSENT, EXCLUDED, UNUSED = 'bad', 'absent', 'excluded', 'unused'


class Recording(NamedTuple):
    """What an item holds.

    Attributes:
        frames: (H, W) or (H, W, 3) each; of a still there is one.
        fps: frames per second, if known.
        mask: (H, W) of a still, 255 where the lesion is; None where there is none.
    """
    frames: Iterator[Pixels]
    fps: float | None = None
    mask: Pixels | None = None


@dataclass(frozen=True)
class Item:
    """A video or a still of a source.

    Attributes:
        source: its name in the source, unique.
        label: name of the class.
        group: what must never be on both sides of a split.
        role: VIDEO; STILL; or ORACLE, a video whose first frame becomes a still.
        stamp: another one if the files behind it changed.
        open: reads it; raises UnreadableFileError, also while frames are taken.
        split: name of the part of the data that it belongs to, if the source says.
        files: names of the files that it is made of; by default the one that names it.
    """
    source: str
    label: str
    group: str
    role: str
    stamp: str
    open: Callable[[], Recording]
    split: str = ''
    files: tuple[str, ...] = ()

    @property
    def all_files(self) -> tuple[str, ...]:
        return self.files or (self.source,)


class LeftOut(NamedTuple):
    """Something of a source that is in no table.

    Attributes:
        source: its name, of a file, or of a folder with all that is in it and not used.
        kind: BAD, what should be there and can't be used; ABSENT, what isn't there; EXCLUDED, what
            is left out on purpose; UNUSED, what is of no use here.
        reason: why.
        files: how many of the source's files it stands for.
    """
    source: str
    kind: str
    reason: str
    files: int = 1


@dataclass
class Listing:
    """What a source holds.

    Attributes:
        items: in the order of the tables.
        left_out: what can't or shouldn't become an item.
        notes: sentences that a user should read, how groups came about among them.
        settings: all that the items' pixels depend on, as JSON can hold it.
        root: left away from paths in messages.
        found: every file of the source, and what to say of it if nothing uses it; None where a
            listing names each of them itself.
    """
    items: list[Item] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    root: Path | None = None
    found: dict[str, str] | None = None


def account(listing: Listing, items: Iterable[Item], left_out: Iterable[LeftOut]) -> list[LeftOut]:
    """What is left out, so that every file that was found is used or stands in it, and once.

    Args:
        items: that are used.
        left_out: what else is known not to be.
    """
    left_out = list(left_out)
    if listing.found is None:
        return [each._replace(files=each.files * (each.kind != ABSENT)) for each in left_out]
    used = {file for item in items for file in item.all_files}
    named = {each.source for each in left_out}
    counts: dict[str, int] = {}
    unnamed = []
    for file, reason in listing.found.items():
        if file in used:
            continue
        name = next((name for name in (file, *map(str, PurePosixPath(file).parents))
                     if name in named), None)
        if name is None:
            unnamed.append(LeftOut(file, UNUSED, reason))
        else:
            counts[name] = counts.get(name, 0) + 1
    return [each._replace(files=counts.pop(each.source, 0)) for each in left_out] + unnamed
