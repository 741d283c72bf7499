"""What a store costs: opening, checking, joining, memory, and a clip against decord on mp4.

The clips of the large store are sparse files: all is there but the pixels, which are zeros.  Where
clips are read, to check or to join stores, they are tiny, so that the rows are measured.
"""
from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

import lddm_aug  # noqa: F401  registers the datasets
from lddm_aug.data.annotations import Annotation
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.experiments.benchmark.measure import device_name, resident
from lddm_aug.files import sha256_of
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.store.exchange import write_mp4
from lddm_aug.store.manifest import FORMAT_VERSION, MANIFEST, PLAN, open_rows, plan_text
from lddm_aug.store.merge import merge_stores
from lddm_aug.store.rows import make_table, plain_type, write_table
from lddm_aug.store.shards import ClipShards, clip_sha256, clips_per_shard
from lddm_aug.store.verify import verify_store
from lddm_aug.synthesis.synthesize import synthesize

SHAPE = (16, 128, 128)
TINY = (2, 4, 4)
READS = 200
WORKERS = 4
SECONDS = 0.02                                       # from one look at memory to the next
FORK = multiprocessing.get_context('fork')


def make_store(folder: Path, count: int, shape: tuple[int, ...] = SHAPE, first: int = 0,
               step: int = 1) -> None:
    """A finished store of this many clips in two classes and 1,000 groups; all pixels are 0.

    Args:
        first: number of the still of the first clip.
        step: from one still to the next.
    """
    numbers = range(first, first + step * count, step)
    digest = clip_sha256(np.zeros(shape, np.uint8))
    same = {'package_sha256': 'ab' * 32, 'generator': 'LDDMGenerator', 'sampler': 'DDIM',
            'steps': 10, 'guidance': 1., 'frame_stride': 3, 'versions': '{"torch": "2.6.0"}',
            'conditions': '{}'}
    each: dict[str, list[Any]] = {
        'clip_id': [f'still-{number:08d}-{number * 7919 % 16**8:08x}-0' for number in numbers],
        'place': [*range(count)], 'sha256': [digest] * count,
        'still': [f'/data/stills/still-{number:08d}.png' for number in numbers],
        'still_sha256': [f'{number:064x}' for number in numbers],
        'still_frame': [None] * count, 'group': [f'patient{number % 1000}' for number in numbers],
        'label': [('benign', 'malignant')[number % 2] for number in numbers],
        'seed': [*numbers]}
    table = make_table({
        **{name: pa.array(values, plain_type(name)) for name, values in each.items()},
        **{name: pa.repeat(pa.scalar(value, plain_type(name)), count)
           for name, value in same.items()}})
    folder.mkdir()
    per_shard = clips_per_shard(shape)
    ClipShards(folder, shape, count, per_shard).make_all()
    with (folder / MANIFEST).open('wb') as file:
        write_table(table, file)
    (folder / PLAN).write_bytes(plan_text(dict(
        format_version=FORMAT_VERSION, clips=count, generator_groups=['trained-on'], shape=shape,
        clips_per_shard=per_shard, rows_sha256=sha256_of(folder / MANIFEST))))


def measure_opening(large: Path, small: Path) -> dict[str, float]:
    """Seconds and MiB of a mixed data set of a large store, and milliseconds of its samples.

    Args:
        small: a store whose clips stand in for real ones.
    """
    pipeline = [dict(type='ReadVideo', channels=1)]
    before, start = resident(), time.perf_counter()
    clips = SyntheticClipDataset(str(large), pipeline=pipeline)
    seconds_clips = time.perf_counter() - start
    real = SyntheticClipDataset(str(small), pipeline=pipeline)
    mixed = LDDMMixedDataset(real, clips, synthetic_per_real=1.)
    seconds = time.perf_counter() - start
    count = len(real)
    first = _milliseconds(lambda: mixed[count])
    later = [_milliseconds(partial(mixed.__getitem__, count + number % count))
             for number in range(1, READS)]
    mib = (resident() - before) / 2**20
    with FORK.Pool(WORKERS, _remember, (mixed,)) as pool:
        private = pool.map(_private_growth, range(WORKERS), chunksize=1)
    return {'open the store, s': seconds_clips, 'ready, s': seconds, 'memory, MiB': mib,
            'first sample, ms': first, 'later samples, ms': statistics.median(later),
            'slowest of them, ms': max(later),
            'private memory of a worker after 200 samples, MiB': max(private)}


def measure_reading(folder: Path, count: int = 64) -> dict[str, float]:
    """Milliseconds to read a clip from a store and, by decord, from mp4; interleaved."""
    shards = ClipShards(folder, SHAPE, count, count)
    files = []
    for number in range(count):
        random = np.random.default_rng(number)
        clip = (random.rayleigh(40, SHAPE).clip(0, 255)).astype(np.uint8)
        shards.write(number, clip)
        files.append(folder / f'{number}.mp4')
        with files[-1].open('wb') as file:
            write_mp4(file, clip)
    stored, decoded = [], []
    for number in np.random.default_rng(0).integers(count, size=READS):
        stored.append(_milliseconds(partial(shards.read, int(number))))
        decoded.append(_milliseconds(partial(_decode, files[number])))
    one, other = statistics.median(stored), statistics.median(decoded)
    return {'a clip from the store, ms': one, 'from mp4 by decord, ms': other,
            'ratio': other / one}


def _decode(file: Path) -> np.ndarray:
    import decord

    return decord.VideoReader(str(file), num_threads=1).get_batch(range(SHAPE[0])).asnumpy()


def measure_synthesis(folder: Path, counts: Sequence[int], size: int = 224) -> dict[str, float]:
    """MiB that `synthesize` needs at most for clips of so many stills, beyond what is imported."""
    generator = RepeatStill(size=size, num_frames=2)
    generator.package_sha256 = 'of no package'
    random, rows = np.random.default_rng(0), []
    for number in range(max(counts)):
        path = folder / f's{number}.png'
        Image.fromarray(random.integers(0, 256, (size, size), dtype=np.uint8)).save(
            path, compress_level=1)
        rows.append(Annotation(path, 'benign', f'p{number % 50}', None, None, number))
    found = {}
    for count in counts:
        cost = _cost(synthesize, generator, rows[:count], folder / f'store{count}', progress=False)
        found[f'memory to synthesize clips of {count} stills of {size}², MiB'] = cost['memory, MiB']
    return found


def measure_rows(folder: Path, counts: Sequence[int]) -> dict[str, float]:
    """CPU seconds and MiB to open, check and join stores of so many tiny clips."""
    found: dict[str, float] = {}
    for count in counts:
        halves = [folder / f'{count}_{half}' for half in range(2)]
        for half, part in enumerate(halves):
            _alone(make_store, part, count // 2, TINY, half, 2)
        whole = folder / f'{count}'
        costs = {'merge to': _cost(merge_stores, halves, whole)}
        costs |= {'open': _cost(open_rows, whole), 'verify': _cost(verify_store, whole)}
        found |= {f'{what} {count} rows: {key}': value
                  for what, cost in costs.items() for key, value in cost.items()}
    return found


def _cost(work: Callable[..., Any], *args: Any, **options: Any) -> dict[str, float]:
    """CPU seconds and largest memory, beyond what is imported, of work in a process of its own."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_report_cost, args=(sender, work, args, options))
    process.start()
    sender.close()
    before = own = receiver.recv()
    while not receiver.poll(SECONDS):
        own = max(own, _anonymous(process.pid))
    most, seconds = receiver.recv()
    process.join()
    return {'CPU time, s': seconds, 'memory, MiB': most / 2**20,
            'memory without mapped files, MiB': (own - before) / 2**20}


def _report_cost(sender: Any, work: Callable[..., Any], args: Sequence[Any],
                 options: dict[str, Any]) -> None:
    start, before = time.process_time(), resident()
    sender.send(_anonymous())
    work(*args, **options)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sender.send((most - before, time.process_time() - start))


def _anonymous(process: int | str | None = 'self') -> int:
    """Bytes of a process in memory that are of no file."""
    lines = Path(f'/proc/{process}/status').read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith('RssAnon:')) * 1024


def _alone(work: Callable[..., Any], *args: Any) -> None:
    """Do something in a process of its own, whose memory goes with it."""
    process = FORK.Process(target=work, args=args)
    process.start()
    process.join()


_MIXED: Any = None


def _remember(mixed: Any) -> None:
    global _MIXED
    _MIXED = mixed


def _private_growth(_: int) -> float:
    """MiB that a worker needs for itself after samples."""
    before = _private()
    count = len(_MIXED.real)
    for number in range(READS):
        _MIXED[count + number % count]
    time.sleep(.2)
    return (_private() - before) / 2**20


def _private() -> int:
    lines = Path('/proc/self/smaps_rollup').read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith('Private_')) * 1024


def _milliseconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def measure_store(folder: Path, rows: int = 1_000_000, stills: Sequence[int] = (2_000, 20_000),
                  command: str = '') -> list[dict[str, Any]]:
    """Opening, checking and joining a large store, reading a clip, and the memory of synthesis.

    Args:
        folder: for stores, videos and stills that are made; an empty one.
        rows: clips of the large store; checking and joining are measured at a tenth, too.
        stills: numbers of stills whose clips are synthesized.
        command: that is to stand in the rows.

    Returns:
        dict(what, value, baseline, ratio, unit, tried, failed, device, command) for each figure; of
        a clip from a store the baseline is decord on mp4, and the ratio how many times as long
        that takes.
    """
    (folder / 'rows').mkdir()
    counted = measure_rows(folder / 'rows', (rows // 10, rows))
    large, small = folder / 'large', folder / 'small'
    _alone(make_store, large, rows)
    _alone(make_store, small, 1000)
    found = measure_opening(large, small)
    (folder / 'mp4').mkdir()
    reading = measure_reading(folder / 'mp4')
    if stills:
        (folder / 'stills').mkdir()
        found |= measure_synthesis(folder / 'stills', stills)
    same: dict[str, Any] = dict(tried=1, failed=0, device=device_name(torch.device('cpu')),
                                command=command)
    clip = dict(what='a clip from the store; baseline: from mp4 by decord, one thread',
                value=reading['a clip from the store, ms'],
                baseline=reading['from mp4 by decord, ms'], ratio=reading['ratio'], unit='ms')
    named = [(f'{rows} clips: {key}' if 'stills' not in key else key, value)
             for key, value in found.items()] + [*counted.items()]
    return [dict(what=key.rpartition(', ')[0], value=value, baseline=None, ratio=None,
                 unit=key.rpartition(', ')[2], **same) for key, value in named] + [clip | same]
