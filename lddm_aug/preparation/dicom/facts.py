"""Metadata of one DICOM file, including its patient."""
from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lddm_aug.data.frames import Pixels, UnreadableFileError
from lddm_aug.preparation.dicom.decoding import (
    Samples,
    count_frames,
    is_stream,
    iter_samples,
    stream_rate,
)
from lddm_aug.preparation.dicom.header import PATIENT_TAGS, SERIES_TAGS, Header, Layout
from lddm_aug.preparation.dicom.picture import (
    Region,
    Span,
    converter,
    cropped,
    is_unscaled,
    pixel_aspect,
    squared,
    ultrasound_region,
    value_span,
)
from lddm_aug.preparation.dicom.privacy import or_unreadable
from lddm_aug.preparation.notices import PLACEHOLDERS

UNREADABLE = 'cannot be read as DICOM; is it cut off or damaged?'
MAX_FPS = 1000                                       # higher ones are durations in other units
Result = TypeVar('Result')


@dataclass(frozen=True)
class Facts:
    """Metadata that items, groups and notes need.

    Attributes:
        is_video: whether it has several frames, or is a stream.
        frames: number of frames; for a stream, the announced number.
        more_than_announced: whether NumberOfFrames is lower.
        fps: frames per second; None if unknown.
        shape: rows and columns, ultrasound region and height by width of a pixel.
        names_region: whether there is an ultrasound region.
        is_burnt_in: whether BurnedInAnnotation is YES.
        is_unscaled: whether it has more than 8 bits and no window or table of values.
        identity: value of the tag of the group, or a replacement of a blank one.
        is_blank: whether that tag is blank.
        is_nobody: whether its value is a placeholder.
        study: StudyInstanceUID.
        patient_words: words that no class may contain.
        series: SeriesInstanceUID, or StudyInstanceUID if it is blank.
        places: positions in the series by several tags, the best first; None for missing tags.
        ignored: optional tags with invalid values.
    """
    is_video: bool
    frames: int
    more_than_announced: bool
    fps: float | None
    shape: tuple[int, int, Region | None, float]
    names_region: bool
    is_burnt_in: bool
    is_unscaled: bool
    identity: str
    is_blank: bool
    is_nobody: bool
    study: str
    patient_words: frozenset[str]
    series: str
    places: tuple[float | str | None, ...]
    ignored: frozenset[str]


def read_facts(path: Path, name: str, group_tag: str) -> Facts | str:
    """Metadata of a file; for a file that is no picture by design, a description of it.

    Args:
        path: of the file.
        name: for messages.
        group_tag: tag of the group.

    Raises:
        UnreadableFileError: if it is unreadable or invalid.
    """
    def read() -> Facts | str:
        if path.stat().st_size == 0:
            raise UnreadableFileError(f'{name} is empty: it has 0 bytes')
        with path.open('rb') as file:
            header = Header(file, name, [*PATIENT_TAGS, *SERIES_TAGS, group_tag])
            return header.without_picture() or _facts(header, group_tag)

    return or_unreadable(read, name, UNREADABLE)


def read_pictures(path: Path, name: str, count: int, span: Span | None = None) -> Iterator[Pixels]:
    """Iterate over (H, W) or (H, W, 3) frames, cropped to the ultrasound region, in square pixels.

    Args:
        path: of the file.
        name: for messages.
        count: of frames, as in its facts.
        span: values of black and white for a file without a window.

    Raises:
        UnreadableFileError: during the iteration, if a frame can't be decoded.
    """
    def begin(header: Header, layout: Layout) -> Callable[[Samples], Pixels]:
        region, aspect = ultrasound_region(header, layout), pixel_aspect(header)
        convert = converter(header, layout, span)
        return lambda samples: squared(cropped(convert(samples), region), aspect)

    return _read_frames(path, name, count, begin)


def read_span(path: Path, name: str, count: int) -> Span | None:
    """The lowest and the highest value of all frames; None if they are equal.

    It raises the errors of `read_pictures`.
    """
    def begin(header: Header, layout: Layout) -> Callable[[Samples], list[float]]:
        return lambda samples: value_span(header, samples)

    values = [value for span in _read_frames(path, name, count, begin) for value in span]
    return (min(values), max(values)) if len(set(values)) > 1 else None


def _read_frames(path: Path, name: str, count: int,
                 begin: Callable[[Header, Layout], Callable[[Samples], Result]]
                 ) -> Iterator[Result]:
    """Iterate over frames, transformed by the function that `begin` returns for the header."""
    with or_unreadable(lambda: path.open('rb'), name, UNREADABLE) as file:
        header = or_unreadable(lambda: Header(file, name), name, UNREADABLE)
        layout = or_unreadable(header.layout, name, UNREADABLE)
        work = or_unreadable(lambda: begin(header, layout), name, UNREADABLE)
        frames = map(work, or_unreadable(lambda: iter_samples(header, layout, count), name,
                                         UNREADABLE))
        for number in itertools.count(1):
            found = or_unreadable(
                lambda: list(itertools.islice(frames, 1)), name,
                f'cannot be decoded: frame {number} of {count} is cut off, damaged, or of another '
                'size than its tags say')
            if not found:
                return
            yield found[0]


def words(*values: str) -> set[str]:
    """Words of more than two letters, case-folded."""
    return {word for value in values for word in re.split(r'[\W_]+', value.casefold())
            if len(word) > 2}


def _facts(header: Header, group_tag: str) -> Facts:
    layout = header.layout()
    header.require_decoder()
    frames = count_frames(header, layout)
    region, aspect = ultrasound_region(header, layout), pixel_aspect(header)
    converter(header, layout)                        # raises an error if it is invalid
    unscaled = is_unscaled(header, layout)
    fps = _fps(header)
    if is_stream(header):
        rate = or_unreadable(lambda: stream_rate(header), header.name,
                             f'cannot be decoded: its {header.syntax_name} is cut off or damaged')
        fps = fps or rate
    announced = max(1, int(header.number('NumberOfFrames') or 1))
    patient = {tag: header.text(tag) for tag in PATIENT_TAGS}
    study = patient.pop('StudyInstanceUID')
    identity = header.text(group_tag)
    # words of an ID without digits, as in benign-1, don't identify a patient
    others = {word for value in patient.values() for word in words(value)
              if re.search(r'\d', word)}
    return Facts(
        is_video=frames > 1 or is_stream(header), frames=frames,
        more_than_announced=frames > announced, fps=fps,
        shape=(layout.rows, layout.columns, region, aspect), names_region=region is not None,
        is_burnt_in=header.text('BurnedInAnnotation').upper() == 'YES', is_unscaled=unscaled,
        identity=identity or study or header.name, is_blank=not identity,
        is_nobody=identity.strip().casefold() in PLACEHOLDERS, study=study,
        patient_words=frozenset(others | words(patient['PatientName'])),
        series=header.text('SeriesInstanceUID') or study,
        places=(*(header.number(tag) for tag in ('InstanceNumber', 'TemporalPositionIdentifier')),
                *(header.text(tag) or None
                  for tag in ('AcquisitionDateTime', 'AcquisitionTime', 'ContentTime'))),
        ignored=frozenset(header.ignored))


def _fps(header: Header) -> float | None:
    """Frames per second by the first valid one of four tags."""
    for keyword, is_rate in (('FrameTime', False), ('FrameTimeVector', False), ('CineRate', True),
                             ('RecommendedDisplayFrameRate', True)):
        numbers = header.numbers(keyword)
        if keyword == 'FrameTimeVector':
            numbers = numbers[1:]                    # the first frame has no predecessor
        if not numbers:
            continue
        mean = sum(numbers) / len(numbers)
        rate = mean if is_rate else 1000 / mean if mean else 0       # of milliseconds
        if 0 < rate <= MAX_FPS and min(numbers) >= 0:
            return rate
        header.ignored.add(keyword)
    return None
