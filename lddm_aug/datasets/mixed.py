"""Real and synthetic clips together, for training."""
from __future__ import annotations

import operator
import textwrap
from collections import Counter
from collections.abc import Sequence
from copy import copy
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
    leaves,
    metainfo_of,
)
from lddm_aug.datasets.visits import Visit, current_visit, draw_seed
from lddm_aug.seeds import derive_seed, seeded

BALANCES = ('equal_share', 'union')
MAX_PER_REAL = 1000                                  # an epoch's samples must fit into memory


@DATASETS.register_module()
class LDDMMixedDataset(Dataset):
    """Real and synthetic clips at a stated ratio, for training only.

    An epoch holds every real clip once and draws synthetic ones.  Every visit of a sample is drawn
    anew, also where the data sets inside are MMAction2's own.

    Under `EpochSampler` all synthetic clips of a class are used equally often as epochs go by.
    Other samplers don't tell the epoch.  Then a class that has room for its clips shows each
    equally often in an epoch, and what room is left is filled with clips drawn at random.

    Args:
        real: config of a data set, or the data set: any of MMAction2's or VideoClipDataset.
        synthetic: the same: SyntheticClipDataset, or StillDataset to synthesize on the fly.
        synthetic_per_real: synthetic clips per real clip, in each class alike; None for 'union'.
        class_balance: 'equal_share' draws them so that being synthetic says nothing about the
            class.  'union' takes every clip that there is, as the paper does.
        seed: of the draws, beside the visit; see `EpochSampler`.
        test_mode: here for the refusal: validation and test must see real clips only.
        lazy_init: read what the data sets hold only when it is needed.
        allow_leakage: go on where the audit beside one of their tables found leakage.

    Raises:
        ValueError: if the two don't fit together, or the audit of one of them found leakage; the
            message says which argument to change.
    """

    def __init__(self, real: dict | Dataset, synthetic: dict | Dataset,
                 synthetic_per_real: float | None = 1.0, class_balance: str = 'equal_share',
                 seed: int = 0, test_mode: bool = False, lazy_init: bool = False,
                 allow_leakage: bool = False) -> None:
        if test_mode:
            raise ValueError('LDDMMixedDataset: mixes synthetic clips in and is for training only; '
                             'for validation and test take the data set of real clips')
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
        return {**metainfo_of(self.synthetic), **metainfo_of(self.real)}

    @property
    def pipeline(self) -> Any:
        """The transforms of the real clips; those of the synthetic ones may be others."""
        return next(leaves(self.real)).pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Any) -> None:
        """Let every data set inside run its own transforms in a Compose of this kind.

        So MMAction2's browse_dataset, which sets a Compose that notes what each transform made,
        shows real clips and synthetic ones.
        """
        if list(pipeline.transforms) != list(self.pipeline.transforms):
            raise ValueError('LDDMMixedDataset: real and synthetic have pipelines of their own; '
                             'set real.pipeline and synthetic.pipeline')
        for leaf in leaves(self):
            own = copy(pipeline)
            own.transforms = leaf.pipeline.transforms
            leaf.pipeline = own

    @property
    def groups(self) -> frozenset[str]:
        """Those of both parts, as far as they know them."""
        return groups_of(self.real) | groups_of(self.synthetic)

    def full_init(self) -> None:
        """Count what there is, set how many clips each class gets, and print that."""
        if self._fully_initialized:
            return
        self._real_labels = self._labels_of(self.real)
        self._clips = _by_label(self._labels_of(self.synthetic))
        self._reals = _by_label(self._real_labels)
        self._share = self._clips_per_class()
        # A slot (label, j) is the j-th synthetic sample of a class in every epoch.
        self._slots = [(label, j) for label, share in self._share.items() for j in range(share)]
        self._fully_initialized = True
        self._print_shares()

    def set_schedule(self, schedule: Sequence[float]) -> None:
        """Let the synthetic share change with the epochs; SyntheticShareHook does so.

        Args:
            schedule: for each epoch, and the last for all that follow, which part of the synthetic
                samples stays synthetic; real clips of the same class take the others' places.

        Raises:
            ValueError: if it is empty, or a part lies outside [0, 1].
        """
        if not schedule or not all(0 <= part <= 1 for part in schedule):
            raise ValueError('LDDMMixedDataset: a schedule gives the part of the synthetic samples '
                             f'that stays, in [0, 1], epoch by epoch, but got {list(schedule)}')
        self._schedule = tuple(schedule)

    def __len__(self) -> int:
        self.full_init()
        return len(self._real_labels) + len(self._slots)

    def __getitem__(self, index: int) -> Any:
        with seeded(derive_seed(self.seed, draw_seed())):
            dataset, origin, inner = self._locate(index, current_visit())
            sample = dataset[inner]
        if not isinstance(sample, dict):
            raise ValueError(f'LDDMMixedDataset: {type(dataset).__name__} gives a '
                             f'{type(sample).__name__} at an index, where a mix needs one sample, '
                             'a dict; take another data set')
        return _with_origin(sample, origin)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """What stands at this place in the visit under way, or without one in the first epoch."""
        visit = current_visit() or Visit(idx, epoch=0, position=idx, seed=self.seed)
        dataset, origin, inner = self._locate(idx, visit)
        return {'origin': origin, **info_of(dataset, inner)}

    def get_cat_ids(self, idx: int) -> list[int]:
        """For MMEngine's ClassBalancedDataset."""
        return [int(self.get_data_info(idx)['label'])]

    def _locate(self, index: int, visit: Visit | None) -> tuple[Any, str, int]:
        """Which data set the sample comes from, its origin, and its index there."""
        if not 0 <= index < len(self):
            raise IndexError(f'LDDMMixedDataset: index must lie in [0, {len(self)}), '
                             f'but got {index}')
        slot = int(index) - len(self._real_labels)
        if slot < 0:
            return self.real, 'real', int(index)
        label, j = self._slots[slot]
        if j < round(self._share[label] * self._part(visit)) or label not in self._reals:
            dataset, origin, clips = self.synthetic, 'synthetic', self._clips[label]
        else:
            dataset, origin, clips = self.real, 'real', self._reals[label]
        if visit is None:
            return dataset, origin, _fill(j, self._share[label], clips)
        # A wrapper that repeats a slot asks for it at several indices: each has its own draws.
        row = label, visit.index - int(index)
        return dataset, origin, self._draw(row, visit.epoch * self._share[label] + j, clips)

    def _part(self, visit: Visit | None) -> float:
        """Which part of the synthetic samples stays synthetic."""
        if visit is not None:
            return self._schedule[min(visit.epoch, len(self._schedule) - 1)]
        if len(set(self._schedule)) > 1:
            raise ValueError('LDDMMixedDataset: a schedule that changes with the epochs needs a '
                             "sampler that tells them; set sampler.type='EpochSampler'")
        return self._schedule[0]

    def _draw(self, row: tuple[int, int], number: int, clips: NDArray) -> int:
        """The clip at this place of an endless row: one permutation of the clips after another."""
        cycle, place = divmod(number, len(clips))
        shuffled = np.random.default_rng(derive_seed(self.seed, *row, cycle)).permutation(clips)
        return int(shuffled[place])

    def _clips_per_class(self) -> dict[int, int]:
        """Synthetic samples of each class in an epoch."""
        if self.synthetic_per_real is None:
            return {label: len(clips) for label, clips in sorted(self._clips.items())}
        share = {label: round(self.synthetic_per_real * count)
                 for label, count in sorted(Counter(self._real_labels).items())}
        lacking = [self._name(label) for label, count in share.items()
                   if count and label not in self._clips]
        if lacking:
            raise ValueError(
                f'LDDMMixedDataset: class {", ".join(lacking)} has real clips but no synthetic '
                'ones, so being synthetic would tell the class; synthesize some of it, or set '
                "class_balance='union' and synthetic_per_real=None")
        return share

    def _labels_of(self, dataset: Any) -> list[int]:
        for part in inside(dataset):
            if hasattr(part, 'full_init'):
                part.full_init()
        _refuse_repeats(dataset)
        labels = [_label_of(dataset, index) for index in range(len(dataset))]
        classes = self.metainfo.get('classes')
        unknown = sorted(label for label in set(labels)
                         if label < 0 or classes is not None and label >= len(classes))
        if unknown:
            raise ValueError(f'LDDMMixedDataset: labels {unknown} of {type(dataset).__name__} '
                             f'lie outside the classes {classes}')
        return labels

    def _check_classes(self) -> None:
        real, synthetic = (classes_of('LDDMMixedDataset', name, part) for name, part in
                           (('real', self.real), ('synthetic', self.synthetic)))
        if real and synthetic:
            refuse_other_classes('LDDMMixedDataset', 'real', real, 'synthetic', synthetic)

    def _print_shares(self) -> None:
        real = Counter(self._real_labels)
        width = max(len(self._name(label)) for label in {*real, *self._clips, 0})
        rows = [f'{self._name(label):{width}}  {real[label]:8d}  {self._share.get(label, 0):9d}  '
                f'of {len(self._clips.get(label, ())):6d}'
                for label in sorted({*real, *self._clips})]
        print_log('\n'.join([f'LDDMMixedDataset ({self.class_balance}), samples in an epoch:',
                             f'{"class":{width}}      real  synthetic  of clips', *rows]),
                  logger='current')

    def _name(self, label: int) -> str:
        classes = self.metainfo.get('classes')
        return str(classes[label]) if classes else str(label)


def _by_label(labels: Sequence[int]) -> dict[int, NDArray]:
    """Which samples carry each label."""
    return {label: np.flatnonzero(np.array(labels) == label) for label in set(labels)}


def _fill(j: int, share: int, clips: NDArray) -> int:
    """The clip at place j of `share`: each equally often, and the rest drawn at random."""
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
        raise ValueError(f'{name} has no label, which a mix needs to know its class; take a data '
                         'set for recognition')
    try:
        return operator.index(info['label'])
    except TypeError as error:
        raise ValueError(f'{name} has the label {_short(info["label"])}, where a mix needs the '
                         'number of one class; set multi_class=False, or take a data set with one '
                         'label a sample') from error


def _short(label: Any) -> str:
    return textwrap.shorten(repr(label), 60, placeholder=' …')


def _refuse_repeats(dataset: Any) -> None:
    """RepeatAugDataset gives a list of samples at an index, which shows only when one is read."""
    for leaf in leaves(dataset):
        if isinstance(leaf, RepeatAugDataset):
            raise ValueError(f'LDDMMixedDataset: {type(leaf).__name__} gives num_repeats='
                             f'{leaf.num_repeats} samples at an index, but a mix needs one; take '
                             'VideoDataset, in a RepeatDataset where each is to come up more often')


def _with_origin(sample: Any, origin: str) -> Any:
    """Note the origin where the data set's pipeline didn't."""
    if 'data_samples' not in sample:
        return {'origin': origin, **sample}
    if 'origin' not in sample['data_samples']:
        sample['data_samples'].set_metainfo(dict(origin=origin))
    return sample
