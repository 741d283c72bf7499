"""Stills → a store of clips, which says where every clip came from and can be gone on with."""
from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import read_square_still
from lddm_aug.files import sha256_of, write_aside
from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit
from lddm_aug.generators.base import Generator, device_of
from lddm_aug.processes import end_with_parent
from lddm_aug.store.manifest import CONTACT_SHEET
from lddm_aug.store.writer import StoreWriter
from lddm_aug.synthesis.plan import ClipRequest, plan_clips
from lddm_aug.versions import clip_versions
from lddm_aug.visualization.contact_sheet import contact_sheet

CLIPS_ON_SHEET = 12
# tqdm would turn a rate below 1 over into seconds per clip.
BAR = '{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]'


@dataclass(frozen=True)
class Summary:
    """What a run of `synthesize` did.

    Attributes:
        clips: clips in the store.
        made: those made by this run; the others were there already.
        seconds: that making them took.
    """

    clips: int
    made: int
    seconds: float

    @property
    def clips_per_second(self) -> float:
        return self.made / self.seconds if self.made else 0.


def synthesize(generator: Generator, rows: Iterable[Annotation], out: str | Path, *,
               per_still: int = 1, seed: int = 0, batch_size: int = 8, workers: int = 0,
               progress: bool = True) -> Summary:
    """Make `per_still` clips of every still that a table lists and keep them in the store `out`.

    The same stills, seed and package give the same bytes, however many clips are made at once and
    in however many processes.  A run that was stopped goes on where it was when called again.

    Args:
        generator: from `load_package`, on the device where it is to work.
        rows: of the table of stills.
        workers: processes that make clips on the CPU; 0 makes them in this one.

    Raises:
        ValueError: before anything is made, if stills cannot be used (it lists all of them), or
            if `out` holds another plan's clips.
    """
    device, stills = device_of(generator), list(rows)
    _check(generator, stills, device, seed, batch_size, workers)
    pixels, sha256s = _read_stills(generator, stills, progress)
    plan = plan_clips(stills, sha256s, per_still, seed)
    store = StoreWriter(out, _identity(generator, plan, per_still, seed, device))
    missing = [request for request in plan if request.clip_id not in store]
    if store.finished and not missing:
        return Summary(clips=len(plan), made=0, seconds=0.)

    store.resume()
    start = time.perf_counter()
    at_once = min(batch_size, len(missing) // max(workers, 1) + 1)       # work for every worker
    batches = [missing[i:i + at_once] for i in range(0, len(missing), at_once)]
    with tqdm(total=len(plan), initial=len(store), desc='synthesize', unit=' clips',
              bar_format=BAR, disable=not progress) as bar:
        for batch, clips in zip(batches, _make(generator, device, batches, pixels, workers),
                                strict=True):
            store.add([(clip, _row(request, generator))
                       for clip, request in zip(clips, batch, strict=True)])
            bar.update(len(batch))
    seconds = time.perf_counter() - start
    _write_contact_sheet(store, plan, seed)
    store.finish(request.clip_id for request in plan)
    return Summary(clips=len(plan), made=len(missing), seconds=seconds)


StillPixels = dict[tuple[Path, int | None], np.ndarray]  # by path and frame


class _Batches(Dataset):
    """Batches of clips; a worker process that asks for one makes it."""

    def __init__(self, generator: Generator, device: torch.device,
                 batches: Sequence[Sequence[ClipRequest]], pixels: StillPixels) -> None:
        self.generator = generator
        self.device = device
        self.batches = batches
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> list[np.ndarray]:
        batch = self.batches[index]
        stills = torch.stack([still_to_unit(self.pixels[request.still.path, request.still.frame])
                              for request in batch])               # (B, C, H, W)
        clips = self.generator(stills.to(self.device), [request.seed for request in batch],
                               [request.still.label for request in batch])
        return [clip_to_uint8(clip) for clip in clips]             # B × (T, H, W[, 3])


def _make(generator: Generator, device: torch.device, batches: Sequence[Sequence[ClipRequest]],
          pixels: StillPixels, workers: int) -> Iterator[list[np.ndarray]]:
    yield from DataLoader(_Batches(generator, device, batches, pixels), batch_size=None,
                          collate_fn=list, num_workers=min(workers, len(batches)),
                          worker_init_fn=end_with_parent)


def _check(generator: Generator, stills: Sequence[Annotation], device: torch.device,
           seed: int, batch_size: int, workers: int) -> None:
    if not generator.package_sha256:
        raise ValueError('synthesize: every clip names the package that made it, but this '
                         f'{type(generator).__name__} has none; save it with save_package first')
    if not stills:
        raise ValueError('synthesize: needs at least one still, but got none')
    if batch_size < 1:
        raise ValueError('synthesize: batch_size counts the clips made at once and must be at '
                         f'least 1, but got {batch_size!r}')
    if workers < 0 or (workers and device.type != 'cpu'):
        raise ValueError('synthesize: workers counts processes that make clips on the CPU and '
                         f'must be 0 {"or more" if device.type == "cpu" else "on " + device.type}, '
                         f'but got {workers!r}')
    generator.require_known('synthesize', (still.label for still in stills))
    if seed < 0:
        raise ValueError(f'synthesize: seed must be 0 or more, but got {seed!r}')


def _read_stills(generator: Generator, stills: Sequence[Annotation], progress: bool
                 ) -> tuple[StillPixels, dict[Path, str]]:
    """Every still once, with its file's sha256, or one error that lists all that cannot be used.

    At the generator's size stills are small, and reading each before the first clip is made keeps
    a bad one from ending a run after hours.
    """
    pixels: StillPixels = {}
    sha256s: dict[Path, str] = {}
    unusable: dict[tuple[Path, int | None], str] = {}
    for still in tqdm(stills, desc='read stills', unit=' stills', disable=not progress):
        key = (still.path, still.frame)
        if key in pixels or key in unusable:
            continue
        try:
            pixels[key] = read_square_still(*key, generator.size, generator.channels)
            if still.path not in sha256s:
                sha256s[still.path] = sha256_of(still.path)
        except (ValueError, OSError) as error:
            named = str(still.path) in str(error)
            unusable[key] = str(error) if named else f'{still.path}: {error}'
    if unusable:
        reasons = '\n'.join(f'  {reason}' for reason in unusable.values())
        raise ValueError(f'synthesize: {len(unusable)} of {len(stills)} stills cannot be used; '
                         f'correct or leave out these:\n{reasons}')
    return pixels, sha256s


def _identity(generator: Generator, plan: Sequence[ClipRequest], per_still: int, seed: int,
              device: torch.device) -> dict[str, Any]:
    """What the clips' bytes depend on, in the form in which JSON gives it back."""
    identity = {
        'package_sha256': generator.package_sha256,
        'generator': generator.config,
        'generator_groups': generator.groups,
        'device': device.type,
        'per_still': per_still,
        'seed': seed,
        'clips': len(plan),
        'stills': [_describe(request) for request in plan[::per_still]],
    }
    return json.loads(json.dumps(identity))


def _row(request: ClipRequest, generator: Generator) -> dict[str, Any]:
    """A manifest row, but for what the store adds."""
    sampler = generator.sampler.as_dict()
    return {
        'clip_id': request.clip_id,
        **_describe(request),
        'seed': request.seed,
        'package_sha256': generator.package_sha256,
        'generator': type(generator).__name__,
        'sampler': sampler.get('name'),
        'steps': sampler.get('steps'),
        'guidance': sampler.get('guidance'),
        'frame_stride': generator.frame_stride,
        'versions': clip_versions(),
    }


def _describe(request: ClipRequest) -> dict[str, Any]:
    return {
        'still': str(request.still.path),
        'still_sha256': request.still_sha256,
        'still_frame': request.still.frame,
        'group': request.still.group,
        'label': request.still.label,
    }


def _write_contact_sheet(store: StoreWriter, plan: Sequence[ClipRequest], seed: int) -> None:
    draws = np.random.default_rng(seed).permutation(len(plan))[:CLIPS_ON_SHEET]
    shown = [plan[i] for i in sorted(draws)]
    sheet = contact_sheet([store.read_clip(request.clip_id) for request in shown],
                          [f'{request.still.label}   {request.clip_id}' for request in shown])
    with write_aside(store.folder / CONTACT_SHEET) as file:
        Image.fromarray(sheet).save(file, format='PNG')
