"""Plan of a run: the still and the seed of each clip, determined before the first is made."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lddm_aug.data.annotations import Annotation
from lddm_aug.seeds import derive_seed


@dataclass(frozen=True)
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
    """Requests of `per_still` clips of every still, in the order of the stills.

    A clip's seed is derived from `seed`, the still's content and the clip's number among those of
    this still.  A still therefore gives the same clips in every list.

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
    digits = len(str(len(stills)))
    return [ClipRequest(clip_id=f'{number:0{digits}d}-{_file_safe(still)}-{k}',
                        still=still,
                        still_sha256=sha256s[still.path],
                        seed=derive_seed(seed, sha256s[still.path], still.frame, k))
            for number, still in enumerate(stills)
            for k in range(per_still)]


def _file_safe(still: Annotation) -> str:
    """`benign (1).png`, frame 7 → `benign-1-f7`: MMAction2 splits lines of lists at blanks."""
    stem = re.sub(r'[^A-Za-z0-9]+', '-', still.path.stem).strip('-')[:60] or 'still'
    return stem if still.frame is None else f'{stem}-f{still.frame}'
