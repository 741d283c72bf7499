"""What a source holds, before any picture is read."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lddm_aug.datasets.frames import Pixels

VIDEO, STILL, ORACLE = 'video', 'still', 'oracle'

# Why something of a source isn't in the tables.  Only what is bad counts against the source.
BAD, ABSENT, EXCLUDED = 'bad', 'absent', 'excluded'


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
        open: reads it; raises UnreadableFile, also while frames are taken.
        split: name of the part of the data that it belongs to, if the source says.
    """
    source: str
    label: str
    group: str
    role: str
    stamp: str
    open: Callable[[], Recording]
    split: str = ''


class LeftOut(NamedTuple):
    """Something of a source that is in no table: its name; BAD, ABSENT or EXCLUDED; and why."""
    source: str
    kind: str
    reason: str


@dataclass
class Listing:
    """What a source holds.

    Attributes:
        items: in the order of the tables.
        left_out: what can't or shouldn't become an item.
        notes: sentences that a user should read, how groups came about among them.
        settings: all that the items' pixels depend on, as JSON can hold it.
        root: left away from paths in messages.
    """
    items: list[Item] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    root: Path | None = None
