"""Real videos."""
from __future__ import annotations

from typing import Any

from mmaction.registry import DATASETS

from lddm_aug.datasets.annotations import Annotation
from lddm_aug.datasets.frames import count_frames
from lddm_aug.datasets.table_dataset import TableDataset


@DATASETS.register_module()
class VideoClipDataset(TableDataset):
    """Real videos; a video is whatever `read_frames` reads.

    Its pipeline begins with `ReadVideo` and receives filename, label, group, origin, seed,
    start_index, modality and frame_stride.

    Args:
        min_frames: a shorter video can't be used.
        args, kwargs: of TableDataset: ann_file, pipeline, classes, split, data_root, test_mode,
            seed and on_bad.
    """

    def __init__(self, *args: Any, min_frames: int = 16, **kwargs: Any) -> None:
        self.min_frames = min_frames
        super().__init__(*args, **kwargs)

    def check(self, row: Annotation) -> None:
        frames = count_frames(row.path)
        if frames < self.min_frames:
            raise ValueError(f'{row.path} has {frames} frames, fewer than '
                             f'min_frames={self.min_frames}')

    def describe(self, row: Annotation) -> dict[str, Any]:
        return dict(origin='real', frame_stride=1)
