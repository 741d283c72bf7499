"""Forms in which a store could keep its clips and rows, measured side by side.

Zarr, Lance and WebDataset are measured where they are installed; a store needs none of them.
"""
from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.ndimage import gaussian_filter

from lddm_aug.experiments.benchmark.measure import resident

SHAPE = (16, 128, 128)
BATCH = 8                                            # clips that are written at once
SHARD = 256                                          # clips of a shard
BEFORE_KILL = 200                                    # clips that are written before a kill
WARM = 20                                            # reads that aren't counted
FORK = multiprocessing.get_context('fork')           # from a process without Lance's threads
READY: Any = None                                    # of a process that reads


def make_clips(count: int, first: int = 0) -> Iterator[np.ndarray]:
    """Speckle of 16 × 128² that moves, uint8: as hard to compress as ultrasound is."""
    for number in range(first, first + count):
        noise = np.random.default_rng(number).standard_normal((2, *SHAPE), dtype=np.float32)
        field = gaussian_filter(noise, (0, 1.5, .8, .8))
        envelope = np.log1p(np.hypot(*(field / field.std())))
        yield (255 * envelope / envelope.max()).astype(np.uint8)


class Files:
    """One .npy file a clip, each renamed into place, as stores were at first."""

    name, needs = 'a `.npy` file a clip', 'numpy'

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, clips: Sequence[np.ndarray], first: int) -> None:
        for number, clip in enumerate(clips, start=first):
            with open(self.folder / 'new.tmp', 'wb') as file:
                np.save(file, clip)
                os.fsync(file.fileno())
            os.replace(self.folder / 'new.tmp', self.folder / f'{number}.npy')

    def finish(self) -> None:
        pass

    def count(self) -> int:
        return len([*self.folder.glob('*.npy')])

    def read(self, number: int) -> np.ndarray:
        return np.load(self.folder / f'{number}.npy')


class Shards:
    """One .npy array for every 256 clips, written in place, read by offset."""

    name, needs = '`.npy` shards, read by offset', 'numpy'

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int) -> Path:
        return self.folder / f'shard-{number // SHARD:05d}.npy'

    def append(self, clips: Sequence[np.ndarray], first: int) -> None:
        for number, clip in enumerate(clips, start=first):
            path = self.path(number)
            if not path.exists():
                np.lib.format.open_memmap(path, 'w+', np.uint8, (SHARD, *SHAPE))
            with path.open('r+b') as file:
                file.seek(128 + number % SHARD * clip.nbytes)
                file.write(clip.data)
        with (self.folder / 'made').open('a') as file:
            file.writelines(f'{first + i} {hashlib.sha256(clip.data).hexdigest()}\n'
                            for i, clip in enumerate(clips))

    def finish(self) -> None:
        pass

    def count(self) -> int:
        recorded = (line.split() for line in (self.folder / 'made').read_text().splitlines())
        return sum(hashlib.sha256(self.read(int(number)).data).hexdigest() == digest
                   for number, digest in recorded)

    def read(self, number: int) -> np.ndarray:
        clip = np.empty(SHAPE, np.uint8)
        with open(self.path(number), 'rb', buffering=0) as file:
            file.seek(128 + number % SHARD * clip.nbytes)
            file.readinto(clip.data)
        return clip


class MappedShards(Shards):
    """The same shards, kept open as memory maps."""

    name = '`.npy` shards, memory-mapped'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.maps: dict[Path, np.ndarray] = {}

    def read(self, number: int) -> np.ndarray:
        path = self.path(number)
        if path not in self.maps:
            self.maps[path] = np.load(path, mmap_mode='r')
        return np.array(self.maps[path][number % SHARD])


class Zarr:
    """Zarr 3: one array, a chunk a clip, 256 of them in a shard, Zstandard as by default."""

    name, needs = 'Zarr 3, sharded', 'zarr'
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path) -> None:
        import zarr

        self.file = folder / 'clips.zarr'
        self.array: Any = (zarr.open_array(self.file) if self.file.exists() else zarr.create_array(
            self.file, shape=(0, *SHAPE), chunks=(1, *SHAPE), shards=(SHARD, *SHAPE),
            dtype='uint8', **self.options))

    def append(self, clips: Sequence[np.ndarray], first: int) -> None:
        self.array.append(np.stack(clips))

    def finish(self) -> None:
        pass

    def count(self) -> int:
        return int(sum(bool(self.array[i].any()) for i in range(self.array.shape[0])))

    def read(self, number: int) -> np.ndarray:
        return self.array[number]


class PlainZarr(Zarr):
    """The same without compression."""

    name, options = 'Zarr 3, sharded, uncompressed', {'compressors': None}


class Lance:
    """Lance: a fixed-size list a clip; a version of the data set for every batch."""

    name, needs = 'Lance', 'lance'

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / 'clips.lance')
        self.opened: Any = None

    def append(self, clips: Sequence[np.ndarray], first: int) -> None:
        import lance

        flat = pa.array(np.stack(clips).ravel())
        table = pa.table({'clip': pa.FixedSizeListArray.from_arrays(flat, int(np.prod(SHAPE)))})
        lance.write_dataset(table, self.file, mode='append' if first else 'create')

    def finish(self) -> None:
        import lance

        lance.dataset(self.file).optimize.compact_files()
        lance.dataset(self.file).cleanup_old_versions(older_than=None)

    def count(self) -> int:
        import lance

        return lance.dataset(self.file).count_rows()

    def read(self, number: int) -> np.ndarray:
        import lance

        self.opened = self.opened or lance.dataset(self.file)
        taken = self.opened.take([number])['clip'].combine_chunks()
        return taken.flatten().to_numpy().reshape(SHAPE)


class WebDataset:
    """Tar files of 256 clips, each a .npy and a .json; the index is the offsets of the members."""

    name, needs = 'WebDataset, indexed', 'numpy'

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index: list[tuple[Path, int, int]] = []

    def append(self, clips: Sequence[np.ndarray], first: int) -> None:
        with tarfile.open(self.folder / f'{first // SHARD:05d}.tar', 'a') as tar:
            for number, clip in enumerate(clips, start=first):
                buffer = io.BytesIO()
                np.save(buffer, clip)
                for ending, content in (('json', b'{}'), ('npy', buffer.getvalue())):
                    member = tarfile.TarInfo(f'{number:08d}.{ending}')
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))

    def finish(self) -> None:
        pass

    def count(self) -> int:
        return len(self.members())

    def members(self) -> list[tuple[Path, int, int]]:
        return [(path, member.offset_data, member.size)
                for path in sorted(self.folder.glob('*.tar')) for member in tarfile.open(path)
                if member.name.endswith('.npy')]

    def read(self, number: int) -> np.ndarray:
        self.index = self.index or self.members()
        path, offset, size = self.index[number]
        with path.open('rb') as file:
            file.seek(offset)
            return np.load(io.BytesIO(file.read(size)))


FORMS: tuple[Any, ...] = (Files, Shards, MappedShards, Zarr, PlainZarr, Lance, WebDataset)


def measure_clips(form: Any, folder: Path, count: int, reads: int, workers: int
                  ) -> dict[str, Any]:
    """Size, seconds to write, milliseconds to read, and what a kill leaves, of one form."""
    with FORK.Pool(1) as pool:
        seconds = pool.apply(_write, (form, folder, count))
    size = sum(file.stat().st_blocks * 512 for file in folder.rglob('*') if file.is_file())
    one = _read_in(1, form, folder, count, reads)
    several = _read_in(workers, form, folder, count, reads)
    took = max(map(max, several)) - min(map(min, several))   # from the first to the last read
    return dict(form=form.name, kib=size / count / 1024, write_ms=1000 * seconds / count,
                read_ms=1000 * statistics.median(np.diff(one[0])), rate=workers * reads / took)


def _write(form: Any, folder: Path, count: int) -> float:
    """Seconds to write the clips; some of them are read back."""
    writer, clips = form(folder), [*make_clips(min(count, 64))]
    seconds = 0.
    for first in range(0, count, BATCH):
        batch = [clips[(first + i) % len(clips)] for i in range(min(BATCH, count - first))]
        start = time.perf_counter()
        writer.append(batch, first)
        seconds += time.perf_counter() - start
    start = time.perf_counter()
    writer.finish()
    seconds += time.perf_counter() - start
    for number in (0, count // 2, count - 1):
        if not np.array_equal(form(folder).read(number), clips[number % len(clips)]):
            raise ValueError(f'{form.name}: clip {number} was read back as another')
    return seconds


def _read_in(workers: int, form: Any, folder: Path, count: int, reads: int) -> list[list[float]]:
    """When each of several processes began its first read, and ended each."""
    ready = FORK.Barrier(workers)
    with FORK.Pool(workers, initializer=_remember, initargs=(ready,)) as pool:
        return pool.map(_read_some, [(form, folder, count, reads, worker)
                                     for worker in range(workers)], chunksize=1)


def _remember(ready: Any) -> None:
    global READY
    READY = ready


def _read_some(arguments: tuple[Any, Path, int, int, int]) -> list[float]:
    form, folder, count, reads, seed = arguments
    reader, random = form(folder), np.random.default_rng(seed)
    for number in random.integers(count, size=WARM):
        reader.read(int(number))
    READY.wait()
    times = [time.perf_counter()]
    for number in random.integers(count, size=reads):
        reader.read(int(number))
        times.append(time.perf_counter())
    return times


def measure_kill(form: Any, folder: Path) -> dict[str, Any]:
    """What `kill -9` in the middle of writing leaves: clips appended, and clips found."""
    told = folder / 'told.txt'
    (folder / 'clips').mkdir()
    process = FORK.Process(target=_append_forever, args=(form, folder / 'clips', told))
    process.start()
    while not told.exists() or told.stat().st_size < BEFORE_KILL // BATCH:
        time.sleep(.001)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    appended = told.stat().st_size * BATCH
    with FORK.Pool(1) as pool:
        found = pool.apply(_count, (form, folder / 'clips'))
    return dict(appended=appended, found=found)


def _count(form: Any, folder: Path) -> int | str:
    try:
        return form(folder).count()
    except Exception as error:                       # of any library: it can't read what is left
        return f'none ({type(error).__name__}: {str(error)[:40]})'


def _append_forever(form: Any, folder: Path, told: Path) -> None:
    writer, clips = form(folder), [*make_clips(BATCH)]
    for first in range(0, 1 << 20, BATCH):
        writer.append(clips, first)
        with told.open('a') as file:
            file.write('.')


def make_rows(count: int) -> pa.Table:
    """Rows as a store has them: ids, hashes, stills, groups, labels, and what was the same."""
    random = np.random.default_rng(0)
    numbers = np.arange(count)

    def digests() -> pa.Array:
        flat = pa.py_buffer(random.bytes(32 * count))
        return pa.Array.from_buffers(pa.binary(32), count, [None, flat])

    def coded(values: list[str], codes: np.ndarray) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(values))

    return pa.table({
        'clip_id': pa.array([f'benign-{n}-{n * 7919 % 16**8:08x}-0' for n in numbers]),
        'sha256': digests(),
        'still': pa.array([f'/data/stills/of/somebody/benign-{n}.png' for n in numbers]),
        'still_sha256': digests(),
        'group': coded([f'patient{n}' for n in range(1000)], numbers % 1000),
        'label': coded(['benign', 'malignant'], numbers % 2),
        'seed': pa.array(random.integers(2**63 - 1, size=count)),
        'package_sha256': coded(['ab' * 32], numbers * 0),
        'versions': coded(['{"lddm_aug": "0.2.0", "torch": "2.6.0"}'], numbers * 0),
        'conditions': coded(['{}'], numbers * 0)})


def _jsonl(table: pa.Table, path: Path) -> None:
    with path.open('w') as file:
        for batch in table.to_batches(10_000):
            file.writelines(json.dumps({
                key: value.hex() if isinstance(value, bytes) else value
                for key, value in row.items()}) + '\n' for row in batch.to_pylist())


def _open_jsonl(path: Path) -> Callable[[int], Any]:
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    return lambda number: rows[number]


def _arrow(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), 'wb') as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _open_arrow(path: Path) -> Callable[[int], Any]:
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    return lambda number: table.slice(number, 1).to_pylist()[0]


def _open_hashed_arrow(path: Path) -> Callable[[int], Any]:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    return _open_arrow(path)


def _open_parquet(path: Path) -> Callable[[int], Any]:
    table = pq.read_table(path)
    return lambda number: table.slice(number, 1).to_pylist()[0]


def _lance(table: pa.Table, path: Path) -> None:
    import lance

    lance.write_dataset(table, str(path))


def _open_lance(path: Path) -> Callable[[int], Any]:
    import lance

    dataset = lance.dataset(str(path))
    return lambda number: dataset.take([number]).to_pylist()[0]


ROW_FORMS: tuple[tuple[str, str, Any, Any], ...] = (
    ('JSON lines', 'numpy', _jsonl, _open_jsonl),
    ('Parquet', 'pyarrow', pq.write_table, _open_parquet),
    ('Arrow IPC, memory-mapped', 'pyarrow', _arrow, _open_arrow),
    ('the same, its sha256 compared', 'pyarrow', _arrow, _open_hashed_arrow),
    ('Lance', 'lance', _lance, _open_lance))


def measure_rows(name: str, write: Any, opener: Any, table: pa.Table, path: Path
                 ) -> dict[str, Any]:
    """Bytes of a row, and seconds, MiB and the time of a row in a process that opens them."""
    with FORK.Pool(1) as pool:
        pool.apply(write, (table, path))
    files = [file for file in (path.rglob('*') if path.is_dir() else [path]) if file.is_file()]
    with FORK.Pool(1) as pool:
        seconds, mib, row_us = pool.apply(_open_rows, (opener, path, len(table)))
    return dict(form=name, bytes=sum(file.stat().st_size for file in files) / len(table),
                seconds=seconds, mib=mib, row_us=row_us)


def _open_rows(opener: Any, path: Path, count: int) -> tuple[float, float, float]:
    before, start = resident(), time.perf_counter()
    row = opener(path)
    row(0)
    seconds, mib = time.perf_counter() - start, (resident() - before) / 2**20
    start = time.perf_counter()
    for number in range(0, count, count // 100):
        row(number)
    return seconds, mib, (time.perf_counter() - start) / 100 * 1e6


def measure(folder: Path, count: int, rows: Sequence[int], reads: int = 1000, workers: int = 4
            ) -> str:
    """Both tables, as Markdown."""
    lines = [f'Clips: {count} of 16 × 128 × 128 uint8 ({np.prod(SHAPE) // 1024} KiB of pixels), '
             f'written {BATCH} at a time; {reads} random reads, from the page cache.', '',
             '| form | KiB a clip | write, ms a clip | read, ms a clip | '
             f'reads a second, {workers} workers | `kill -9` after n clips: readable |',
             '|---|---|---|---|---|---|']
    for form in FORMS:
        if find_spec(form.needs) is None:
            continue
        place = Path(tempfile.mkdtemp(dir=folder))
        (place / 'kill').mkdir()
        (place / 'clips').mkdir()
        found = measure_clips(form, place / 'clips', count, reads, workers)
        killed = measure_kill(form, place / 'kill')
        shutil.rmtree(place)
        lines.append(f'| {found["form"]} | {found["kib"]:.0f} | {found["write_ms"]:.2f} | '
                     f'{found["read_ms"]:.3f} | {found["rate"]:.0f} | '
                     f'{killed["appended"]}: {killed["found"]} |')
        print(lines[-1], flush=True)
    for number in rows:
        lines += ['', f'{number:,} rows, opened in a new process:', '',
                  '| form | bytes a row | open, s | MiB | one row, µs |', '|---|---|---|---|---|']
        table = make_rows(number)
        for name, needs, write, opener in ROW_FORMS:
            if find_spec(needs) is None:
                continue
            place = Path(tempfile.mkdtemp(dir=folder))
            found = measure_rows(name, write, opener, table, place / 'rows')
            shutil.rmtree(place)
            lines.append(f'| {name} | {found["bytes"]:.0f} | {found["seconds"]:.3f} | '
                         f'{found["mib"]:.0f} | {found["row_us"]:.0f} |')
            print(lines[-1], flush=True)
    return '\n'.join(lines) + '\n'
