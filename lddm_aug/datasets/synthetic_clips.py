"""Generated clips, read from their store."""
from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mmaction.registry import DATASETS
from numpy.typing import NDArray

from lddm_aug.classes import class_list
from lddm_aug.data.annotations import sort_classes
from lddm_aug.datasets.labelled_dataset import LabelledDataset
from lddm_aug.json_files import read_json
from lddm_aug.remote import here
from lddm_aug.store.manifest import MANIFEST, Rows, read_manifest

READ = ('clip_id', 'place', 'group', 'frame_stride', 'still', 'still_frame', 'still_sha256')


@DATASETS.register_module()
class SyntheticClipDataset(LabelledDataset):
    """The clips of a store that `lddm-aug synthesize` made.

    Opening reads nothing for each clip, so a store may have millions.  The rows are memory-mapped:
    all processes share them.

    Args:
        store: folder with its manifest, or a URL, whose content is copied to this machine.
        classes: names in the order of their labels; by default those in the store, sorted.
        pipeline: transforms; their input is array (T, H, W[, 3]) uint8, filename, which names the
            clip and is no file, label, group, origin, seed, start_index, modality, frame_stride,
            total_frames, and still_file, still_frame and still_sha256 of the clip's still.
        test_mode: deterministic samples, to look at clips; not for validation or test.
        seed: of the randomness, combined with the visit; see `EpochSampler`.
        verify: read every clip and compare it with its sha256 in the manifest.
        keep: JSON file with the list of the clip ids to keep; None for all.  See
            experiments/study/quality.py.
        kwargs: of MMEngine's BaseDataset.

    Raises:
        FileNotFoundError: if the store is unfinished or lacks clips.
        ValueError: if its manifest or its clips are damaged, a label isn't among the classes, a
            verified clip was changed, or `keep` has none of the clips.
    """

    def __init__(self, store: str, classes: Sequence[str] | None = None,
                 pipeline: Sequence[Any] = (), test_mode: bool = False, seed: int = 0,
                 verify: bool = False, keep: str | None = None, **kwargs: Any) -> None:
        self.store = here(store).resolve()
        self.manifest = read_manifest(self.store)
        self.verify = verify
        rows = self.manifest.rows
        self.rows = rows if keep is None else rows.take(_kept(rows, Path(keep)))
        names = class_list('SyntheticClipDataset', classes) or sort_classes(rows.values('label'))
        super().__init__(str(self.store / MANIFEST), names, pipeline, test_mode, seed, **kwargs)

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the stills, and those on which the generator was trained."""
        self.full_init()
        of_stills = (self.data_list.rows.values('group')
                     if isinstance(self.data_list, StoredClips) else super().groups)
        return frozenset(of_stills) | frozenset(self.manifest.header['generator_groups'])

    @property
    def labels(self) -> NDArray[np.int32]:
        """The label of each sample."""
        self.full_init()
        return (self.data_list.labels if isinstance(self.data_list, StoredClips) else
                np.array([info['label'] for info in self.data_list], np.int32))

    def still_infos(self) -> Iterator[dict[str, Any]]:
        """`still_file`, `still_frame` and `still_sha256` of the stills, each at least once."""
        self.full_init()
        if isinstance(self.data_list, StoredClips):
            yield from self.data_list.still_infos()
        else:
            yield from self.data_list

    def pipeline_input(self, index: int) -> dict[str, Any]:
        info = self.get_data_info(index)
        info['array'] = self.manifest.clips.read(info.pop('place'))
        return info

    def load_data_list(self) -> Any:
        clips = StoredClips(self.rows, self._labels(), self.store)
        if self.verify:
            self._verify()
        return clips

    def _labels(self) -> NDArray[np.int32]:
        """The label of each row, once all are known to be among the classes."""
        classes = self.metainfo['classes']
        names, codes = self.rows.codes('label')
        numbers = np.array([classes.index(name) if name in classes else -1 for name in names],
                           np.int32)
        labels = numbers[codes]
        if len(labels) and labels.min() < 0:
            row = self.rows[int(np.argmin(labels))]
            raise ValueError(f'{self.ann_file}: clip {row["clip_id"]} has label {row["label"]!r}, '
                             f'but classes are {", ".join(classes)}')
        return labels

    def _verify(self) -> None:
        clips = self.manifest.clips
        for number, (place, sha256) in enumerate(zip(
                self.rows.column('place'), self.rows.column('sha256'), strict=True)):
            if clips.sha256(place.as_py()) != sha256.as_py():
                raise ValueError(
                    f'{self.ann_file}: clip {self.rows[number]["clip_id"]} in '
                    f'{clips.file(place.as_py())} was changed after it was made; run lddm-aug '
                    'synthesize again, or lddm-aug store repair, to make it again')


class StoredClips(Sequence[dict[str, Any]]):
    """What MMEngine takes for a list of samples, made of a store's columns when one is read."""

    def __init__(self, rows: Rows, labels: NDArray[np.int32], store: Path) -> None:
        self.rows = rows
        self.labels = labels
        self.store = store

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> StoredClips: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | StoredClips:
        if isinstance(index, slice):
            return StoredClips(self.rows[index], self.labels[index], self.store)
        row = self.rows.read(index, READ)
        return dict(filename=str(self.store / row['clip_id']), clip_id=row['clip_id'],
                    place=row['place'], label=int(self.labels[index]), group=row['group'],
                    origin='synthetic', frame_stride=row['frame_stride'],
                    total_frames=self.rows.shape[0], still_file=row['still'],
                    still_frame=row['still_frame'], still_sha256=row['still_sha256'])

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredClips:
        return copy.copy(self)                       # none of it ever changes

    def still_infos(self) -> Iterator[dict[str, Any]]:
        """The stills of these clips, where clips of one still follow each other but once."""
        before = None
        columns = [self.rows.column(name) for name in ('still', 'still_frame', 'still_sha256')]
        for start in range(0, len(self), 10_000):
            parts = [pc.cast(column[start:start + 10_000], pa.string()).to_pylist()
                     if pa.types.is_dictionary(column.type) else
                     column[start:start + 10_000].to_pylist() for column in columns]
            for still in zip(*parts, strict=True):
                if still != before:
                    before = still
                    yield dict(zip(('still_file', 'still_frame', 'still_sha256'), still,
                                   strict=True))


def _kept(rows: Rows, file: Path) -> NDArray:
    clip_ids = read_json(file, [str], 'score this store again')
    kept = np.flatnonzero(pc.is_in(rows.column('clip_id'), pa.array(clip_ids, pa.string()))
                          .to_numpy(zero_copy_only=False))
    if not len(kept):
        raise ValueError(f'{file}: keeps none of the {len(rows)} clips; score this store again')
    return kept
