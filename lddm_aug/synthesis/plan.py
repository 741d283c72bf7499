"""Plan of a run: the still and the seed of each clip, determined before the first is made."""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lddm_aug.data.annotations import Annotation
from lddm_aug.seeds import derive_seed

ID_DIGITS = 12                                       # of a hash: no two stills of a name share them
PLANNED_AT_ONCE = 10_000                             # stills


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """One clip to make.

    Attributes:
        still: an image, or one frame of a video.
    """

    clip_id: str
    still: Annotation
    still_sha256: str
    seed: int


@dataclass(frozen=True)
class Plan(Sequence[ClipRequest]):
    """Requests in the order of their ids, kept by column: a request is built when it is read.

    Attributes:
        stills: rows of the table.
        sha256s: of each still's file.
        clip_ids: (N,) text, sorted.
        still_of: (N,) the number of each clip's still.
        seeds: (N,) of each clip.
    """

    stills: Sequence[Annotation]
    sha256s: Mapping[Path, str]
    clip_ids: pa.Array
    still_of: NDArray[np.int32]
    seeds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.still_of)

    @overload
    def __getitem__(self, place: int) -> ClipRequest: ...
    @overload
    def __getitem__(self, place: slice) -> list[ClipRequest]: ...
    def __getitem__(self, place: int | slice) -> ClipRequest | list[ClipRequest]:
        if isinstance(place, slice):
            return [self[number] for number in range(len(self))[place]]
        still = self.stills[self.still_of[place]]
        return ClipRequest(self.clip_ids[place].as_py(), still, self.sha256s[still.path],
                           int(self.seeds[place]))


def plan_clips(stills: Sequence[Annotation], sha256s: Mapping[Path, str], per_still: int = 1,
               seed: int = 0) -> Plan:
    """Requests of `per_still` clips of every still, in the order of their ids.

    A clip's id has the still's name, digits of a hash of its content, frame, group and label, and
    the clip's number among those of this still.  Its seed is derived from `seed`, the still's
    content and frame, and that number.  A still therefore gives the same clips, with the same ids
    and in the same order, in every list: whole, divided, or sorted in another way.

    Args:
        stills: rows of the table.
        sha256s: of each still's file.
        per_still: clips of each still.
        seed: of the run.

    Raises:
        ValueError: if per_still is below 1.
    """
    if per_still < 1:
        raise ValueError('plan_clips: per_still counts the clips made from each still and must be '
                         f'at least 1, but got {per_still!r}')
    ids, seeds = [], []
    for numbers, names in _unique_names(stills, sha256s):
        ids.append(pa.array([f'{name}-{k}' for name in names for k in range(per_still)]))
        seeds.append([derive_seed(seed, sha256s[still.path], still.frame, k)
                      for still in (stills[number] for number in numbers)
                      for k in range(per_still)])
    joined = pa.concat_arrays([pa.array([], pa.string()), *ids])
    order = pc.array_sort_indices(joined)
    places = order.to_numpy()
    return Plan(stills, sha256s, joined.take(order), (places // per_still).astype(np.int32),
                np.array([each for some in seeds for each in some], np.int64)[places])


def _unique_names(stills: Sequence[Annotation], sha256s: Mapping[Path, str]
                  ) -> Iterator[tuple[range, list[str]]]:
    """Names of some stills after the others, and their numbers; a row may stand there twice."""
    some = [range(start, min(start + PLANNED_AT_ONCE, len(stills)))
            for start in range(0, len(stills), PLANNED_AT_ONCE)]
    names = pa.chunked_array([pa.array([
        f'{_file_safe(still)}-{_digits(sha256s[still.path], still)}'
        for still in (stills[number] for number in numbers)]) for numbers in some], pa.string())
    order = pc.sort_indices(names).to_numpy()        # stable: equal names in the table's order
    ordered = names.take(pa.array(order))
    is_first = np.ones(len(order), bool)
    is_first[1:] = pc.not_equal(ordered.slice(1), ordered.slice(0, len(order) - 1)).to_numpy()
    count = np.arange(len(order))
    again = np.empty_like(count)
    again[order] = count - np.maximum.accumulate(np.where(is_first, count, 0))
    for numbers, chunk in zip(some, names.chunks, strict=True):
        yield numbers, [name if times == 0 else f'{name}-again{times}' for name, times in zip(
            chunk.to_pylist(), again[numbers.start:numbers.stop].tolist(), strict=True)]


def shard_of(still: Annotation, shards: int) -> int:
    """The shard, of so many, that makes a still's clips.

    It depends on the still's name and frame alone: no file is read, and stills that could share an
    id are in one shard.
    """
    return int.from_bytes(sha256(_file_safe(still).encode()).digest()[:8], 'big') % shards


def _digits(content: str, still: Annotation) -> str:
    """What distinguishes stills of one name."""
    text = '\0'.join([content, str(still.frame), still.group, still.label])
    return sha256(text.encode()).hexdigest()[:ID_DIGITS]


def _file_safe(still: Annotation) -> str:
    """`benign (1).png`, frame 7 → `benign-1-f7`: MMAction2 splits lines of lists at blanks."""
    stem = re.sub(r'[^A-Za-z0-9]+', '-', still.path.stem).strip('-')[:60] or 'still'
    return stem if still.frame is None else f'{stem}-f{still.frame}'
