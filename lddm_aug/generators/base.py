"""What every generator is: a still, what is known about it and a seed in, a clip out."""
from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lddm_aug.conditions import Conditions, Told, Value
from lddm_aug.hardware import keep_freed_memory

if TYPE_CHECKING:
    from typing_extensions import Self

# Clips computed together on an accelerator.  The number is fixed, and a smaller batch is filled up,
# because kernels are chosen by shape: a clip must not depend on how many others are in its batch.
DEVICE_BATCH = 8
MOST_FRAMES = 1024                                   # of a clip


# set once, when a generator is built
SETTINGS = frozenset({'channels', 'size', 'num_frames', 'frame_stride', 'sampler'})


@dataclass(frozen=True)
class SamplerSettings:
    """How a generator samples; a subclass has a field for each argument of its sampler.

    A field is named as the generator's argument, but for `name`, whose argument is `sampler`.
    """

    def as_dict(self) -> dict[str, Any]:
        """For JSON; empty where nothing is sampled."""
        return asdict(self)


class Generator(nn.Module, ABC):
    """Makes a clip from a still and a seed.

    The same still, seed and package give the same clip whatever the batch, worker, rank or number
    of threads.  A subclass implements `generate`, whose clips depend on nothing else, and takes its
    settings as arguments that JSON can hold: they are recorded as its `config`.

    Attributes:
        trained_part: name of its part that a Runner trains, which is also the argument that takes
            this part's config; empty where nothing is trained.
        channels: 1 for ultrasound, 3 for colour.
        size: height and width of stills and clips, in pixels.
        num_frames: T, frames in a clip; frame 0 is the still.
        frame_stride: frames of the source video from one frame of the clip to the next;
            `with_length` gives a generator of another length or stride.
        sampler: settings of its sampler; `with_sampler` gives a generator with others.
        groups: names of the groups that the generator was trained on, as far as they are known.
        num_groups: how many there are.
        conditions: what it can be told beside the still; empty where there is nothing.
        package_sha256: of the package it came from; empty until it was saved or loaded.
    """

    trained_part = ''
    _config: dict[str, Any]
    _own: Self | None = None                         # of other length or stride: the one it is of

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        generator = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        try:
            arguments = signature.bind_partial(generator, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f'{cls.__name__}: {error}') from error
        arguments.apply_defaults()
        _, *given = arguments.arguments.items()          # all but self
        vars(generator)['_config'] = dict(type=cls.__name__, **deepcopy(dict(given)))
        return generator

    def __init__(self, *, channels: int, size: int, num_frames: int, frame_stride: int,
                 sampler: SamplerSettings | None = None) -> None:
        super().__init__()
        self.channels = channels
        self.size = size
        self.num_frames = num_frames
        self.frame_stride = frame_stride
        self.sampler = sampler or SamplerSettings()
        self.groups: tuple[str, ...] = ()
        self.num_groups = 0
        self.conditions = Conditions(type(self).__name__)
        self.package_sha256 = ''

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SETTINGS and name in vars(self):
            raise AttributeError(f'{type(self).__name__}: {name} is set when the generator is '
                                 'built; take with_sampler(...) to sample in another way, or '
                                 'build another generator')
        super().__setattr__(name, value)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that it can be told; empty where there are none."""
        return self.conditions.classes

    @property
    def names_all_groups(self) -> bool:
        """Whether a group that isn't named in `groups` is one that it wasn't trained on."""
        return len(self.groups) >= self.num_groups

    @property
    def config(self) -> dict[str, Any]:
        """What `MODELS.build` needs to build it again, without its weights."""
        return deepcopy(self._config)

    def with_sampler(self, **changes: Any) -> Self:
        """The same generator with other settings of its sampler; the two share their weights.

        Raises:
            ValueError: if its sampler has no such setting, or cannot work with the value.
        """
        if self._own is not None:
            return self._own.with_sampler(**changes).with_length(self.num_frames, self.frame_stride)
        arguments = {_argument_of(field): value for field, value in changes.items()}
        known = [field.name for field in fields(self.sampler)
                 if _argument_of(field.name) in self._config]
        unknown = sorted({*changes} - {*known})
        if unknown:
            raise ValueError(f'{type(self).__name__}: its sampler takes '
                             f'{", ".join(known) or "nothing"}, but got {", ".join(unknown)}')
        other = copy(self)
        vars(other).update(sampler=replace(self.sampler, **changes),
                           _config=self._config | arguments)
        other.check_sampler()
        return other

    def sampling_as(self, config: Mapping[str, Any]) -> Self:
        """The same generator with the settings of the sampler that the config of another has."""
        names = {field.name: _argument_of(field.name) for field in fields(self.sampler)}
        return self.with_sampler(**{field: config[name] for field, name in names.items()
                                    if name in self._config and config.get(name) is not None})

    def check_sampler(self) -> None:
        """Raise ValueError if it cannot work with the settings of its sampler."""

    def with_length(self, num_frames: int | None = None, frame_stride: int | None = None) -> Self:
        """The same generator with longer, shorter or faster clips; the two share their weights.

        A shorter clip is the beginning of the usual one, and a longer one goes on from there.  With
        a larger stride a clip has, of the usual frames, those that are nearest in time.

        Args:
            num_frames: T; by default as it is.
            frame_stride: in frames of the source video; by default as it is.

        Raises:
            ValueError: if frames would have to lie nearer to each other in time than those that it
                makes, or it cannot make as many.
        """
        own = self._own or self
        frames = self.num_frames if num_frames is None else num_frames
        stride = self.frame_stride if frame_stride is None else frame_stride
        name = type(self).__name__
        if not 2 <= frames <= MOST_FRAMES:
            raise ValueError(f'{name}: num_frames lies in [2, {MOST_FRAMES}], but got {frames!r}')
        if stride < own.frame_stride:
            raise ValueError(
                f'{name}: its frames are {own.frame_stride} frames of the source video apart, and '
                f'what lies between them is unknown, so frame_stride cannot be {stride!r}; take '
                f'{own.frame_stride} or more, or train a generator with that stride')
        if (frames, stride) == (own.num_frames, own.frame_stride):
            return own
        other = copy(own)
        vars(other).update(num_frames=frames, frame_stride=stride, _own=own)
        needed = int(other._frames[-1]) + 1
        if needed > own.num_frames and type(self).go_on is Generator.go_on:
            raise ValueError(f'{name}: makes {own.num_frames} frames and cannot go on, but the '
                             f'clip needs {needed}; take fewer, or LDDM, which goes on')
        return other

    @property
    def has_own_length(self) -> bool:
        """Whether its clips have the length and stride that it was built with."""
        return self._own is None

    @property
    def _frames(self) -> Tensor:
        """(T,) which of the frames that it makes a clip has: the nearest in time."""
        own = self._own or self
        return (torch.arange(self.num_frames) * self.frame_stride / own.frame_stride + 0.5).long()

    @abstractmethod
    def generate(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        """(B, C, H, W) stills in [−1, 1] → (B, C, T, H, W) clips in [−1, 1].

        Args:
            told: (B, D) values of `conditions`, on the CPU; NaN where they are unknown.
        """

    def go_on(self, stills: Tensor, seeds: Sequence[int], told: Tensor, num_frames: int) -> Tensor:
        """As `generate`, but for clips of so many frames.

        One that can make more than T of them overrides this.
        """
        return self.generate(stills, seeds, told)[:, :, :num_frames]

    def make(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        """As `generate`, but of the length and stride of `with_length`."""
        if self._own is None:
            return self.generate(stills, seeds, told)
        frames = self._frames
        return self._own.go_on(stills, seeds, told, int(frames[-1]) + 1)[:, :, frames]

    @torch.inference_mode()
    def forward(self, stills: Tensor, seeds: Sequence[int],
                conditions: Sequence[Told] | None = None) -> Tensor:
        """(B, C, H, W) stills in [−1, 1], B seeds → (B, C, T, H, W) clips in [−1, 1].

        Args:
            conditions: what is known about each clip, as {'label': 'benign', 'motion': 1.5}; None
                for nothing.  Whatever is none of the generator's conditions is ignored.

        Raises:
            ValueError: if the stills' shape or range, the number of seeds or conditions, or a value
                of a condition doesn't fit.
        """
        self._check(stills, seeds)
        told = self._encoded(conditions, seeds)
        return self._in_batches(self.make, stills, seeds, told).clamp(-1, 1)

    def _in_batches(self, make: Callable[..., Tensor], stills: Tensor, seeds: Sequence[int],
                    others: Tensor) -> Tensor:
        """make(stills, seeds, others), in batches such that no clip depends on how many there are.

        Args:
            others: (B, …), split as the stills are.
        """
        if stills.device.type == 'cpu':
            keep_freed_memory()
            with _one_thread():
                return torch.cat([make(stills[i:i + 1], seeds[i:i + 1], others[i:i + 1])
                                  for i in range(len(seeds))])
        batches = [slice(i, i + DEVICE_BATCH) for i in range(0, len(seeds), DEVICE_BATCH)]
        return torch.cat([_padded(make, stills[batch], seeds[batch], others[batch])
                          for batch in batches])

    def told(self, conditions: Sequence[Told], seeds: Sequence[int]) -> list[dict[str, Value]]:
        """What a clip is made from beside its still and seed, for each of B clips.

        These are the generator's conditions, without those that are unknown.  What isn't said, but
        drawn by the seed, stands here with its value: with it the clip is the same.
        """
        return [self.conditions.of(self.conditions.worded(row, seed))
                for row, seed in zip(conditions, seeds, strict=True)]

    def encode(self, conditions: Sequence[Told]) -> Tensor:
        """What `told` gives of B clips → (B, D) values of the conditions, NaN where unknown.

        Raises:
            ValueError: as `require_known`.
        """
        return self.conditions.encode(type(self).__name__, conditions)

    def require_known(self, owner: str, conditions: Sequence[Told]) -> None:
        """Raise ValueError for a value that is none of its condition's, where it has any.

        Args:
            owner: begins the message.
        """
        self.conditions.require_known(owner, conditions)

    def _encoded(self, conditions: Sequence[Told] | None, seeds: Sequence[int]) -> Tensor:
        """(B, D) values of the conditions, NaN where they are unknown."""
        rows: Sequence[Told] = [{}] * len(seeds) if conditions is None else conditions
        if len(rows) != len(seeds):
            raise ValueError(f'{type(self).__name__}: needs conditions for every still, but got '
                             f'{len(rows)} for {len(seeds)} stills')
        for row in rows:
            if not isinstance(row, Mapping):
                raise ValueError(f'{type(self).__name__}: what is known about a clip has a name, '
                                 f"as {{'label': 'benign'}}, but got {row!r}")
        return self.encode(self.told(rows, seeds))

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


class LatentGenerator(Generator):
    """A generator that samples a latent and decodes it, which may be done at different times."""

    @abstractmethod
    def sample(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        """(B, C, H, W) stills in [−1, 1], B seeds, (B, D) conditions → (B, Cz, t, h, w) latents."""

    @abstractmethod
    def decode(self, stills: Tensor, seeds: Sequence[int], latents: Tensor) -> Tensor:
        """(B, C, H, W) stills in [−1, 1], (B, Cz, t, h, w) latents → (B, C, T, H, W) clips.

        Args:
            seeds: those of the latents, for decoders that draw noise.
        """

    def generate(self, stills: Tensor, seeds: Sequence[int], told: Tensor) -> Tensor:
        return self.decode(stills, seeds, self.sample(stills, seeds, told))

    @torch.inference_mode()
    def sample_latents(self, stills: Tensor, seeds: Sequence[int],
                       conditions: Sequence[Told] | None = None) -> Tensor:
        """(B, Cz, t, h, w) latents, of which `decode_latents` makes what `forward` makes.

        Its arguments and errors are those of `forward`.
        """
        self._require_own_length()
        self._check(stills, seeds)
        return self._in_batches(self.sample, stills, seeds, self._encoded(conditions, seeds))

    @torch.inference_mode()
    def decode_latents(self, stills: Tensor, seeds: Sequence[int], latents: Tensor) -> Tensor:
        """(B, C, H, W) stills, B seeds, (B, Cz, t, h, w) latents → clips, as `forward`'s."""
        self._require_own_length()
        self._check(stills, seeds)
        return self._in_batches(self.decode, stills, seeds, latents).clamp(-1, 1)

    def _require_own_length(self) -> None:
        if not self.has_own_length:
            raise ValueError(f'{type(self).__name__}: latents are of clips of the length and '
                             'stride that it was trained on; call the generator itself for others')


def _padded(make: Callable[..., Tensor], stills: Tensor, seeds: Sequence[int], others: Tensor
            ) -> Tensor:
    """`make` of a batch that is filled up to DEVICE_BATCH."""
    missing = DEVICE_BATCH - len(seeds)
    stills, others = (torch.cat([each, each[-1:].expand(missing, *each.shape[1:])])
                      for each in (stills, others))
    return make(stills, [*seeds, *[seeds[-1]] * missing], others)[:DEVICE_BATCH - missing]


def _argument_of(field: str) -> str:
    """What a setting of the sampler is called among a generator's arguments."""
    return 'sampler' if field == 'name' else field


def device_of(generator: Generator) -> torch.device:
    """Where it computes: on the CPU, if it has no weights."""
    return next(chain(generator.parameters(), generator.buffers()), torch.empty(0)).device


def autoencoder_of(generator: Generator) -> Any | None:
    """Whatever part of a generator encodes and decodes clips; None for most controls."""
    return next((part for part in generator.modules()
                 if hasattr(part, 'encode') and hasattr(part, 'decode')
                 and part is not generator), None)


def require_temperature(owner: str, temperature: float) -> None:
    """Raise ValueError for what is no standard deviation of a sampler's noise."""
    if (isinstance(temperature, bool) or not isinstance(temperature, (int, float))
            or not 0 <= temperature < math.inf):
        raise ValueError(f'{owner}: temperature is a standard deviation, 0 or more, but got '
                         f'{temperature!r}')


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums are split among threads, and their last bit depends on how: use one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
