"""Real videos."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmaction.registry import DATASETS

from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import MIN_FRAMES, count_frames
from lddm_aug.datasets.table_dataset import TableDataset


@DATASETS.register_module()
class VideoClipDataset(TableDataset):
    """Real videos; a video is whatever `read_frames` reads.

    Its pipeline begins with `ReadVideo` and receives filename, label, group, origin, seed,
    start_index, modality and frame_stride.

    Args:
        min_frames: a shorter video can't be used, nor one of fewer frames than its pipeline takes.
        reference_fps: frames per second in which segments are measured, so that videos of other
            rates (column `fps` of the table) give clips of the same tempo: `SampleSegment` takes
            48 frames of a video at this rate, and 96 of one at twice the rate.  By default every
            video counts as having the same rate.
        ann_file, pipeline, args, kwargs: of TableDataset.
    """

    def __init__(self, ann_file: str, pipeline: Sequence[Any] = (), *args: Any,
                 min_frames: int = MIN_FRAMES, reference_fps: float | None = None,
                 **kwargs: Any) -> None:
        require_positive_fps(reference_fps)
        taken = [step.get('num_frames') if isinstance(step, dict)
                 else getattr(step, 'num_frames', None) for step in pipeline]
        self.least = {'min_frames': min_frames, 'num_frames': max(filter(None, taken), default=0)}
        self.reference_fps = reference_fps
        super().__init__(ann_file, pipeline, *args, **kwargs)

    def check(self, row: Annotation) -> None:
        frames = count_frames(row.path)
        for name, least in self.least.items():
            if frames < least:
                raise ValueError(f'{row.path} has {frames} frames, fewer than {name}={least}')
        frame_stride_of(row, self.reference_fps)

    def describe(self, row: Annotation) -> dict[str, Any]:
        return dict(origin='real', frame_stride=frame_stride_of(row, self.reference_fps))


def require_positive_fps(reference_fps: float | None) -> None:
    """Raise ValueError for a reference that is no rate."""
    if reference_fps is not None and reference_fps <= 0:
        raise ValueError('reference_fps counts frames per second and is positive, but got '
                         f'{reference_fps!r}')


def frame_stride_of(row: Annotation, reference_fps: float | None) -> float:
    """How many frames of a video last as long as one at `reference_fps`; 1 if that is None.

    Raises:
        ValueError: if the row doesn't say its frames per second.
    """
    if reference_fps is None:
        return 1
    if row.fps is None:
        raise ValueError(f'{row.path} has no fps in the table, which reference_fps needs')
    return reference_fps / row.fps
