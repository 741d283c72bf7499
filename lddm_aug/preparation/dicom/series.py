"""Single frames that belong together, as some devices store a sweep."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lddm_aug.preparation.dicom.facts import Facts

PLACES = ('InstanceNumber', 'TemporalPositionIdentifier', 'AcquisitionDateTime',
          'AcquisitionTime', 'ContentTime')


class Found(NamedTuple):
    """A file with a picture: where it lies, its name in tables, class and split, what it says."""
    path: Path
    name: str
    label: str
    split: str
    facts: Facts


def find_series(files: Sequence[Found]) -> list[list[Found]]:
    """Single frames of one series, class and shape, two or more of them each, in their order."""
    series: dict[tuple, list[Found]] = {}
    for file in files:
        if file.facts.series and not file.facts.is_video:
            key = (file.facts.series, file.label, file.split, file.facts.shape)
            series.setdefault(key, []).append(file)
    return [in_order(members) for members in series.values() if len(members) > 1]


def in_order(files: Sequence[Found]) -> list[Found]:
    """By the first tag that all have, each with a value of its own; else as they came."""
    index = _deciding_place(files)
    if index is None:
        return list(files)
    return sorted(files, key=lambda file: file.facts.places[index])  # type: ignore[arg-type, return-value]


def series_notes(series: Sequence[Sequence[Found]]) -> list[str]:
    """What is odd about them: order, and shapes that part what is one series."""
    notes = []
    others = [members for members in series if _deciding_place(members) != 0]
    if others:
        by = sorted({'file name' if index is None else PLACES[index]
                     for index in map(_deciding_place, others)})
        notes.append(f'{len(others)} series of single frames have no InstanceNumber, or the same '
                     f'one twice, and are ordered by {" or ".join(by)}')
    uids = [members[0].facts.series for members in series]
    if mixed := len(uids) - len(set(uids)):
        notes.append(f'{mixed} series of single frames mix sizes, regions, classes or splits, and '
                     'are parted by these')
    return notes


def _deciding_place(files: Sequence[Found]) -> int | None:
    for index in range(len(PLACES)):
        values = {file.facts.places[index] for file in files}
        if None not in values and len(values) == len(files):
            return index
    return None
