"""A still is dropped in, and its clip plays beside it."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
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
MAX_TEMPERATURE = 2.                                 # more noise than that decodes to noise
TOLD = 'told '                                       # before the name of a condition, in choices
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


def parse_temperature(text: str) -> float:
    """Raise ValueError for anything but a temperature that the page offers."""
    try:
        temperature = float(text)
    except ValueError:
        temperature = -1.
    if not 0 <= temperature <= MAX_TEMPERATURE:
        raise ValueError(f'the temperature must be a number from 0 to {MAX_TEMPERATURE:g}, but got '
                         f'{text[:40]!r}')
    return temperature


def parse_length(text: str, num_frames: int) -> int:
    """Raise ValueError for anything but a number of frames that a clip has."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and
            2 <= int(text) <= num_frames):
        raise ValueError(f'the length must be a whole number of frames from 2 to {num_frames}, '
                         f'but got {text[:40]!r}')
    return int(text)


class ClipPage:
    """The page of a generator, and what makes its clips.

    The form sends every choice by its name to `make`.  Each condition of the generator is a control
    of its own.

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
            choices: name, of the file; seed; `told NAME` of each condition, blank where nothing is
                said; temperature, where the sampler has one; length, how many frames are shown;
                and against, the query of other choices: then their clip comes, too, and a map of
                what differs.  Without temperature and length the clip is the one of a store.
            content: of the file.

        Raises:
            ValueError: if a choice or the file isn't right; the message is for the reader.
        """
        name = choices.get('name', '')
        still = read_upload(name, content, self.generator.size, self.generator.channels)
        clip, told = self._clip_of(choices, still)
        made = dict(still=_picture(still[None]), clip=_picture(clip), held=_picture(clip[:1]),
                    caption=' · '.join([name, *told]))
        if 'against' in choices:
            other, before = self._clip_of(dict(parse_qsl(choices['against'])), still)
            frames = min(len(clip), len(other))
            changed = np.abs(clip[:frames].astype(np.int16) - other[:frames]).astype(np.uint8)
            made |= dict(before=_picture(other), changed=_picture(changed),
                         before_caption=' · '.join(before))
        return made

    def _clip_of(self, choices: Mapping[str, str], still: Pixels) -> tuple[Pixels, list[str]]:
        """The clip of choices, and what they are for the reader."""
        seed, generator = parse_seed(choices.get('seed', '')), self.generator
        told = {name: value.strip() for name in generator.conditions
                if (value := choices.get(f'{TOLD}{name}', '')).strip()}
        shown = [value if name == LABEL else f'{name} {value}' for name, value in told.items()]
        shown.append(f'seed {seed}')
        if ('temperature' in choices and
                (temperature := parse_temperature(choices['temperature'])) != self.temperature):
            generator = generator.with_sampler(temperature=temperature)
            shown.append(f'temperature {temperature:g}')
        length = parse_length(choices.get('length', str(generator.num_frames)),
                              generator.num_frames)
        if length < generator.num_frames:
            shown.append(f'first {length} frames')
        with self._one_at_a_time:
            return make_clip(generator, still, told, seed)[:length], shown

    @property
    def temperature(self) -> float | None:
        """Of the generator's sampler, if it has one."""
        return getattr(self.generator.sampler, 'temperature', None)

    def _page(self, request: Request) -> Response:
        return HTMLResponse(render_page(
            HERE / 'clip.html', generator=self.generator, package=self.package,
            kind=type(self.generator).__name__, device=device_of(self.generator),
            endings=','.join(sorted(STILL_SUFFIXES)), max_seed=MAX_SEED, told=TOLD,
            temperature=self.temperature, max_temperature=MAX_TEMPERATURE))

    async def _clip(self, request: Request) -> Response:
        try:
            content = await read_body(request, MAX_BYTES)
            return JSONResponse(await run_in_threadpool(self.make, request.query_params, content))
        except OF_THE_INPUT as error:
            return problem(error)


def _picture(clip: Pixels) -> str:
    """(T, H, W[, 3]) → a data URI."""
    return data_uri('image/webp', encode_webp(to_channels(clip, 3), QUALITY))
