"""Access to the datasets inside wrappers."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dataset import RepeatDataset
from mmengine.runner.runner import _SlicedDataset
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, Subset

from lddm_aug.classes import class_list, refuse_other_classes


def inside(dataset: Any) -> Iterator[Any]:
    """A dataset and all datasets inside it, through wrappers of PyTorch, MMEngine and lddm_aug."""
    yield dataset
    for part in parts_of(dataset):
        yield from inside(part)


def leaves(dataset: Any) -> Iterator[Any]:
    """The datasets inside that are no wrappers."""
    return (part for part in inside(dataset) if not parts_of(part))


def transforms_of(dataset: Any) -> Iterator[Any]:
    """The transforms of every dataset inside, also those that other transforms hold."""
    for leaf in leaves(dataset):
        yield from _held(getattr(leaf, 'pipeline', None))


def _held(holder: Any) -> Iterator[Any]:
    transforms = getattr(holder, 'transforms', ())
    for transform in transforms if isinstance(transforms, (list, tuple)) else ():
        yield transform
        yield from _held(transform)


def groups_of(dataset: Any) -> frozenset[str]:
    """A dataset's groups, also inside wrappers; empty if it has none."""
    if hasattr(dataset, 'groups'):
        return frozenset(dataset.groups)
    if isinstance(dataset, Subset):
        of_generators = groups_of(dataset.dataset) - _sample_groups(dataset.dataset)
        return _sample_groups(dataset) | of_generators
    return frozenset().union(*map(groups_of, parts_of(dataset)))


def classes_of(owner: str, place: str, dataset: Any) -> tuple[str, ...]:
    """A dataset's classes, also inside wrappers; empty if it has none.

    Args:
        owner: prefix of the message.
        place: what the dataset is, for the message.
        dataset: perhaps a wrapper.

    Raises:
        ValueError: if its parts have different classes.
    """
    lists = [class_list(owner, (getattr(part, 'metainfo', None) or {}).get('classes'))
             for part in leaves(dataset)]
    known = [classes for classes in lists if classes]
    for classes in known[1:]:
        refuse_other_classes(owner, f'one part of {place}', known[0], 'another', classes)
    return known[0] if known else ()


def class_counts(dataset: Any) -> dict[str, dict[str, int]]:
    """How many videos, and groups, of each class a data set has, by the class's name."""
    names = classes_of('class_counts', 'the data set', dataset)
    of_class: dict[str, list[str]] = {name: [] for name in names}
    for info in infos_of(dataset):
        label = info.get('label', '')
        name = names[label] if names and isinstance(label, int) else str(label)
        of_class.setdefault(name, []).append(info.get('group', ''))
    return {name: dict(videos=len(groups), groups=len({*groups} - {''}))
            for name, groups in of_class.items()}


def _sample_groups(dataset: Any) -> frozenset[str]:
    return frozenset(info['group'] for info in infos_of(dataset) if 'group' in info)


def metainfo_of(dataset: Any) -> dict[str, Any]:
    """A dataset's metainfo; for wrappers without one, that of the first part."""
    return next((part.metainfo for part in inside(dataset) if hasattr(part, 'metainfo')), {})


def info_of(dataset: Any, index: int) -> dict[str, Any]:
    """`get_data_info` of a sample, also inside PyTorch's wrappers."""
    if hasattr(dataset, 'get_data_info'):
        return dataset.get_data_info(index)
    if isinstance(dataset, Subset):
        return info_of(dataset.dataset, dataset.indices[index])
    if isinstance(dataset, ConcatDataset):
        part = bisect_right(dataset.cumulative_sizes, index)
        return info_of(dataset.datasets[part], index - [0, *dataset.cumulative_sizes][part])
    raise ValueError(f'{type(dataset).__name__} has no get_data_info, which has the label of a '
                     'sample; take a dataset of MMAction2 or lddm_aug')


def labels_of(dataset: Any) -> NDArray | None:
    """The label of each sample, where a store has them in a column; None for others.

    Through wrappers of PyTorch and MMEngine that have the same samples in the same order.
    """
    if isinstance(dataset, Subset):
        inner = labels_of(dataset.dataset)
        return None if inner is None else inner[np.asarray(dataset.indices, int)]
    if isinstance(dataset, ConcatDataset):
        parts = [labels for part in dataset.datasets if (labels := labels_of(part)) is not None]
        return np.concatenate(parts) if len(parts) == len(dataset.datasets) else None
    if isinstance(dataset, RepeatDataset):
        inner = labels_of(dataset.dataset)
        return None if inner is None else np.tile(inner, dataset.times)
    labels = getattr(dataset, 'labels', None)
    return labels if isinstance(labels, np.ndarray) and labels.dtype.kind == 'i' else None


def label_infos(dataset: Any) -> Iterator[dict[str, Any]]:
    """`get_data_info` of the samples whose labels are to be checked; of a store one per label."""
    labels = labels_of(dataset)
    if labels is not None:
        yield from (info_of(dataset, int(first)) for first in np.unique(
            labels, return_index=True)[1])
    elif parts_of(dataset) and not isinstance(dataset, Subset):
        for part in parts_of(dataset):
            yield from label_infos(part)
    else:
        yield from infos_of(dataset)


def infos_of(dataset: Any) -> list[dict[str, Any]]:
    """`get_data_info` of all samples, each once, also inside wrappers.

    A Subset has its own samples only.
    """
    if isinstance(dataset, Subset):
        infos = infos_of(dataset.dataset)
        return [infos[index % len(infos)] for index in dataset.indices]
    parts = parts_of(dataset)
    if parts:
        synthetic = getattr(dataset, 'synthetic', None)      # of any type
        return [{'origin': 'synthetic', **info} if part is synthetic else info
                for part in parts for info in infos_of(part)]
    if not hasattr(dataset, 'get_data_info'):
        return []
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def parts_of(dataset: Any) -> list[Any]:
    """The datasets directly inside a wrapper; empty for other datasets."""
    if isinstance(dataset, _SlicedDataset):          # of a dataloader with num_batch_per_epoch
        return [dataset._dataset]
    parts = [*getattr(dataset, 'datasets', ()),
             *(getattr(dataset, name, None) for name in ('dataset', 'real', 'synthetic'))]
    return [part for part in parts if part is not None]
