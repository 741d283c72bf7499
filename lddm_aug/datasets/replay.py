"""Transforms of a clip, drawn and recorded in a worker and applied on the training device.

A worker runs a transform without pixels, so that it draws what it always draws, and records a step.
The device applies the steps to all clips of a batch at once.  Which transforms can be recorded is
in `RECORDERS`; `@records(MyTransform)` before a function adds one.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from mmaction.datasets import transforms as mmaction_transforms
from torch import Tensor

from lddm_aug.datasets.transforms.frame_differences import FrameDifferences
from lddm_aug.datasets.transforms.sample_playback_rate import SamplePlaybackRate
from lddm_aug.datasets.transforms.sample_segment import SampleSegment
from lddm_aug.datasets.transforms.soften_label import SoftenLabel
from lddm_aug.datasets.transforms.take_windows import TakeWindows
from lddm_aug.functional.colour_jitter import jitter_colour
from lddm_aug.functional.frame_differences import frame_differences
from lddm_aug.functional.resize_linear import (
    Places,
    resize_linear,
    take_along_first,
    take_pixels,
)

Results = dict[str, Any]                             # of a sample in a pipeline


@dataclass
class Frames:
    """A batch of clips on the device.

    Attributes:
        pixels: (B, T, C, H, W) uint8; C = 1 until a step needs colour.
        rows: of each clip, those that crops and flips left, in their order.
        columns: likewise.
    """

    pixels: Tensor
    rows: list[Places] = field(init=False)
    columns: list[Places] = field(init=False)

    def __post_init__(self) -> None:
        self.set(self.pixels)

    def set(self, pixels: Tensor) -> None:
        """Have these pixels, with all of their rows and columns."""
        count, (height, width) = len(pixels), pixels.shape[-2:]
        self.pixels = pixels
        self.rows, self.columns = [np.arange(height)] * count, [np.arange(width)] * count

    def of(self, numbers: list[int]) -> Frames:
        """Some of the clips."""
        part = Frames(self.pixels[numbers])
        part.rows = [self.rows[number] for number in numbers]
        part.columns = [self.columns[number] for number in numbers]
        return part

    def sizes(self) -> list[tuple[int, int]]:
        """Of each clip, its height and width."""
        return [(len(rows), len(columns))
                for rows, columns in zip(self.rows, self.columns, strict=True)]

    def in_colour(self) -> Tensor:
        """(B, T, 3, H', W') pixels of the rows and columns that are left, of clips of one size."""
        self.set(take_pixels(self.pixels, self.rows, self.columns))
        return self.pixels.expand(-1, -1, 3, -1, -1)


class Step(ABC):
    """What was drawn by one transform for one clip; a subclass is a frozen dataclass.

    Attributes:
        of_one_size: whether it is applied to clips of one height and width alone.
    """

    of_one_size: ClassVar[bool] = False

    @property
    def alike(self) -> Hashable:
        """Clips of a batch in which this is equal are transformed at once."""
        return ()

    @staticmethod
    @abstractmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        """Change the clips of a batch by their steps, B of this class that are alike."""


@dataclass(frozen=True)
class TakeFrames(Step):
    """Frames by their indices."""

    indices: tuple[int, ...]

    @property
    def alike(self) -> int:
        return len(self.indices)

    @staticmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        frames.pixels = take_along_first(frames.pixels,
                                         [np.array(step.indices) for step in steps])


@dataclass(frozen=True)
class Crop(Step):
    """Rows from top to bottom and columns from left to right, the ends left out."""

    left: int
    top: int
    right: int
    bottom: int

    @staticmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        frames.rows = [rows[step.top:step.bottom]
                       for rows, step in zip(frames.rows, steps, strict=True)]
        frames.columns = [columns[step.left:step.right]
                          for columns, step in zip(frames.columns, steps, strict=True)]


@dataclass(frozen=True)
class FlipFrames(Step):
    """A flip along an axis, or none."""

    flipped: bool
    direction: str

    @staticmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        for number, step in enumerate(steps):
            places = frames.columns if step.direction == 'horizontal' else frames.rows
            if step.flipped:
                places[number] = places[number][::-1]


@dataclass(frozen=True)
class ResizeFrames(Step):
    """Bilinear, as OpenCV does it, in pixels."""

    height: int
    width: int

    @property
    def alike(self) -> tuple[int, int]:
        return self.height, self.width

    @staticmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        frames.set(resize_linear(frames.pixels, frames.rows, frames.columns, steps[0].height,
                                 steps[0].width))


@dataclass(frozen=True)
class JitterColour(Step):
    """Factors, and the order of the parts; see `jitter_colour`."""

    of_one_size: ClassVar[bool] = True
    brightness: float
    contrast: float
    saturation: float
    order: tuple[int, ...]

    @property
    def alike(self) -> tuple[int, ...]:
        return self.order

    @staticmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        brightness, contrast, saturation = (
            torch.tensor([getattr(step, name) for step in steps])
            for name in ('brightness', 'contrast', 'saturation'))
        frames.set(jitter_colour(frames.in_colour(), brightness, contrast, saturation,
                                 steps[0].order))


@dataclass(frozen=True)
class TakeDifferences(Step):
    """Differences of frames; see `FrameDifferences`."""

    of_one_size: ClassVar[bool] = True
    gain: float
    channels: tuple[int, ...]

    @property
    def alike(self) -> Hashable:
        return self.gain, self.channels

    @staticmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        frames.set(frame_differences(frames.in_colour(), steps[0].gain, steps[0].channels))


@dataclass(frozen=True)
class ArrangeAxes(Step):
    """The axes of a recognizer's input; see MMAction2's FormatShape."""

    of_one_size: ClassVar[bool] = True
    input_format: str
    num_clips: int
    clip_len: int
    collapse: bool

    @property
    def alike(self) -> Hashable:
        return self.input_format, self.num_clips, self.clip_len, self.collapse

    @staticmethod
    def apply(steps: Sequence[Any], frames: Frames) -> None:
        step, pixels = steps[0], frames.in_colour()
        if step.input_format == 'NCTHW':
            windows = pixels.unflatten(1, (-1, step.clip_len))     # (B, N, T, C, H, W)
            pixels = windows.transpose(2, 3)                       # (B, N, C, T, H, W)
        frames.pixels = pixels.squeeze(1) if step.collapse else pixels

    def shape(self, num_frames: int, height: int, width: int) -> tuple[int, ...]:
        """Of one clip."""
        shape: tuple[int, ...] = (num_frames, 3, height, width)
        if self.input_format == 'NCTHW':
            shape = (num_frames // self.clip_len, 3, self.clip_len, height, width)
        return shape[1:] if self.collapse else shape


Record = Callable[[Any, Results], 'Step | None']


@dataclass(frozen=True)
class Recorder:
    """How a transform is recorded.

    Attributes:
        record: transform, results without pixels → the step; None where no pixel changes.
        only: attribute of the transform → the values with which this can be done.
    """

    record: Record
    only: dict[str, tuple[Any, ...]]


RECORDERS: dict[type, Recorder] = {}


def records(*kinds: type, **only: tuple[Any, ...]) -> Callable[[Record], Record]:
    """Register a function that records transforms of these classes; see `Recorder`."""
    def register(record: Record) -> Record:
        for kind in kinds:
            RECORDERS[kind] = Recorder(record, only)
        return record
    return register


def require_recordable(owner: str, transforms: Sequence[Any]) -> None:
    """Raise ValueError, with its name, for a transform that can't be applied on the device."""
    for transform in transforms:
        kind, known = type(transform).__name__, RECORDERS.get(type(transform))
        if known is None:
            names = ', '.join(sorted(each.__name__ for each in RECORDERS))
            raise ValueError(f'{owner}: {kind} cannot be applied on the device; leave it out, make '
                             f'clips by SynthesizeClip instead, or take one of {names}')
        for name, allowed in known.only.items():
            value = getattr(transform, name)
            if value not in allowed:
                raise ValueError(f'{owner}: {kind} is applied on the device with {name}='
                                 f'{" or ".join(map(repr, allowed))} alone, but got {value!r}; '
                                 'change it, or make clips by SynthesizeClip instead')
    kinds = [type(transform) for transform in transforms]
    if FrameDifferences in kinds:
        after = kinds[kinds.index(FrameDifferences):]
        if {mmaction_transforms.Resize, mmaction_transforms.RandomRescale} & {*after}:
            raise ValueError(f'{owner}: on the device, grey levels are resized, not their '
                             'differences; put Resize before FrameDifferences')


def record(transform: Any, results: Results) -> Step | None:
    """Draw what a transform draws, change the results but for pixels, and return the step."""
    return RECORDERS[type(transform)].record(transform, results)


def replay(clips: Tensor, recorded: Sequence[Sequence[Step]]) -> list[Tensor]:
    """(B, T, C, H, W) uint8 clips, B lists of steps → what each becomes.

    Clips whose steps are alike are transformed at once.
    """
    done: dict[int, Tensor] = {}
    kinds = [tuple((type(step), step.alike) for step in steps) for steps in recorded]
    for numbers in _equal(kinds):
        _apply(Frames(clips[numbers]), [recorded[number] for number in numbers], numbers, done)
    return [done[number] for number in range(len(clips))]


def _apply(frames: Frames, recorded: list[Sequence[Step]], numbers: list[int],
           done: dict[int, Tensor]) -> None:
    """Apply steps that are alike, and put what becomes of each clip under its number."""
    for place, steps in enumerate(zip(*recorded, strict=True)):
        parts = _equal(frames.sizes()) if steps[0].of_one_size else []
        if len(parts) > 1:
            for part in parts:
                _apply(frames.of(part), [recorded[i][place:] for i in part],
                       [numbers[i] for i in part], done)
            return
        type(steps[0]).apply(steps, frames)
    done |= dict(zip(numbers, frames.pixels, strict=True))


def _equal(values: Iterable[Hashable]) -> list[list[int]]:
    """The places of each value."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        places[value].append(place)
    return [*places.values()]


@records(mmaction_transforms.SampleFrames, mmaction_transforms.DenseSampleFrames,
         mmaction_transforms.UniformSample, SampleSegment, SamplePlaybackRate, SoftenLabel)
def _nothing(transform: Any, results: Results) -> None:
    """Frames are chosen by their number, and labels have no pixels."""
    transform.transform(results)


@records(mmaction_transforms.ArrayDecode)
def _take_frames(transform: Any, results: Results) -> Step:
    indices = np.atleast_1d(np.squeeze(results['frame_inds'])) + results.get('offset', 0)
    if not (indices.min() >= 0 and indices.max() < results['total_frames']):
        raise ValueError(f'ArrayDecode: frames of a clip are counted from 0 to '
                         f'{results["total_frames"] - 1}, but {indices.tolist()} were sampled')
    results['frame_inds'] = np.squeeze(results['frame_inds'])
    height, width = results['still'].shape[:2]
    results.update(original_shape=(height, width), img_shape=(height, width))
    return TakeFrames(tuple(indices.tolist()))


@records(mmaction_transforms.RandomCrop, mmaction_transforms.RandomResizedCrop,
         mmaction_transforms.MultiScaleCrop, mmaction_transforms.CenterCrop, lazy=(False,))
def _crop(transform: Any, results: Results) -> Step:
    transform.transform(results)
    return Crop(*map(int, results['crop_bbox']))


@records(mmaction_transforms.RandomRescale, interpolation=('bilinear',))
@records(mmaction_transforms.Resize, lazy=(False,), interpolation=('bilinear',))
def _resize(transform: Any, results: Results) -> Step:
    transform.transform(results)
    return ResizeFrames(*map(int, results['img_shape']))


@records(mmaction_transforms.Flip, lazy=(False,))
def _flip(transform: Any, results: Results) -> Step:
    transform.transform(results)
    return FlipFrames(bool(results['flip']), results['flip_direction'])


@records(mmaction_transforms.ColorJitter, hue=((0, 0),))
def _jitter(transform: Any, results: Results) -> Step:
    # MMAction2 draws these four, in this order, and keeps them to itself
    brightness, contrast, saturation, _ = (
        np.random.uniform(*getattr(transform, name))
        for name in ('brightness', 'contrast', 'saturation', 'hue'))
    order = tuple(int(part) for part in transform.fn_idx if part != 3)
    return JitterColour(brightness, contrast, saturation, order)


@records(FrameDifferences)
def _differences(transform: Any, results: Results) -> Step:
    channels = transform.channels_of(_count(results), 3, results)
    return TakeDifferences(transform.gain, tuple(channels))


@records(TakeWindows)
def _windows(transform: Any, results: Results) -> Step:
    indices = transform.indices(_count(results))
    results.update(clip_len=transform.window_length, num_clips=transform.num_windows)
    return TakeFrames(tuple(indices.ravel().tolist()))


@records(mmaction_transforms.FormatShape, input_format=('NCTHW', 'NCHW'))
def _arrange(transform: Any, results: Results) -> Step:
    step = ArrangeAxes(transform.input_format, results['num_clips'], results['clip_len'],
                       transform.collapse)
    results['input_shape'] = step.shape(results['num_clips'] * results['clip_len'],
                                        *results['img_shape'])
    return step


def _count(results: Results) -> int:
    """Frames that the clip has so far."""
    return results['num_clips'] * results['clip_len']
