"""Single frames of one series, as some devices store a sweep."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lddm_aug.preparation.dicom.facts import Facts

PLACES = ('InstanceNumber', 'TemporalPositionIdentifier', 'AcquisitionDateTime',
          'AcquisitionTime', 'ContentTime')


class Found(NamedTuple):
    """A file with a picture: path, name in tables, class, split and metadata."""
    path: Path
    name: str
    label: str
    split: str
    facts: Facts


def find_series(files: Sequence[Found]) -> list[list[Found]]:
    """Lists of two or more single frames of one series, class, split and shape, in order."""
    series: dict[tuple, list[Found]] = {}
    for file in files:
        if file.facts.series and not file.facts.is_video:
            key = (file.facts.series, file.label, file.split, file.facts.shape)
            series.setdefault(key, []).append(file)
    return [in_order(members) for members in series.values() if len(members) > 1]


def in_order(files: Sequence[Found]) -> list[Found]:
    """The files sorted by the first tag with a unique value in each; else in the given order."""
    index = _deciding_place(files)
    if index is None:
        return list(files)
    return sorted(files, key=lambda file: file.facts.places[index])  # type: ignore[arg-type, return-value]


def series_notes(series: Sequence[Sequence[Found]]) -> list[str]:
    """Notes on series: their order, and splits of a series by shape."""
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
                     'are divided by these')
    return notes


def _deciding_place(files: Sequence[Found]) -> int | None:
    for index in range(len(PLACES)):
        values = {file.facts.places[index] for file in files}
        if None not in values and len(values) == len(files):
            return index
    return None
