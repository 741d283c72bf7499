"""Stills from which clips are synthesized on the fly."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS

from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import read_still
from lddm_aug.datasets.table_dataset import TableDataset
from lddm_aug.datasets.transforms.defer_synthesis import DeferSynthesis
from lddm_aug.datasets.transforms.load_still import LoadStill
from lddm_aug.datasets.transforms.synthesize_clip import SynthesizeClip
from lddm_aug.files import sha256_of


@DATASETS.register_module()
class StillDataset(TableDataset):
    """Stills: pictures, and frames of videos where the table has a frame.

    Its pipeline starts with `LoadStill` and `SynthesizeClip`, or `DeferSynthesis` for synthesis on
    the training device, so its samples' origin is synthetic.  The pipeline's input is filename,
    frame, label, conditions, group, origin, seed, start_index and modality; also sha256, of the
    still's file, where latents are kept.  Its arguments are those of TableDataset.

    Raises:
        ValueError: also if a generator in the pipeline doesn't know what the table says of a still,
            or takes stills of another size than `LoadStill` makes.
    """

    def load_data_list(self) -> list[dict[str, Any]]:
        loads = [step for step in self.pipeline.transforms if isinstance(step, LoadStill)]
        for transform in self.pipeline.transforms:
            if isinstance(transform, SynthesizeClip):
                generator = transform.generator
                generator.require_known(f'StillDataset {self.ann_file}',
                                        [row.conditions for row in self.annotations])
                for load in loads[-1:]:
                    _require_size(load, transform)
        infos = super().load_data_list()
        if any(isinstance(step, DeferSynthesis) and step.latents_per_still is not None
               for step in self.pipeline.transforms):
            for info in infos:
                info.setdefault('sha256', sha256_of(Path(info['filename'])))
        return infos

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the stills, and those on which a generator in the pipeline was trained."""
        return super().groups.union(*(getattr(transform, 'groups', ())
                                      for transform in self.pipeline.transforms))

    def check(self, row: Annotation) -> None:
        read_still(row.path, row.frame)

    def sample_info(self, row: Annotation) -> dict[str, Any]:
        return dict(origin='synthetic', frame=row.frame)


def _require_size(load: LoadStill, transform: SynthesizeClip) -> None:
    generator = transform.generator
    if (load.size, load.channels) != (generator.size, generator.channels):
        raise ValueError(f'StillDataset: the generator in {transform.package} takes stills of '
                         f'LoadStill(size={generator.size}, channels={generator.channels}), but '
                         f'got {load}')
