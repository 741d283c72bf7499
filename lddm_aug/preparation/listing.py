"""Content of a source, before any picture is read."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lddm_aug.data.frames import Pixels

VIDEO, STILL, ORACLE = 'video', 'still', 'oracle'

# Kinds of things that aren't in the tables.  Only BAD ones count for the share of bad items.
BAD, ABSENT, EXCLUDED, UNUSED = 'bad', 'absent', 'excluded', 'unused'


class Recording(NamedTuple):
    """Content of an item.

    Attributes:
        frames: (H, W) or (H, W, 3) each; one for a still.
        fps: frames per second; None if unknown.
        mask: (H, W) of a still, 255 in the lesion; None if it has no mask.
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
        group: must never be on both sides of a split.
        role: VIDEO; STILL; or ORACLE, a video whose first frame becomes a still.
        stamp: changes when its files change.
        open: reads it; raises UnreadableFileError, also during the iteration over frames.
        split: part of the data; blank if the source has no split.
        files: names of its files; by default `source`.
        others: what else the source says of it, by column: conditions for generators.
    """
    source: str
    label: str
    group: str
    role: str
    stamp: str
    open: Callable[[], Recording]
    split: str = ''
    files: tuple[str, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def all_files(self) -> tuple[str, ...]:
        """Names of its files."""
        return self.files or (self.source,)


class LeftOut(NamedTuple):
    """Something of a source that is in no table.

    Attributes:
        source: name of a file, or of a folder for all unused files in it.
        kind: BAD, unusable; ABSENT, missing; EXCLUDED, left out on purpose; UNUSED, of no use here.
        reason: why.
        files: number of the source's files.
    """
    source: str
    kind: str
    reason: str
    files: int = 1


@dataclass
class Listing:
    """Content of a source.

    Attributes:
        items: in the order of the tables.
        left_out: things that can't or shouldn't become an item.
        notes: for the user, among them how groups are determined.
        settings: all that the items' pixels depend on, in types of JSON.
        root: removed from paths in messages.
        found: every file of the source, and the reason if nothing uses it; None if the listing
            has each file in items or left_out.
    """
    items: list[Item] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    root: Path | None = None
    found: dict[str, str] | None = None


def account(listing: Listing, items: Iterable[Item], left_out: Iterable[LeftOut]) -> list[LeftOut]:
    """The complete list of things left out: every file is in an item or in it, exactly once.

    Args:
        listing: of the source.
        items: that are used.
        left_out: known so far.
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
