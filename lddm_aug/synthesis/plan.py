"""Plan of a run: the still and the seed of each clip, determined before the first is made."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lddm_aug.data.annotations import Annotation
from lddm_aug.seeds import derive_seed

ID_DIGITS = 12                                       # of a hash: no two stills of a name share them


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


def plan_clips(stills: Sequence[Annotation], sha256s: Mapping[Path, str], per_still: int = 1,
               seed: int = 0) -> list[ClipRequest]:
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
    requests = []
    seen: Counter[str] = Counter()
    for still in stills:
        content = sha256s[still.path]
        name = f'{_file_safe(still)}-{_digits(content, still)}'
        seen[name] += 1                              # a row may stand there twice
        again = '' if seen[name] == 1 else f'-again{seen[name] - 1}'
        requests += [ClipRequest(f'{name}{again}-{k}', still, content,
                                 derive_seed(seed, content, still.frame, k))
                     for k in range(per_still)]
    return sorted(requests, key=lambda request: request.clip_id)


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
