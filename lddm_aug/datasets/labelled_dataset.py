"""Base class of the datasets of real videos, stills and synthetic clips."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmaction.datasets import BaseActionDataset
from mmaction.registry import TRANSFORMS

from lddm_aug.datasets.quarantine import (
    MAX_BAD_SHARE,
    OF_A_FILE,
    Quarantine,
    check_share,
    name_of,
)
from lddm_aug.datasets.visits import draw_seed
from lddm_aug.seeds import derive_seed, seeded


class LabelledDataset(BaseActionDataset):
    """Samples with a class, a group, an origin and a seed.

    Every visit of a sample has its own `seed` in the pipeline, which also seeds the global states
    that transforms use.

    A training leaves out a sample whose file can't be read, with a warning, and shows another of
    its class in its place: at every visit one that is drawn from the visit's seed.  `quarantine`
    has those that were left out; `QuarantineHook` counts them in log and checkpoints.  In
    `test_mode` nothing takes the place of anything: the error names the file.

    Args:
        ann_file: list of the samples.
        classes: names; a label is an index into this list.
        pipeline: transforms, as in MMAction2.
        test_mode: for validation and test; a sample is the same at every visit, also with random
            transforms.
        seed: of the randomness, combined with the visit; see `EpochSampler`.
        max_bad_share: the part of the samples that a training may leave out, in [0, 1); beyond it
            it ends.  With 0 the first sample that can't be read ends it.
        serialize_data: MMEngine's way to share long lists among workers; slow for short ones.
        kwargs: of MMEngine's BaseDataset.

    Raises:
        ValueError: if max_bad_share is no share; when a sample is taken, if more than that can't
            be read, or there is no other of its class.
    """

    def __init__(self, ann_file: str, classes: Sequence[str], pipeline: Sequence[Any],
                 test_mode: bool, seed: int, serialize_data: bool = False,
                 max_bad_share: float = MAX_BAD_SHARE, **kwargs: Any) -> None:
        check_share(type(self).__name__, max_bad_share)
        self.seed = seed
        self.max_bad_share = max_bad_share
        self.quarantine: Quarantine | None = None
        # MMEngine would search transforms in the default scope, which only a Runner sets
        built = [TRANSFORMS.build(transform) if isinstance(transform, dict) else transform
                 for transform in pipeline]
        super().__init__(ann_file, pipeline=built, test_mode=test_mode,
                         metainfo=dict(classes=tuple(classes)), serialize_data=serialize_data,
                         **kwargs)

    def full_init(self) -> None:
        super().full_init()
        if self.quarantine is None and not self.test_mode:           # before there are workers
            self.quarantine = Quarantine(self.ann_file or type(self).__name__, len(self),
                                         self.max_bad_share)

    def prepare_data(self, idx: int) -> Any:
        if self.test_mode:
            sample = self.draw(idx, derive_seed(self.seed, 0, idx))
            if sample is None:
                raise ValueError(f'{self._name(idx)}: a transform of the pipeline returned '
                                 'nothing, but validation and test need every sample')
            return sample
        assert self.quarantine is not None           # of full_init
        seed = derive_seed(self.seed, draw_seed())
        for index in self._candidates(int(idx), seed):
            if index in self.quarantine:
                continue
            try:
                return self.draw(index, seed)
            except OF_A_FILE as error:
                self.quarantine.add(index, self._name(index), error)
        raise ValueError(f'{self.ann_file}: no sample of the class of {self._name(idx)} can be '
                         'read; correct the files')

    def _candidates(self, index: int, seed: int) -> Iterator[int]:
        """The sample, and the others of its class in an order that the seed draws."""
        yield index
        label = self.get_data_info(index)['label']
        known = getattr(self, 'labels', None)        # of a store, in a column
        labels = known if known is not None else [
            self.get_data_info(other)['label'] for other in range(len(self))]
        others = np.flatnonzero(np.asarray(labels) == label)
        order = np.random.default_rng(derive_seed('quarantine', seed)).permutation(others)
        yield from (int(other) for other in order if other != index)

    def _name(self, index: int) -> str:
        return name_of(self.get_data_info(index), index)

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
