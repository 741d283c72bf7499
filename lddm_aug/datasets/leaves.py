"""Looks into data sets that are made of others."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from mmengine.runner.runner import _SlicedDataset
from torch.utils.data import ConcatDataset, Subset

from lddm_aug.classes import class_list, refuse_other_classes


def inside(dataset: Any) -> Iterator[Any]:
    """A data set and all that it is made of, inside PyTorch's wrappers, MMEngine's and ours."""
    yield dataset
    for part in parts_of(dataset):
        yield from inside(part)


def leaves(dataset: Any) -> Iterator[Any]:
    """Those inside that hold samples of their own."""
    return (part for part in inside(dataset) if not parts_of(part))


def groups_of(dataset: Any) -> frozenset[str]:
    """A data set's groups, looked for inside wrappers; none where it knows none."""
    if hasattr(dataset, 'groups'):
        return frozenset(dataset.groups)
    if isinstance(dataset, Subset):
        of_generators = groups_of(dataset.dataset) - _sample_groups(dataset.dataset)
        return _sample_groups(dataset) | of_generators
    return frozenset().union(*map(groups_of, parts_of(dataset)))


def classes_of(owner: str, place: str, dataset: Any) -> tuple[str, ...]:
    """A data set's classes, looked for inside wrappers; none where it knows none.

    Args:
        owner: begins the message.
        place: what the data set is, for the message.

    Raises:
        ValueError: if its parts have different ones.
    """
    lists = [class_list(owner, (getattr(part, 'metainfo', None) or {}).get('classes'))
             for part in leaves(dataset)]
    known = [classes for classes in lists if classes]
    for classes in known[1:]:
        refuse_other_classes(owner, f'one part of {place}', known[0], 'another', classes)
    return known[0] if known else ()


def _sample_groups(dataset: Any) -> frozenset[str]:
    return frozenset(info['group'] for info in infos_of(dataset) if 'group' in info)


def metainfo_of(dataset: Any) -> dict[str, Any]:
    """A data set's classes and so on; of PyTorch's wrappers, which know none, the first part's."""
    return next((part.metainfo for part in inside(dataset) if hasattr(part, 'metainfo')), {})


def info_of(dataset: Any, index: int) -> dict[str, Any]:
    """What a data set knows of a sample before it reads it, also inside PyTorch's wrappers."""
    if hasattr(dataset, 'get_data_info'):
        return dataset.get_data_info(index)
    if isinstance(dataset, Subset):
        return info_of(dataset.dataset, dataset.indices[index])
    if isinstance(dataset, ConcatDataset):
        part = bisect_right(dataset.cumulative_sizes, index)
        return info_of(dataset.datasets[part], index - [0, *dataset.cumulative_sizes][part])
    raise ValueError(f'{type(dataset).__name__} has no get_data_info, which tells the label of a '
                     'sample; take a data set of MMAction2 or of this package')


def infos_of(dataset: Any) -> list[dict[str, Any]]:
    """What a data set knows of its samples before it reads them, each once; wrappers are opened.

    A part of a data set (PyTorch's Subset) has its own samples only.
    """
    if isinstance(dataset, Subset):
        infos = infos_of(dataset.dataset)
        return [infos[index % len(infos)] for index in dataset.indices]
    parts = parts_of(dataset)
    if parts:
        synthetic = getattr(dataset, 'synthetic', None)      # whatever data set it is
        return [{'origin': 'synthetic', **info} if part is synthetic else info
                for part in parts for info in infos_of(part)]
    if not hasattr(dataset, 'get_data_info'):
        return []
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def parts_of(dataset: Any) -> list[Any]:
    """What a wrapper holds directly; empty if it is none."""
    if isinstance(dataset, _SlicedDataset):          # a dataloader's num_batch_per_epoch makes it
        return [dataset._dataset]
    held = [*getattr(dataset, 'datasets', ()),
            *(getattr(dataset, name, None) for name in ('dataset', 'real', 'synthetic'))]
    return [part for part in held if part is not None]
