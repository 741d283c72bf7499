"""Stills from which clips are synthesized on the fly."""
from __future__ import annotations

from typing import Any

from mmaction.registry import DATASETS

from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import read_still
from lddm_aug.datasets.table_dataset import TableDataset
from lddm_aug.datasets.transforms.synthesize_clip import SynthesizeClip


@DATASETS.register_module()
class StillDataset(TableDataset):
    """Stills: pictures, and frames of videos where the table has a frame.

    Its pipeline starts with `LoadStill` and `SynthesizeClip`, so its samples' origin is synthetic.
    The pipeline's input is filename, frame, label, class_name, group, origin, seed, start_index and
    modality.  Its arguments are those of TableDataset.

    Raises:
        ValueError: also if a generator in the pipeline is conditional on classes without that of a
            still.
    """

    def load_data_list(self) -> list[dict[str, Any]]:
        for transform in self.pipeline.transforms:
            if isinstance(transform, SynthesizeClip):
                transform.generator.require_known(
                    f'StillDataset {self.ann_file}', (row.label for row in self.annotations))
        return super().load_data_list()

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the stills, and those on which a generator in the pipeline was trained."""
        return super().groups.union(*(getattr(transform, 'groups', ())
                                      for transform in self.pipeline.transforms))

    def check(self, row: Annotation) -> None:
        read_still(row.path, row.frame)

    def sample_info(self, row: Annotation) -> dict[str, Any]:
        return dict(origin='synthetic', frame=row.frame, class_name=row.label)
