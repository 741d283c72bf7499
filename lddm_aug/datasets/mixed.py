"""Real and synthetic clips together, for training."""
from __future__ import annotations

import operator
import textwrap
from bisect import bisect_right
from collections.abc import Sequence
from copy import copy
from hashlib import blake2b
from itertools import accumulate
from typing import Any

import numpy as np
from mmaction.datasets import RepeatAugDataset
from mmaction.registry import DATASETS
from mmengine.logging import print_log
from numpy.typing import NDArray
from torch.utils.data import Dataset

from lddm_aug.classes import refuse_other_classes
from lddm_aug.data.audit_record import refuse_audited_leaks
from lddm_aug.datasets.labelled_dataset import LabelledDataset
from lddm_aug.datasets.leaves import (
    classes_of,
    groups_of,
    info_of,
    inside,
    labels_of,
    leaves,
    metainfo_of,
)
from lddm_aug.datasets.visits import Visit, current_visit, draw_seed
from lddm_aug.seeds import derive_seed, seeded

MAX_SHUFFLED = 4096                                  # clips whose order is made for each draw
FEISTEL_ROUNDS = 6
BALANCES = ('equal_share', 'union')
MAX_PER_REAL = 1000                                  # the list of an epoch must fit into memory


@DATASETS.register_module()
class LDDMMixedDataset(Dataset):
    """Real and synthetic clips at a given ratio, for training only.

    An epoch has every real clip once, and draws of synthetic ones.  Every visit of a sample is
    random, also with MMAction2's own datasets inside.

    Under `EpochSampler` all synthetic clips of a class are used equally often over the epochs.
    Other samplers don't pass the epoch.  With them an epoch repeats the clips of a class as often
    as they fit completely, and draws the rest at random.

    Args:
        real: config of a dataset, or the dataset: any of MMAction2's or VideoClipDataset.
        synthetic: the same: SyntheticClipDataset, or StillDataset to synthesize on the fly.
        synthetic_per_real: synthetic clips per real clip, in every class; None for 'union'.
        class_balance: 'equal_share' gives all classes the same share of synthetic clips, so that
            the origin doesn't predict the class.  'union' takes every clip, as in the paper.
        seed: of the draws, combined with the visit; see `EpochSampler`.
        test_mode: must be False: validation and test use real clips only.
        lazy_init: read the lists of the datasets on first use.
        allow_leakage: ignore leakage that the audit beside one of their tables found.

    Raises:
        ValueError: if the two datasets don't fit together, or the audit of one of them found
            leakage; the message has the argument to change.
    """

    def __init__(self, real: dict | Dataset, synthetic: dict | Dataset,
                 synthetic_per_real: float | None = 1.0, class_balance: str = 'equal_share',
                 seed: int = 0, test_mode: bool = False, lazy_init: bool = False,
                 allow_leakage: bool = False) -> None:
        if test_mode:
            raise ValueError('LDDMMixedDataset: mixes synthetic clips in and is for training only; '
                             'for validation and test take the dataset of real clips')
        _check_ratio(synthetic_per_real, class_balance)
        self.real: Any = DATASETS.build(real) if isinstance(real, dict) else real
        self.synthetic: Any = (DATASETS.build(synthetic) if isinstance(synthetic, dict)
                               else synthetic)
        _refuse_test_mode(real=self.real, synthetic=self.synthetic)
        if not allow_leakage:
            refuse_audited_leaks('LDDMMixedDataset', leaves(self))
        self.synthetic_per_real = synthetic_per_real
        self.class_balance = class_balance
        self.seed = seed
        self._schedule: tuple[float, ...] = (1.,)
        self._check_classes()
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    @property
    def metainfo(self) -> dict[str, Any]:
        """Metainfo of both datasets; that of the real clips has precedence."""
        return {**metainfo_of(self.synthetic), **metainfo_of(self.real)}

    @property
    def pipeline(self) -> Any:
        """The transforms of the real clips; those of the synthetic ones may be others."""
        return next(leaves(self.real)).pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Any) -> None:
        """Make every dataset inside run its own transforms in a Compose of this type.

        MMAction2's browse_dataset, which sets a Compose that records the results of transforms,
        then shows real and synthetic clips.
        """
        if list(pipeline.transforms) != list(self.pipeline.transforms):
            raise ValueError('LDDMMixedDataset: real and synthetic have separate pipelines; '
                             'set real.pipeline and synthetic.pipeline')
        for leaf in leaves(self):
            own = copy(pipeline)
            own.transforms = leaf.pipeline.transforms
            leaf.pipeline = own

    @property
    def groups(self) -> frozenset[str]:
        """Groups of both datasets."""
        return groups_of(self.real) | groups_of(self.synthetic)

    def full_init(self) -> None:
        """Read both datasets, determine the number of synthetic clips per class, and print it."""
        if self._fully_initialized:
            return
        self._real_labels = self._labels_of(self.real)
        self._clips = _by_label(self._labels_of(self.synthetic))
        self._reals = _by_label(self._real_labels)
        self._share = self._clips_per_class()
        # The synthetic samples of an epoch are those of the first class, of the next one, ...
        self._ends = [*accumulate(self._share.values())]
        self._fully_initialized = True
        self._print_shares()

    def set_schedule(self, schedule: Sequence[float]) -> None:
        """Set the synthetic share of every epoch; SyntheticShareHook calls it.

        Args:
            schedule: for each epoch, the part of the synthetic samples that stays synthetic; the
                last value is for all later epochs.  Real clips of the same class replace the rest.

        Raises:
            ValueError: if it is empty, or a part is outside [0, 1].
        """
        if not schedule or not all(0 <= part <= 1 for part in schedule):
            raise ValueError('LDDMMixedDataset: a schedule gives the part of the synthetic samples '
                             f'that stays, in [0, 1], epoch by epoch, but got {list(schedule)}')
        self._schedule = tuple(schedule)

    def __len__(self) -> int:
        self.full_init()
        return len(self._real_labels) + (self._ends[-1] if self._ends else 0)

    def __getitem__(self, index: int) -> Any:
        with seeded(derive_seed(self.seed, draw_seed())):
            dataset, origin, inner = self._locate(index, current_visit())
            sample = dataset[inner]
        if not isinstance(sample, dict):
            raise ValueError(f'LDDMMixedDataset: {type(dataset).__name__} returns a '
                             f'{type(sample).__name__} at an index, but a sample must be a dict; '
                             'take another dataset')
        return _with_origin(sample, origin)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Info of the sample in the current visit; without a visit, of the first epoch."""
        visit = current_visit() or Visit(idx, epoch=0, position=idx, seed=self.seed)
        dataset, origin, inner = self._locate(idx, visit)
        return {'origin': origin, **info_of(dataset, inner)}

    def get_cat_ids(self, idx: int) -> list[int]:
        """For MMEngine's ClassBalancedDataset."""
        return [int(self.get_data_info(idx)['label'])]

    def _locate(self, index: int, visit: Visit | None) -> tuple[Any, str, int]:
        """The dataset of the sample, its origin, and its index there."""
        if not 0 <= index < len(self):
            raise IndexError(f'LDDMMixedDataset: index must lie in [0, {len(self)}), '
                             f'but got {index}')
        slot = int(index) - len(self._real_labels)
        if slot < 0:
            return self.real, 'real', int(index)
        label, j = self._slot(slot)
        if j < round(self._share[label] * self._part(visit)) or label not in self._reals:
            dataset, origin, clips = self.synthetic, 'synthetic', self._clips[label]
        else:
            dataset, origin, clips = self.real, 'real', self._reals[label]
        if visit is None:
            return dataset, origin, _fill(j, self._share[label], clips)
        # A wrapper that repeats a slot has several indices for it: each has its own draws.
        row = label, visit.index - int(index)
        return dataset, origin, self._draw(row, visit.epoch * self._share[label] + j, clips)

    def _slot(self, slot: int) -> tuple[int, int]:
        """The class of a synthetic sample of an epoch, and its number among those of the class."""
        number = bisect_right(self._ends, slot)
        return [*self._share][number], slot - [0, *self._ends][number]

    def _part(self, visit: Visit | None) -> float:
        """The part of the synthetic samples that stays synthetic."""
        if visit is not None:
            return self._schedule[min(visit.epoch, len(self._schedule) - 1)]
        if len(set(self._schedule)) > 1:
            raise ValueError('LDDMMixedDataset: a schedule that changes with the epochs needs a '
                             "sampler that passes the epoch; set sampler.type='EpochSampler'")
        return self._schedule[0]

    def _draw(self, row: tuple[int, int], number: int, clips: NDArray) -> int:
        """The clip at a position of an endless sequence of permutations of the clips."""
        cycle, place = divmod(number, len(clips))
        seed = derive_seed(self.seed, *row, cycle)
        if len(clips) > MAX_SHUFFLED:                # in the same time, however many there are
            return int(clips[shuffled_place(place, len(clips), seed)])
        return int(np.random.default_rng(seed).permutation(clips)[place])

    def _clips_per_class(self) -> dict[int, int]:
        """Synthetic samples of each class in an epoch."""
        if self.synthetic_per_real is None:
            return {label: len(clips) for label, clips in sorted(self._clips.items())}
        share = {label: round(self.synthetic_per_real * count)
                 for label, count in _counts(self._real_labels).items()}
        missing = [self._name(label) for label, count in share.items()
                   if count and label not in self._clips]
        if missing:
            raise ValueError(
                f'LDDMMixedDataset: class {", ".join(missing)} has real clips but no synthetic '
                'ones, so the origin of a clip would predict its class; synthesize some of it, or '
                "set class_balance='union' and synthetic_per_real=None")
        return share

    def _labels_of(self, dataset: Any) -> NDArray:
        for part in inside(dataset):
            if hasattr(part, 'full_init'):
                part.full_init()
        _refuse_repeats(dataset)
        stored = labels_of(dataset)
        labels = np.array([_label_of(dataset, index) for index in range(len(dataset))], int
                          ) if stored is None else stored
        classes = self.metainfo.get('classes')
        unknown = [label for label in np.unique(labels).tolist()
                   if label < 0 or (classes is not None and label >= len(classes))]
        if unknown:
            raise ValueError(f'LDDMMixedDataset: labels {unknown} of {type(dataset).__name__} '
                             f'are outside the classes {classes}')
        return labels

    def _check_classes(self) -> None:
        real, synthetic = (classes_of('LDDMMixedDataset', name, part) for name, part in
                           (('real', self.real), ('synthetic', self.synthetic)))
        if real and synthetic:
            refuse_other_classes('LDDMMixedDataset', 'real', real, 'synthetic', synthetic)

    def _print_shares(self) -> None:
        real = _counts(self._real_labels)
        width = max(len(self._name(label)) for label in {*real, *self._clips, 0})
        rows = [f'{self._name(label):{width}}  {real.get(label, 0):8d}  '
                f'{self._share.get(label, 0):9d}  of {len(self._clips.get(label, ())):6d}'
                for label in sorted({*real, *self._clips})]
        print_log('\n'.join([f'LDDMMixedDataset ({self.class_balance}), samples in an epoch:',
                             f'{"class":{width}}      real  synthetic  of clips', *rows]),
                  logger='current')

    def _name(self, label: int) -> str:
        classes = self.metainfo.get('classes')
        return str(classes[label]) if classes else str(label)


def shuffled_place(place: int, count: int, seed: int) -> int:
    """Where a place comes to in a random order of `count` places, without making that order.

    A Feistel network permutes the numbers of an even number of bits; what it takes out of the
    places is permuted again (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").

    Args:
        place: in [0, count).
        seed: of the order, 63 bits.
    """
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    mask, key = (1 << half) - 1, seed.to_bytes(8, 'big')
    while True:
        left, right = place >> half, place & mask
        for number in range(FEISTEL_ROUNDS):
            drawn = blake2b(bytes([number]) + right.to_bytes(8, 'big'), digest_size=8, key=key)
            left, right = right, left ^ (int.from_bytes(drawn.digest(), 'big') & mask)
        place = left << half | right
        if place < count:
            return place


def _counts(labels: NDArray) -> dict[int, int]:
    """How many samples each label has."""
    values, counts = np.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _by_label(labels: NDArray) -> dict[int, NDArray]:
    """Indices of the samples of each label."""
    return {label: np.flatnonzero(labels == label).astype(np.int32 if len(labels) < 2**31 else int)
            for label in np.unique(labels).tolist()}


def _fill(j: int, share: int, clips: NDArray) -> int:
    """The clip at position j of `share`: each clip equally often, and the rest at random."""
    evenly = share - share % len(clips)
    return int(clips[j % len(clips) if j < evenly else np.random.randint(len(clips))])


def _refuse_test_mode(**parts: Any) -> None:
    for name, part in parts.items():
        if any(isinstance(leaf, LabelledDataset) and leaf.test_mode for leaf in leaves(part)):
            raise ValueError(f'LDDMMixedDataset: {name} has test_mode=True, in which a sample is '
                             'the same at every visit; leave it out for training')


def _check_ratio(synthetic_per_real: float | None, class_balance: str) -> None:
    if class_balance not in BALANCES:
        raise ValueError(f'LDDMMixedDataset: class_balance must be one of {BALANCES}, '
                         f'but got {class_balance!r}')
    if class_balance == 'union':
        if synthetic_per_real is not None:
            raise ValueError("LDDMMixedDataset: class_balance='union' takes every clip, so "
                             f'synthetic_per_real must be None, but got {synthetic_per_real!r}')
    elif (not isinstance(synthetic_per_real, (int, float))
          or not 0 <= synthetic_per_real <= MAX_PER_REAL):
        raise ValueError('LDDMMixedDataset: synthetic_per_real counts synthetic clips per real '
                         f'clip and must lie in [0, {MAX_PER_REAL}], but got '
                         f'{synthetic_per_real!r}')


def _label_of(dataset: Any, index: int) -> int:
    info = info_of(dataset, index)
    name = f'LDDMMixedDataset: sample {index} of {type(dataset).__name__}'
    if 'label' not in info:
        raise ValueError(f'{name} has no label, but every sample must have a class; take a dataset '
                         'for recognition')
    try:
        return operator.index(info['label'])
    except TypeError as error:
        raise ValueError(f'{name} has the label {_short(info["label"])}, but it must be the number '
                         'of one class; set multi_class=False, or take a dataset with one label '
                         'per sample') from error


def _short(label: Any) -> str:
    return textwrap.shorten(repr(label), 60, placeholder=' …')


def _refuse_repeats(dataset: Any) -> None:
    """Raise ValueError for RepeatAugDataset, which returns a list of samples at an index."""
    for leaf in leaves(dataset):
        if isinstance(leaf, RepeatAugDataset):
            raise ValueError(f'LDDMMixedDataset: {type(leaf).__name__} returns num_repeats='
                             f'{leaf.num_repeats} samples at an index, but must return one; take '
                             'VideoDataset, in a RepeatDataset to repeat samples')


def _with_origin(sample: Any, origin: str) -> Any:
    """The sample with its origin, unless the dataset's pipeline has set it."""
    if 'data_samples' not in sample:
        return {'origin': origin, **sample}
    if 'origin' not in sample['data_samples']:
        sample['data_samples'].set_metainfo(dict(origin=origin))
    return sample
