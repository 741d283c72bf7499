"""What every generator is: a still and a seed in, a clip out."""
from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from lddm_aug.classes import shown

# Clips computed together on an accelerator.  The number is fixed, and a smaller batch is filled up,
# because kernels are chosen by shape: a clip must not depend on how many were asked for beside it.
DEVICE_BATCH = 8


class Generator(nn.Module, ABC):
    """Makes a clip from a still and a seed.

    The same still, seed and package give the same clip whatever the batch, worker, rank or number
    of threads.  A subclass implements `generate`, whose clips depend on nothing else.

    Attributes:
        learnt: name of its part that a Runner has trained, which is also the argument that takes
            this part's config; empty where nothing is learnt.
        channels: 1 for ultrasound, 3 for colour.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip; frame 0 is the still.
        frame_stride: frames of the source video from one frame of the clip to the next.
        sampler: name, steps, guidance and temperature of the sampler, as far as it has them; empty
            where nothing is sampled.
        groups: groups that the generator was trained on.
        classes: names of the classes that it can be told; empty where it knows none.
        package_sha256: of the package it came from; empty until it was saved or loaded.
        config: what `MODELS.build` needs to build it again, without its weights.
    """

    learnt = ''

    def __init__(self, *, channels: int, size: int, num_frames: int, frame_stride: int) -> None:
        super().__init__()
        self.channels = channels
        self.size = size
        self.num_frames = num_frames
        self.frame_stride = frame_stride
        self.sampler: dict[str, Any] = {}
        self.groups: tuple[str, ...] = ()
        self.classes: tuple[str, ...] = ()
        self.package_sha256 = ''
        self.config: dict[str, Any] = {}

    @abstractmethod
    def generate(self, stills: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        """(B, C, H, W) stills in [−1, 1] → (B, C, T, H, W) clips in [−1, 1].

        Args:
            labels: (B,) indices into `classes`, on the CPU; −1 for a still whose class isn't told.
        """

    @torch.inference_mode()
    def forward(self, stills: Tensor, seeds: Sequence[int],
                labels: Sequence[str | None] | None = None) -> Tensor:
        """(B, C, H, W) stills in [−1, 1], B seeds → (B, C, T, H, W) clips in [−1, 1].

        Args:
            labels: the stills' classes by name, None where it isn't told; a generator without
                classes ignores them.

        Raises:
            ValueError: if the stills' shape or range, the number of seeds or labels, or a label
                doesn't fit.
        """
        self._check(stills, seeds)
        told = self._indices(labels, len(stills))
        if stills.device.type == 'cpu':
            with _one_thread():
                clips = [self.generate(stills[i:i + 1], seeds[i:i + 1], told[i:i + 1])
                         for i in range(len(seeds))]
        else:
            batches = [slice(i, i + DEVICE_BATCH) for i in range(0, len(seeds), DEVICE_BATCH)]
            clips = [self._generate_padded(stills[batch], seeds[batch], told[batch])
                     for batch in batches]
        return torch.cat(clips).clamp(-1, 1)

    def _generate_padded(self, stills: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        missing = DEVICE_BATCH - len(seeds)
        padded = torch.cat([stills, stills[-1:].expand(missing, -1, -1, -1)])
        told = torch.cat([labels, labels[-1:].expand(missing)])
        return self.generate(padded, [*seeds, *[seeds[-1]] * missing], told)[:len(seeds)]

    def _indices(self, labels: Sequence[str | None] | None, count: int) -> Tensor:
        """(count,) indices into `classes`, −1 where nothing is told."""
        if labels is None or not self.classes:
            return torch.full((count,), -1)
        if len(labels) != count:
            raise ValueError(f'{type(self).__name__}: needs one label per still, but got '
                             f'{len(labels)} labels for {count} stills')
        self.require_known(type(self).__name__, labels)
        return torch.tensor([-1 if label is None else self.classes.index(label)
                             for label in labels])

    def require_known(self, owner: str, labels: Iterable[str | None]) -> None:
        """Raise ValueError for a label that is none of the classes, where it has any.

        Args:
            owner: begins the message.
            labels: None where the class isn't told.
        """
        unknown = sorted({label for label in labels if label is not None} - {*self.classes})
        if self.classes and unknown:
            raise ValueError(f'{owner}: the generator knows the classes {shown(self.classes)}, but '
                             f'got the labels {shown(map(repr, unknown))}; rename or leave out '
                             'what they are of, or take a generator that was trained on them')

    def _check(self, stills: Tensor, seeds: Sequence[int]) -> None:
        name = type(self).__name__
        expected = (self.channels, self.size, self.size)
        if stills.ndim != 4 or tuple(stills.shape[1:]) != expected:
            raise ValueError(f'{name}: stills must be (B, C, H, W) = (B, {self.channels}, '
                             f'{self.size}, {self.size}), but got {tuple(stills.shape)}; '
                             'resize them or change their colour mode')
        if len(seeds) != len(stills) or len(seeds) == 0:
            raise ValueError(f'{name}: needs one seed per still and at least one still, '
                             f'but got {len(seeds)} seeds for {len(stills)} stills')
        if not stills.is_floating_point() or not stills.abs().max() <= 1 + 1e-4:
            raise ValueError(f'{name}: stills must be float in [-1, 1], but got {stills.dtype} '
                             f'up to {stills.abs().max().item():g}; see functional.pixels.to_unit')


def device_of(generator: Generator) -> torch.device:
    """Where it computes: on the CPU, if it has no weights."""
    return next(chain(generator.parameters(), generator.buffers()), torch.empty(0)).device


def require_temperature(generator: Generator, temperature: float) -> None:
    """Raise ValueError for what is no standard deviation of a sampler's noise."""
    if (isinstance(temperature, bool) or not isinstance(temperature, (int, float))
            or not 0 <= temperature < math.inf):
        raise ValueError(f'{type(generator).__name__}: temperature is a standard deviation, 0 or '
                         f'more, but got {temperature!r}')


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums are split among threads, and their last bit depends on how: use one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
