"""A still is dropped in, and its clip plays beside it."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import torch
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lddm_aug.browse.server import HERE, QUALITY, problem, read_body
from lddm_aug.conditions import LABEL, Told
from lddm_aug.data.frames import (
    STILL_SUFFIXES,
    Pixels,
    is_still_file,
    read_square_still,
    to_channels,
)
from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit
from lddm_aug.generators.base import Generator, device_of
from lddm_aug.visualization.previews import data_uri, encode_webp, render_page

MAX_BYTES = 64 << 20                                 # of a still's file
MAX_SEED = 2 ** 63 - 1
MAX_MOTION = 2.                                      # more noise than that decodes to noise
# what the file, the choice or the size of the machine causes; the page shows its message
OF_THE_INPUT = (ValueError, OSError, MemoryError, torch.OutOfMemoryError)


def read_upload(name: str, content: bytes, size: int, channels: int) -> Pixels:
    """The still in a file's bytes, as `read_square_still` reads the file.

    Args:
        name: of the file; its ending tells the format.
        content: its bytes.

    Raises:
        ValueError: if it is no still or can't be read; the message has its name.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in STILL_SUFFIXES:
        raise ValueError(f'{name or "the file"} is no still; take a picture with the ending '
                         f'{", ".join(sorted(STILL_SUFFIXES))}')
    with TemporaryDirectory() as folder:
        file = Path(folder, f'still{suffix}')
        file.write_bytes(content)
        if not is_still_file(file):
            raise ValueError(f'{name} has several frames; take a picture of one')
        try:
            return read_square_still(file, None, size, channels)
        except (ValueError, OSError, MemoryError) as error:
            raise ValueError(str(error).replace(str(file), name)) from error


def make_clip(generator: Generator, still: Pixels, told: Told, seed: int) -> Pixels:
    """(H, W[, 3]) still → (T, H, W[, 3]) clip, the one that a store has of this still and seed.

    Args:
        told: what is known about it.
    """
    stills = still_to_unit(still)[None].to(device_of(generator))     # (1, C, H, W)
    return clip_to_uint8(generator(stills, [seed], [told])[0])


def parse_seed(text: str) -> int:
    """Raise ValueError for anything but a seed in digits."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20) or int(text) > MAX_SEED:
        raise ValueError(f'the seed must be a whole number from 0 to {MAX_SEED}, but got '
                         f'{text[:40]!r}')
    return int(text)


def parse_motion(text: str) -> float:
    """Raise ValueError for anything but a temperature that the page offers."""
    try:
        motion = float(text)
    except ValueError:
        motion = -1.
    if not 0 <= motion <= MAX_MOTION:
        raise ValueError(f'the motion must be a temperature from 0 to {MAX_MOTION:g}, but got '
                         f'{text[:40]!r}')
    return motion


def parse_length(text: str, num_frames: int) -> int:
    """Raise ValueError for anything but a number of frames that a clip has."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and
            2 <= int(text) <= num_frames):
        raise ValueError(f'the length must be a whole number of frames from 2 to {num_frames}, '
                         f'but got {text[:40]!r}')
    return int(text)


class ClipPage:
    """The page of a generator, and what makes its clips.

    The form sends every choice by its name to `make`: a condition that generators get later is one
    control in clip.html, shown where the generator has it, and one argument of `make_clip`.

    Args:
        package: where the generator came from, for the reader.
    """

    def __init__(self, generator: Generator, package: str | Path) -> None:
        self.generator = generator
        self.package = package
        self._one_at_a_time = Lock()

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route('/', self._page), Route('/clip', self._clip, methods=['POST'])]

    def make(self, choices: Mapping[str, str], content: bytes) -> dict[str, Any]:
        """The still and its clip as pictures, and a caption.

        Args:
            choices: name, of the file; seed; label, where the generator has classes; motion, a
                temperature, where its sampler has one; and length, how many frames are shown.
                Without the last two the clip is the one that a store has.
            content: of the file.

        Raises:
            ValueError: if a choice or the file isn't right; the message is for the reader.
        """
        name, seed = choices.get('name', ''), parse_seed(choices.get('seed', ''))
        label = choices.get('label') or None
        generator, told = self.generator, [name, *([label] if label else []), f'seed {seed}']
        if 'motion' in choices and (motion := parse_motion(choices['motion'])) != self.motion:
            generator = generator.with_sampler(temperature=motion)
            told.append(f'motion {motion:g}')
        length = parse_length(choices.get('length', str(generator.num_frames)),
                              generator.num_frames)
        if length < generator.num_frames:
            told.append(f'first {length} frames')
        still = read_upload(name, content, self.generator.size, self.generator.channels)
        with self._one_at_a_time:
            clip = make_clip(generator, still, {LABEL: label}, seed)[:length]
        return dict(still=_picture(still[None]), clip=_picture(clip), held=_picture(clip[:1]),
                    caption=' · '.join(told))

    @property
    def motion(self) -> float | None:
        """The temperature of the generator's sampler, if it has one."""
        return getattr(self.generator.sampler, 'temperature', None)

    def _page(self, request: Request) -> Response:
        return HTMLResponse(render_page(
            HERE / 'clip.html', generator=self.generator, package=self.package,
            kind=type(self.generator).__name__, device=device_of(self.generator),
            endings=','.join(sorted(STILL_SUFFIXES)), max_seed=MAX_SEED, motion=self.motion,
            max_motion=MAX_MOTION))

    async def _clip(self, request: Request) -> Response:
        try:
            content = await read_body(request, MAX_BYTES)
            return JSONResponse(await run_in_threadpool(self.make, request.query_params, content))
        except OF_THE_INPUT as error:
            return problem(error)


def _picture(clip: Pixels) -> str:
    """(T, H, W[, 3]) → a data URI."""
    return data_uri('image/webp', encode_webp(to_channels(clip, 3), QUALITY))
