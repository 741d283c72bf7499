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
    """Real videos, in all formats of `read_frames`.

    Its pipeline starts with `ReadVideo`.  The pipeline's input is filename, label, conditions,
    group, origin, seed, start_index, modality and frame_stride.

    Args:
        ann_file: of TableDataset.
        pipeline: of TableDataset.
        args: of TableDataset.
        min_frames: videos with fewer frames, or fewer than the pipeline samples, are unusable.
        reference_fps: frames per second in which segments are measured, so that videos of other
            rates (column `fps` of the table) give clips of the same playback rate: `SampleSegment`
            takes 48 frames of a video at this rate, and 96 of one at twice the rate.  By default
            all videos are assumed to have the same rate.
        kwargs: of TableDataset.
    """

    def __init__(self, ann_file: str, pipeline: Sequence[Any] = (), *args: Any,
                 min_frames: int = MIN_FRAMES, reference_fps: float | None = None,
                 **kwargs: Any) -> None:
        require_positive_fps(reference_fps)
        taken = [step.get('num_frames') if isinstance(step, dict)
                 else getattr(step, 'num_frames', None) for step in pipeline]
        self.minimums = {'min_frames': min_frames,
                         'num_frames': max(filter(None, taken), default=0)}
        self.reference_fps = reference_fps
        super().__init__(ann_file, pipeline, *args, **kwargs)

    def check(self, row: Annotation) -> None:
        frames = count_frames(row.path)
        for name, minimum in self.minimums.items():
            if frames < minimum:
                raise ValueError(f'{row.path} has {frames} frames, fewer than {name}={minimum}')
        frame_stride_of(row, self.reference_fps)

    def sample_info(self, row: Annotation) -> dict[str, Any]:
        return dict(origin='real', frame_stride=frame_stride_of(row, self.reference_fps))


def require_positive_fps(reference_fps: float | None) -> None:
    """Raise ValueError for a reference_fps that isn't positive."""
    if reference_fps is not None and reference_fps <= 0:
        raise ValueError('reference_fps counts frames per second and is positive, but got '
                         f'{reference_fps!r}')


def frame_stride_of(row: Annotation, reference_fps: float | None) -> float:
    """Duration of a frame of a video in frames at `reference_fps`; 1 if that is None.

    Raises:
        ValueError: if the row has no fps.
    """
    if reference_fps is None:
        return 1
    if row.fps is None:
        raise ValueError(f'{row.path} has no fps in the table, which reference_fps needs')
    return reference_fps / row.fps
