"""Base class of the datasets of real videos, stills and synthetic clips."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmaction.datasets import BaseActionDataset
from mmaction.registry import TRANSFORMS

from lddm_aug.datasets.visits import draw_seed
from lddm_aug.seeds import derive_seed, seeded


class LabelledDataset(BaseActionDataset):
    """Samples with a class, a group, an origin and a seed.

    Every visit of a sample has its own `seed` in the pipeline, which also seeds the global states
    that transforms use.

    Args:
        ann_file: list of the samples.
        classes: names; a label is an index into this list.
        pipeline: transforms, as in MMAction2.
        test_mode: for validation and test; a sample is the same at every visit, also with random
            transforms.
        seed: of the randomness, combined with the visit; see `EpochSampler`.
        serialize_data: MMEngine's way to share long lists among workers; slow for short ones.
        kwargs: of MMEngine's BaseDataset.
    """

    def __init__(self, ann_file: str, classes: Sequence[str], pipeline: Sequence[Any],
                 test_mode: bool, seed: int, serialize_data: bool = False,
                 **kwargs: Any) -> None:
        self.seed = seed
        # MMEngine would search transforms in the default scope, which only a Runner sets
        built = [TRANSFORMS.build(transform) if isinstance(transform, dict) else transform
                 for transform in pipeline]
        super().__init__(ann_file, pipeline=built, test_mode=test_mode,
                         metainfo=dict(classes=tuple(classes)), serialize_data=serialize_data,
                         **kwargs)

    def prepare_data(self, idx: int) -> Any:
        seed = derive_seed(self.seed, 0, idx) if self.test_mode else (
            derive_seed(self.seed, draw_seed()))
        return self.draw(idx, seed)

    def draw(self, index: int, seed: int) -> Any:
        """The sample for this seed; None if the pipeline returns None."""
        with seeded(seed):
            return self.pipeline(dict(self.pipeline_input(index), seed=seed))

    def pipeline_input(self, index: int) -> dict[str, Any]:
        """What the pipeline begins with, but for the seed."""
        return self.get_data_info(index)

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the samples, which must not be in another part of the data."""
        return frozenset(self.get_data_info(index)['group'] for index in range(len(self)))

    def get_cat_ids(self, idx: int) -> list[int]:
        """For MMEngine's ClassBalancedDataset."""
        return [self.get_data_info(idx)['label']]
