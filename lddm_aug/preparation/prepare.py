"""A listing → a prepared folder."""
from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lddm_aug.data.frames import (
    MIN_FRAMES,
    Pixels,
    UnreadableFileError,
    bounded,
    is_colour,
    letterbox,
    to_channels,
)
from lddm_aug.data.tables import too_many_numbers
from lddm_aug.preparation.listing import (
    ABSENT,
    BAD,
    EXCLUDED,
    STILL,
    UNUSED,
    Item,
    LeftOut,
    Listing,
    Recording,
    account,
)
from lddm_aug.preparation.names import printable, reason_of
from lddm_aug.preparation.notices import notices
from lddm_aug.preparation.prepared_folder import PreparedFolder, names_of

NAMED = 20                                           # left-out items in a message, at most


@dataclass(frozen=True)
class Options:
    """Options for all pictures.

    Attributes:
        size: fit into size × size pixels with black padding; None keeps sizes.
        grey: convert colour to grey; otherwise only pictures without any colour become grey.
        min_frames: shorter videos are unusable.
        max_bad_share: maximum share of unusable items; more than that, and more than one, raise an
            error.

    Raises:
        ValueError: if a number is out of range.
    """
    size: int | None = None
    grey: bool = False
    min_frames: int = MIN_FRAMES
    max_bad_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ('size', 'min_frames'):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f'{name} is a number from 1 on, but got {getattr(self, name)!r}')
        if not 0 <= self.max_bad_share <= 1:
            raise ValueError('max_bad_share must be between 0 and 1, but got '
                             f'{self.max_bad_share!r}')


@dataclass(frozen=True)
class Report:
    """Result of a run.

    Attributes:
        items: in the tables.
        left_out: in no table.
        notes: for the user.
        out: the prepared folder.
        made: number of items that this run read; earlier runs made the others.
        changed: whether the run changed the folder.
        seconds: duration of the run.
    """
    items: list[Item]
    left_out: list[LeftOut]
    notes: list[str]
    out: Path
    made: int
    changed: bool
    seconds: float

    def __str__(self) -> str:
        counts: dict[tuple[str, str, str], list[str]] = {}
        for item in self.items:
            counts.setdefault((item.role, item.split, item.label), []).append(item.group)
        lines = [f'{role:<7} {split or "-":<7} {label:<12} {len(groups):>6} in {len(set(groups))} '
                 'groups' for (role, split, label), groups in sorted(counts.items())]
        lines += self.notes
        for kind, what in ((BAD, 'cannot be used'), (ABSENT, 'are missing'),
                           (EXCLUDED, 'are left out on purpose')):
            lines += _list([each for each in self.left_out if each.kind == kind], what)
        lines += _summarize_unused(self.left_out)
        per_item = f', {self.seconds / self.made * 1e3:.0f} ms each' if self.made else ''
        lines.append(f'{self.made} read in {self.seconds:.1f} s{per_item}; '
                     f'{len(self.items) - self.made} had been read before' if self.changed else
                     'nothing to do: everything had been prepared before')
        used = len({file for item in self.items for file in item.all_files})
        left = sum(each.files for each in self.left_out)
        lines.append(f'{used + left} files found = {used} used + {left} left out'
                     + f' (named in {printable(str(self.out / "left_out.csv"))})' * bool(left))
        return '\n'.join(lines)


def prepare(listing: Listing, out: str | Path, options: Options) -> Report:
    """Read the items of a listing and write them to a prepared folder; resumes interrupted runs.

    Args:
        listing: of the source.
        out: a new or empty folder, or one that was started with the same settings.
        options: for all pictures.

    Raises:
        ValueError: if `out` has other content, no item is usable, or more than `max_bad_share` of
            the items is bad; items read so far are kept for the next run.
    """
    started = time.monotonic()
    pixels = {name: value for name, value in asdict(options).items() if name != 'max_bad_share'}
    folder = PreparedFolder(out, {**pixels, **listing.settings})
    bad = [each for each in listing.left_out if each.kind == BAD]
    if not listing.items:
        where = f' in {printable(str(listing.root))}' if listing.root else ''
        raise ValueError(f'nothing to prepare was found{where}: '
                         f'{_shortly(account(listing, (), listing.left_out)) or "it is empty"}')
    if why := too_many_numbers([item.label for item in listing.items]):
        raise ValueError(why)
    _refuse_many(bad, len(listing.items) + len(bad), options.max_bad_share)

    good, made = [], 0
    total = len(listing.items) + len(bad)
    for item, name in zip(tqdm(listing.items, unit='item'), names_of(listing.items), strict=True):
        if not folder.holds(item, name):
            try:
                _add(folder, item, name, options)
            except _BadItemError as error:
                reason = reason_of(error.reason, listing.root)
                bad.append(LeftOut(item.source, BAD, reason, len(item.all_files)))
                _refuse_many(bad, total, options.max_bad_share)
                continue
            made += 1
        good.append(item)
    if not good:
        raise ValueError(f'nothing can be used: {_shortly(bad)}')
    left_out = account(listing, good, bad + [each for each in listing.left_out
                                             if each.kind != BAD])
    changed = folder.finish(good, left_out)
    return Report(good, left_out, [*listing.notes, *notices(good)], Path(out), made, changed,
                  time.monotonic() - started)


class _BadItemError(Exception):
    """An item that can't be read, unlike a folder that can't be written."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, MemoryError) as error:
        raise _BadItemError(error) from error


def _add(folder: PreparedFolder, item: Item, name: str, options: Options) -> None:
    """Read an item and write it, frame by frame; _BadItemError if it can't be read."""
    with _reading():
        recording = item.open()
    mask = recording.mask
    if mask is not None and options.size is not None:
        mask = np.where(letterbox(mask, options.size) > 127, 255, 0).astype(np.uint8)
    folder.add(item, name, _frames(item, recording, options), recording.fps, mask)


def _frames(item: Item, recording: Recording, options: Options) -> Iterator[Pixels]:
    """(H, W) or (H, W, 3) frames of one size; _BadItemError where one can't be read."""
    frames = bounded(item.source, _fitted(recording.frames, options))
    count, size = 0, None
    while True:
        with _reading():
            frame = next(frames, None)
            if frame is None:
                break
            size = size or frame.shape[:2]
            if frame.shape[:2] != size:
                raise UnreadableFileError(f'{item.source} mixes frames of different sizes: {size}, '
                                          f'{frame.shape[:2]}')
        count += 1
        yield frame
    with _reading():
        if not count:
            raise UnreadableFileError(f'{item.source} has no frames')
        if item.role != STILL and count < options.min_frames:
            raise UnreadableFileError(f'{item.source} has {count} frames, fewer than '
                                      f'{options.min_frames}')


def _fitted(frames: Iterator[Pixels], options: Options) -> Iterator[Pixels]:
    for frame in frames:
        if is_colour(frame) and (options.grey or _has_no_colour(frame)):
            frame = to_channels(frame, 1)
        yield frame if options.size is None else letterbox(frame, options.size)


def _has_no_colour(frame: Pixels) -> bool:
    red, green, blue = np.moveaxis(frame, -1, 0)
    return np.array_equal(red, green) and np.array_equal(red, blue)


def _refuse_many(bad: Sequence[LeftOut], total: int, max_share: float) -> None:
    if len(bad) > max(1, max_share * total):
        raise ValueError(f'more than {max_share:.0%} of {total} items cannot be used; correct '
                         'them, or raise --max-bad-share: ' + _shortly(bad))


def _shortly(left_out: Sequence[LeftOut]) -> str:
    sources: dict[str, list[str]] = {}
    for each in left_out:
        reason = each.reason.removeprefix(each.source).lstrip(': ')
        sources.setdefault(reason, []).append(each.source)
    named = [f'{names[0]}{f" and {len(names) - 1} more" * (len(names) > 1)}: {reason}'
             for reason, names in sources.items()]
    return '; '.join(named[:NAMED] + [f'and {len(named) - NAMED} more'] * (len(named) > NAMED))


def _summarize_unused(left_out: Sequence[LeftOut]) -> list[str]:
    """Lines about unused files, one per reason."""
    unused = [each for each in left_out if each.kind == UNUSED]
    counts = Counter(each.reason for each in unused)
    first = {each.reason: each.source for each in reversed(unused)}
    return [f'{count} files not used, such as {first[reason]}: {reason}'
            for reason, count in counts.most_common(NAMED)]


def _list(left_out: Sequence[LeftOut], what: str) -> list[str]:
    if not left_out:
        return []
    more = [f'  ... and {len(left_out) - NAMED} more'] * (len(left_out) > NAMED)
    return [f'{len(left_out)} {what}:',
            *(f'  {each.source}: {each.reason}' for each in left_out[:NAMED]), *more]
