"""Stills → a store of clips with their provenance; an interrupted run can be resumed."""
from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, get_worker_info
from tqdm import tqdm

from lddm_aug.classes import shown
from lddm_aug.conditions import LABEL, Told
from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import read_square_still
from lddm_aug.files import sha256_of
from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit
from lddm_aug.generators.base import Generator, device_of
from lddm_aug.processes import end_with_parent
from lddm_aug.store.rows import make_table, plain_type
from lddm_aug.store.sheet import write_contact_sheet
from lddm_aug.store.writer import StoreWriter
from lddm_aug.synthesis.plan import ClipRequest, Plan, plan_clips, shard_of
from lddm_aug.versions import clip_versions

LOOKED_AT = 1000                                     # stills that are decoded before the first clip
Key = tuple[Path, int | None]                        # a still's file and, of a video, its frame
StillPixels = dict[Key, np.ndarray]
# tqdm would show a rate below 1 as seconds per clip.
BAR = '{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]'


class ClipFilter(Protocol):
    """What leaves clips out while they are made; `identity` becomes part of the plan."""

    identity: dict[str, Any]

    def __call__(self, clip: np.ndarray) -> str:
        """Why a (T, H, W[, 3]) uint8 clip is left out; blank for one that is kept."""


@dataclass(frozen=True)
class Summary:
    """Result of a run of `synthesize`.

    Attributes:
        clips: clips in the store.
        made: those of this run; the others existed.
        seconds: that this run took to make them.
        left_out: why clips were left out, one message each.
    """

    clips: int
    made: int
    seconds: float
    left_out: tuple[str, ...] = ()

    @property
    def clips_per_second(self) -> float:
        """Rate of this run; 0 if it made no clips."""
        return self.made / self.seconds if self.made else 0.


def synthesize(generator: Generator, rows: Iterable[Annotation], out: str | Path, *,
               per_still: int = 1, seed: int = 0, batch_size: int = 8, workers: int = 0,
               progress: bool = True, shard: int = 0, shards: int = 1,
               devices: Sequence[torch.device] = (), conditions: Told | None = None,
               keep: ClipFilter | None = None) -> Summary:
    """Make `per_still` clips of every still in a table and write them into the store `out`.

    The same stills, seed and package give the same bytes for every batch size and number of
    workers.  Called again, it resumes an interrupted run.  With `shards`, each run makes the clips
    of its share of the stills, and `merge_stores` makes the whole store of theirs.  A shard that
    gets no still becomes a store without clips.

    Of every still the bytes are hashed before the first clip, for its seed and id; a table's column
    `sha256` saves that.  The first 1,000 stills are decoded then as well, so that a wrong table is
    refused at once.  The others are read when their clips are made, by the process that makes
    them.  One of these that can't be used is left out, and `plan.json` says why.

    Args:
        generator: from `load_package`, on its device.
        rows: of the table of stills.
        out: folder of the store.
        per_still: clips of each still.
        seed: of the run.
        batch_size: clips per batch.
        workers: processes that make clips on the CPU; 0 makes them in this one.
        progress: show a progress bar.
        shard: the share of this run, in [0, shards).
        shards: into how many shares the stills are divided.
        devices: of one type; on each a process of its own makes clips, from a copy of the
            generator.  Empty for the generator's own device.
        conditions: what all clips are told, as {'motion': 1.5}, in place of what the table says or
            what would be drawn.  The class stays the table's, since it is the clip's label.
        keep: says why a clip is left out, or nothing, as `LikenessFilter` does.

    Raises:
        ValueError: before the first clip, if stills are unusable (it lists all that were found),
            `out` has the clips of another plan, or devices are of several types.
    """
    if not 0 <= shard < shards:
        raise ValueError(f'synthesize: shard must lie in [0, {shards}), the number of shards, but '
                         f'got {shard!r}')
    if len({device.type for device in devices}) > 1:
        raise ValueError('synthesize: devices must be of one type, since others give other clips, '
                         f'but got {", ".join(map(str, devices))}')
    device = devices[0] if devices else device_of(generator)
    told = {name: str(value) for name, value in _known(generator, conditions or {}).items()}
    stills = [replace(row, others={**row.others, **told}) if told else row for row in rows
              if shards == 1 or shard_of(row, shards) == shard]
    if not stills and shards == 1:
        raise ValueError('synthesize: needs at least one still, but got none')
    _check(generator, stills, device, seed, batch_size, workers)
    pixels, sha256s = _look_at(generator, stills, progress)
    plan = plan_clips(stills, sha256s, per_still, seed)
    store = StoreWriter(out, _identity(generator, per_still, seed, device, keep),
                        rows_of(plan, generator))
    if store.finished and not len(store.missing):
        return Summary(clips=len(store), made=0, seconds=0.)

    with store.lock():
        before = len(store)
        making = Batches(generator, device, plan, (), pixels, devices, keep)
        seconds, left_out = _fill(store, making, batch_size, workers, progress)
        write_contact_sheet(store, seed)
        store.finish()
    return Summary(clips=len(store), made=len(store) - before, seconds=seconds,
                   left_out=tuple(left_out))


def _known(generator: Generator, conditions: Told) -> Told:
    """These conditions, if the generator has them."""
    for name in conditions:
        if name == LABEL:
            raise ValueError('synthesize: the class of a clip is that of its still, so that '
                             f'{LABEL} cannot be set for all; change it in the table')
        if name not in generator.conditions:
            raise ValueError(f'synthesize: the generator is told {shown(generator.conditions)}, '
                             f'but got {name}; leave it out, or train a generator with it')
    generator.require_known('synthesize', [conditions])
    return conditions


def _fill(store: StoreWriter, making: Batches, batch_size: int, workers: int, progress: bool
          ) -> tuple[float, list[str]]:
    """Make the missing clips; the seconds that it took, and why some were left out."""
    store.resume()
    start = time.perf_counter()
    missing, left_out = store.missing, []
    workers = len(making.devices) or workers
    batch_size = min(batch_size, len(missing) // max(workers, 1) + 1)    # a batch for every worker
    making.batches = batches = [missing[i:i + batch_size]
                                for i in range(0, len(missing), batch_size)]
    with tqdm(total=len(making.plan), initial=len(store), desc='synthesize', unit=' clips',
              bar_format=BAR, disable=not progress) as bar:
        for batch, made in zip(batches, make_batches(making, workers), strict=True):
            clips = {int(place): clip for place, clip in zip(batch, made, strict=True)
                     if not isinstance(clip, str)}
            store.add([*clips], [*clips.values()])
            for place, reason in zip(batch, made, strict=True):
                if isinstance(reason, str):
                    store.leave_out(int(place), reason)
                    left_out.append(reason)
            bar.update(len(batch))
    if not len(store) and left_out:
        raise ValueError(f'synthesize: none of {len(making.plan)} clips could be made; the first: '
                         f'{left_out[0]}')
    return time.perf_counter() - start, left_out


class Batches(Dataset):
    """Batches of clips, made by the worker process that loads them."""

    def __init__(self, generator: Generator, device: torch.device, plan: Sequence[ClipRequest],
                 batches: Sequence[NDArray], pixels: StillPixels,
                 devices: Sequence[torch.device] = (), keep: ClipFilter | None = None) -> None:
        self.generator = generator
        self.device = device
        self.plan = plan
        self.batches = batches
        self.pixels = pixels
        self.devices = devices
        self.keep = keep

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> list[np.ndarray | str]:
        """A (T, H, W[, 3]) clip for each request of a batch; for one left out, the reason."""
        requests = [self.plan[place] for place in self.batches[index]]
        stills = dict(zip(map(_key, requests), map(self._read, requests), strict=True))
        usable = [request for request in requests if not isinstance(stills[_key(request)], str)]
        clips = iter(self._make(usable, stills)) if usable else iter(())
        return [found if isinstance(found := stills[_key(request)], str)
                else self._kept(request, next(clips)) for request in requests]

    def _kept(self, request: ClipRequest, clip: np.ndarray) -> np.ndarray | str:
        reason = '' if self.keep is None else self.keep(clip)
        return f'{request.clip_id}: {reason}' if reason else clip

    def _make(self, requests: Sequence[ClipRequest], stills: Mapping[Key, Any]
              ) -> list[np.ndarray]:
        batch = torch.stack([still_to_unit(stills[_key(request)]) for request in requests])
        clips = self.generator(batch.to(self.device), [request.seed for request in requests],
                               [request.still.conditions for request in requests])
        return [clip_to_uint8(clip) for clip in clips]             # B × (T, H, W[, 3])

    def _read(self, request: ClipRequest) -> np.ndarray | str:
        still = request.still
        if _key(request) in self.pixels:
            return self.pixels[_key(request)]
        try:
            _refuse_changed(still.path, request.still_sha256)
            return read_square_still(still.path, still.frame, self.generator.size,
                                     self.generator.channels)
        except (ValueError, OSError) as error:
            return _reason(still.path, error)


def make_batches(batches: Batches, workers: int) -> Iterator[list[np.ndarray | str]]:
    """The clips of one batch after another."""
    workers = min(workers, len(batches))
    if batches.devices and workers:
        context = 'fork' if batches.device.type == 'cpu' else 'spawn'    # CUDA forbids a fork
        yield from DataLoader(batches, batch_size=None, collate_fn=list, num_workers=workers,
                              worker_init_fn=_take_device, multiprocessing_context=context)
    elif len(batches):
        yield from DataLoader(batches, batch_size=None, collate_fn=list, num_workers=workers,
                              worker_init_fn=end_with_parent)


def _take_device(worker: int) -> None:
    """Let each process of a loader make clips on a device of its own."""
    end_with_parent()
    batches: Any = get_worker_info().dataset         # type: ignore[union-attr]
    batches.device = batches.devices[worker]
    batches.generator.to(batches.device)


def _key(request: ClipRequest) -> Key:
    return request.still.path, request.still.frame


def _reason(path: Path, error: Exception) -> str:
    return str(error) if str(path) in str(error) else f'{path}: {error}'


def _refuse_changed(path: Path, sha256: str) -> None:
    if _sha256(path) != sha256:
        raise ValueError(f'{path} was changed after its sha256 was written into the table')


def _sha256(path: Path) -> str:
    """Of a file; of a video with many stills once in each process."""
    status = path.stat()
    return _sha256_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256_of(path: Path, size: int, mtime_ns: int) -> str:
    return sha256_of(path)


def _check(generator: Generator, stills: Sequence[Annotation], device: torch.device,
           seed: int, batch_size: int, workers: int) -> None:
    if not generator.package_sha256:
        raise ValueError('synthesize: every clip records its package, but this '
                         f'{type(generator).__name__} has none; save it with save_package first')
    if batch_size < 1:
        raise ValueError('synthesize: batch_size counts the clips per batch and must be at '
                         f'least 1, but got {batch_size!r}')
    if workers < 0 or (workers and device.type != 'cpu'):
        raise ValueError('synthesize: workers counts processes that make clips on the CPU and '
                         f'must be 0 {"or more" if device.type == "cpu" else "on " + device.type}, '
                         f'but got {workers!r}')
    generator.require_known('synthesize', [still.conditions for still in stills])
    if seed < 0:
        raise ValueError(f'synthesize: seed must be 0 or more, but got {seed!r}')


def _look_at(generator: Generator, stills: Sequence[Annotation], progress: bool
             ) -> tuple[StillPixels, dict[Path, str]]:
    """Pixels of the first stills, and sha256 of every file; one error lists unusable stills."""
    pixels: StillPixels = {}
    sha256s: dict[Path, str] = {}
    unusable: dict[Key, str] = {}
    for still in tqdm(stills, desc='look at stills', unit=' stills', disable=not progress):
        key = (still.path, still.frame)
        try:
            if still.path not in sha256s:
                sha256s[still.path] = still.sha256 or _sha256(still.path)
            if len(pixels) < LOOKED_AT and key not in pixels and key not in unusable:
                _refuse_changed(still.path, sha256s[still.path])
                pixels[key] = read_square_still(*key, generator.size, generator.channels)
        except (ValueError, OSError) as error:
            unusable[key] = _reason(still.path, error)
    if unusable:
        reasons = '\n'.join(f'  {reason}' for reason in unusable.values())
        raise ValueError(f'synthesize: {len(unusable)} of {len(stills)} stills are unusable; '
                         f'correct or leave out these:\n{reasons}')
    return pixels, sha256s


def _identity(generator: Generator, per_still: int, seed: int, device: torch.device,
              keep: ClipFilter | None) -> dict[str, Any]:
    """All but the stills that the clips' bytes depend on, in the types that JSON returns."""
    frames = (generator.num_frames, generator.size, generator.size)
    identity = {
        'package_sha256': generator.package_sha256,
        'generator': generator.config,
        'generator_groups': generator.groups,
        'device': device.type,
        'per_still': per_still,
        'seed': seed,
        'shape': frames if generator.channels == 1 else (*frames, generator.channels),
        **({} if generator.has_own_length else {'frame_stride': generator.frame_stride}),
        **({} if keep is None else keep.identity),
    }
    return json.loads(json.dumps(identity))


def rows_of(plan: Plan, generator: Generator) -> pa.Table:
    """The rows of planned clips, without the columns that the store adds."""
    sampler, count = generator.sampler.as_dict(), len(plan)
    same = {'package_sha256': generator.package_sha256, 'generator': type(generator).__name__,
            'sampler': sampler.get('name'), 'steps': sampler.get('steps'),
            'guidance': sampler.get('guidance'), 'frame_stride': generator.frame_stride,
            'versions': json.dumps(clip_versions())}
    of_stills: dict[str, Iterator[Any]] = {
        'still': (str(still.path) for still in plan.stills),
        'still_sha256': (plan.sha256s[still.path] for still in plan.stills),
        'still_frame': (still.frame for still in plan.stills),
        'group': (still.group for still in plan.stills),
        'label': (still.label for still in plan.stills)}
    still_of, zeros = pa.array(plan.still_of), pa.array(np.zeros(count, np.int32))
    return make_table({
        'clip_id': plan.clip_ids, 'seed': pa.array(plan.seeds),
        'conditions': _coded(_told(plan, generator), 'conditions'),
        **{name: _coded(values, name).take(still_of) for name, values in of_stills.items()},
        **{name: _coded([value], name).take(zeros) for name, value in same.items()}})


def _told(plan: Plan, generator: Generator) -> Iterator[str]:
    """What each clip is made from beside still and seed, as JSON."""
    if not generator.conditions:
        yield from repeat('{}', len(plan))
        return
    for request in plan:
        told, = generator.told([request.still.conditions], [request.seed])
        yield json.dumps(told, sort_keys=True)


def _coded(values: Iterable[Any], name: str) -> pa.Array:
    array = pa.array(values, plain_type(name))
    return array.dictionary_encode() if pa.types.is_string(array.type) else array
