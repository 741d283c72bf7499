"""Generated clips, read from their store."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS

from lddm_aug.classes import class_list
from lddm_aug.data.annotations import sort_classes
from lddm_aug.data.frames import count_frames
from lddm_aug.datasets.labelled_dataset import LabelledDataset
from lddm_aug.files import sha256_of
from lddm_aug.json_files import read_json
from lddm_aug.store.manifest import MANIFEST, clip_path, read_manifest


@DATASETS.register_module()
class SyntheticClipDataset(LabelledDataset):
    """The clips of a store that `lddm-aug synthesize` made.

    Args:
        store: folder with its manifest.
        classes: names in the order of their labels; by default those in the store, sorted.
        pipeline: transforms; their input is filename, label, group, origin, seed, start_index,
            modality, frame_stride, total_frames, and still_file, still_frame and still_sha256 of
            the clip's still.
        test_mode: deterministic samples, to look at clips; not for validation or test.
        seed: of the randomness, combined with the visit; see `EpochSampler`.
        verify: read every clip and compare it with its sha256 in the manifest.
        keep: JSON file with the list of the clip ids to keep; None for all.  See
            experiments/study/quality.py.
        kwargs: of MMEngine's BaseDataset.

    Raises:
        FileNotFoundError: if the store is unfinished or lacks a clip.
        ValueError: if its manifest or a clip is damaged, a label isn't among the classes, a
            verified clip was changed, or `keep` has none of the clips.
    """

    def __init__(self, store: str, classes: Sequence[str] | None = None,
                 pipeline: Sequence[Any] = (), test_mode: bool = False, seed: int = 0,
                 verify: bool = False, keep: str | None = None, **kwargs: Any) -> None:
        self.store = Path(store).resolve()
        self.manifest = read_manifest(store)
        self.verify = verify
        self.rows = self.manifest.rows if keep is None else _kept(self.manifest.rows, Path(keep))
        names = (class_list('SyntheticClipDataset', classes)
                 or sort_classes(row['label'] for row in self.manifest.rows))
        super().__init__(str(self.store / MANIFEST), names, pipeline, test_mode, seed, **kwargs)

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the stills, and those on which the generator was trained."""
        return super().groups | frozenset(self.manifest.header['generator_groups'])

    def load_data_list(self) -> list[dict[str, Any]]:
        return [self._parse(row) for row in self.rows]

    def _parse(self, row: dict[str, Any]) -> dict[str, Any]:
        clip, classes = clip_path(self.store, row), self.metainfo['classes']
        if row['label'] not in classes:
            raise ValueError(f'{self.ann_file}: clip {row["clip_id"]} has label {row["label"]!r}, '
                             f'but classes are {", ".join(classes)}')
        if not clip.is_file():
            raise FileNotFoundError(f'{self.ann_file}: {clip} is missing; '
                                    'run lddm-aug synthesize again to finish the store')
        if self.verify and sha256_of(clip) != row['sha256']:
            raise ValueError(f'{self.ann_file}: {clip} was changed after it was made; '
                             'run lddm-aug synthesize again to make it again')
        return dict(filename=str(clip), clip_id=row['clip_id'], label=classes.index(row['label']),
                    group=row['group'], origin='synthetic', frame_stride=row['frame_stride'],
                    total_frames=count_frames(clip), still_file=row['still'],
                    still_frame=row['still_frame'], still_sha256=row['still_sha256'])


def _kept(rows: list[dict[str, Any]], file: Path) -> list[dict[str, Any]]:
    clip_ids = set(read_json(file, [str], 'score this store again'))
    kept = [row for row in rows if row['clip_id'] in clip_ids]
    if not kept:
        raise ValueError(f'{file}: keeps none of the {len(rows)} clips; score this store again')
    return kept
