"""Base class of the datasets that are listed in a table."""
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lddm_aug.classes import class_list
from lddm_aug.data.annotations import (
    Annotation,
    class_names,
    read_annotations,
    rows_of_split,
    usable_rows,
)
from lddm_aug.data.splits import apply_split, read_split
from lddm_aug.datasets.labelled_dataset import LabelledDataset


class TableDataset(LabelledDataset):
    """Samples of a table with the columns path, label, group and optionally frame and split.

    Args:
        ann_file: the table, comma-separated.
        pipeline: transforms, as in MMAction2.
        classes: names in the order of their labels; by default those in the table, sorted.
        split: only rows of this split; None for all.
        data_root: folder that paths in the table are relative to; by default the table's own.
        test_mode: for validation and test.
        seed: of the randomness, combined with the visit; see `EpochSampler`.
        on_bad: 'raise' an error for unusable rows, or 'skip' them.
        split_file: split of lddm-aug split, which replaces the splits in the table.
        kwargs: of MMEngine's BaseDataset.

    Raises:
        FileNotFoundError: if the table or a file in it doesn't exist.
        ValueError: if the table or the split is invalid or, with 'raise', a row is unusable.
    """

    def __init__(self, ann_file: str, pipeline: Sequence[Any] = (),
                 classes: Sequence[str] | None = None, split: str | None = None,
                 data_root: str | None = None, test_mode: bool = False, seed: int = 0,
                 on_bad: str = 'raise', split_file: str | None = None, **kwargs: Any) -> None:
        names = class_list(type(self).__name__, classes)
        rows = read_annotations(ann_file, data_root, names or None)
        if split_file is not None:
            if split is None:
                raise ValueError(f"{type(self).__name__}: split_file needs a split, 'train' or "
                                 "'test', but got None")
            root = Path(data_root or Path(ann_file).parent).resolve()
            rows = apply_split(rows, read_split(split_file, root), split_file, ann_file)
        self.table_groups = {row.path: row.group for row in rows}    # of every split
        # the command line converts the split 0 to a number
        self.annotations = rows_of_split(rows, None if split is None else str(split),
                                         split_file or ann_file)
        self.on_bad = on_bad
        self.split_file = split_file
        super().__init__(ann_file, names or class_names(rows), pipeline, test_mode, seed,
                         **kwargs)

    @abstractmethod
    def check(self, row: Annotation) -> None:
        """Raise ValueError with the reason for an unusable row."""

    @abstractmethod
    def sample_info(self, row: Annotation) -> dict[str, Any]:
        """Keys of the pipeline's input in addition to filename, label and group."""

    def load_data_list(self) -> list[dict[str, Any]]:
        classes = self.metainfo['classes']
        rows = usable_rows(self.annotations, self.check, self.on_bad, self.ann_file)
        return [dict(filename=str(row.path), label=classes.index(row.label), group=row.group,
                     conditions=row.conditions, **self.sample_info(row),
                     **({'sha256': row.sha256} if row.sha256 else {}))
                for row in rows]
