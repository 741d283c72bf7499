"""Stills → a store of clips with their provenance; an interrupted run can be resumed."""
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
from lddm_aug.files import atomic_write, sha256_of
from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit
from lddm_aug.generators.base import Generator, device_of
from lddm_aug.processes import end_with_parent
from lddm_aug.store.manifest import CONTACT_SHEET
from lddm_aug.store.writer import StoreWriter
from lddm_aug.synthesis.plan import ClipRequest, plan_clips
from lddm_aug.versions import clip_versions
from lddm_aug.visualization.contact_sheet import contact_sheet

CLIPS_ON_SHEET = 12
StillPixels = dict[tuple[Path, int | None], np.ndarray]  # by path and frame
# tqdm would show a rate below 1 as seconds per clip.
BAR = '{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]'


@dataclass(frozen=True)
class Summary:
    """Result of a run of `synthesize`.

    Attributes:
        clips: clips in the store.
        made: those of this run; the others existed.
        seconds: that this run took to make them.
    """

    clips: int
    made: int
    seconds: float

    @property
    def clips_per_second(self) -> float:
        """Rate of this run; 0 if it made no clips."""
        return self.made / self.seconds if self.made else 0.


def synthesize(generator: Generator, rows: Iterable[Annotation], out: str | Path, *,
               per_still: int = 1, seed: int = 0, batch_size: int = 8, workers: int = 0,
               progress: bool = True) -> Summary:
    """Make `per_still` clips of every still in a table and write them into the store `out`.

    The same stills, seed and package give the same bytes for every batch size and number of
    workers.  Called again, it resumes an interrupted run.

    Args:
        generator: from `load_package`, on its device.
        rows: of the table of stills.
        out: folder of the store.
        per_still: clips of each still.
        seed: of the run.
        batch_size: clips per batch.
        workers: processes that make clips on the CPU; 0 makes them in this one.
        progress: show a progress bar.

    Raises:
        ValueError: before the first clip, if stills are unusable (it lists all of them), or if
            `out` has the clips of another plan.
    """
    device, stills = device_of(generator), list(rows)
    _check(generator, stills, device, seed, batch_size, workers)
    pixels, sha256s = _read_stills(generator, stills, progress)
    plan = plan_clips(stills, sha256s, per_still, seed)
    store = StoreWriter(out, _identity(generator, plan, per_still, seed, device),
                        {request.clip_id: _row(request, generator) for request in plan})
    missing = [request for request in plan if request.clip_id not in store]
    if store.finished and not missing:
        return Summary(clips=len(plan), made=0, seconds=0.)

    with store.lock():
        seconds = _fill(store, generator, device, plan, missing, pixels, batch_size, workers,
                        progress)
        _write_contact_sheet(store, plan, seed)
        store.finish(request.clip_id for request in plan)
    return Summary(clips=len(plan), made=len(missing), seconds=seconds)


def _fill(store: StoreWriter, generator: Generator, device: torch.device,
          plan: Sequence[ClipRequest], missing: Sequence[ClipRequest], pixels: StillPixels,
          batch_size: int, workers: int, progress: bool) -> float:
    """Make the missing clips; the seconds that it took."""
    store.resume()
    start = time.perf_counter()
    batch_size = min(batch_size, len(missing) // max(workers, 1) + 1)    # a batch for every worker
    batches = [missing[i:i + batch_size] for i in range(0, len(missing), batch_size)]
    with tqdm(total=len(plan), initial=len(store), desc='synthesize', unit=' clips',
              bar_format=BAR, disable=not progress) as bar:
        for batch, clips in zip(batches, _make(generator, device, batches, pixels, workers),
                                strict=True):
            store.add([(clip, _row(request, generator))
                       for clip, request in zip(clips, batch, strict=True)])
            bar.update(len(batch))
    return time.perf_counter() - start


class _Batches(Dataset):
    """Batches of clips, made by the worker process that loads them."""

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
        raise ValueError('synthesize: every clip records its package, but this '
                         f'{type(generator).__name__} has none; save it with save_package first')
    if not stills:
        raise ValueError('synthesize: needs at least one still, but got none')
    if batch_size < 1:
        raise ValueError('synthesize: batch_size counts the clips per batch and must be at '
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
    """Pixels of every still, and sha256 of its file; one error lists all unusable stills.

    All stills are read before the first clip, so that a damaged one can't end a run after hours.
    At the generator's size they fit into memory.
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
        raise ValueError(f'synthesize: {len(unusable)} of {len(stills)} stills are unusable; '
                         f'correct or leave out these:\n{reasons}')
    return pixels, sha256s


def _identity(generator: Generator, plan: Sequence[ClipRequest], per_still: int, seed: int,
              device: torch.device) -> dict[str, Any]:
    """All that the clips' bytes depend on, in the types that JSON returns."""
    identity = {
        'package_sha256': generator.package_sha256,
        'generator': generator.config,
        'generator_groups': generator.groups,
        'device': device.type,
        'per_still': per_still,
        'seed': seed,
        'clips': len(plan),
        'stills': [_provenance(request) for request in plan[::per_still]],
    }
    return json.loads(json.dumps(identity))


def _row(request: ClipRequest, generator: Generator) -> dict[str, Any]:
    """A manifest row, without the keys that the store adds."""
    sampler = generator.sampler.as_dict()
    return {
        'clip_id': request.clip_id,
        **_provenance(request),
        'seed': request.seed,
        'package_sha256': generator.package_sha256,
        'generator': type(generator).__name__,
        'sampler': sampler.get('name'),
        'steps': sampler.get('steps'),
        'guidance': sampler.get('guidance'),
        'frame_stride': generator.frame_stride,
        'versions': clip_versions(),
    }


def _provenance(request: ClipRequest) -> dict[str, Any]:
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
    with atomic_write(store.folder / CONTACT_SHEET) as file:
        Image.fromarray(sheet).save(file, format='PNG')
