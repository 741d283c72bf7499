"""A store ↔ files that other programs read: WebDataset, and mp4 with a table.

    mp4         LABEL/CLIP_ID.mp4 and clips.csv (path, label, group, fps), H.264
    webdataset  00000.tar, ... with CLIP_ID.npy and CLIP_ID.json; no pixel is lost

Both have plan.json and rows.jsonl beside them, of which a store is made again.
"""
from __future__ import annotations

import csv
import io
import json
import math
import re
import tarfile
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lddm_aug.data.frames import read_frames, to_channels
from lddm_aug.files import atomic_write
from lddm_aug.json_files import read_json, read_json_lines
from lddm_aug.store.manifest import PLAN, Manifest, check_shape, read_manifest
from lddm_aug.store.merge import plan_of
from lddm_aug.store.rows import (
    AS_JSON,
    OF_THE_STORE,
    ROWS_AT_ONCE,
    SCHEMA,
    JoinedRows,
    make_table,
    plain_type,
    rows_on_disk,
    sorted_texts,
    tables_on_disk,
)
from lddm_aug.store.shards import clip_of, clip_sha256
from lddm_aug.store.sheet import write_contact_sheet
from lddm_aug.store.writer import StoreWriter

ROWS = 'rows.jsonl'
TABLE = 'clips.csv'
CLIPS_IN_TAR = 1000
FPS = 25
ID = re.compile(r'[A-Za-z0-9_-]{1,200}')             # a name of a file, everywhere
LABEL = re.compile(r'[^A-Za-z0-9_-]+')
ROW = {'clip_id': str, 'sha256': str, 'still': str, 'still_sha256': str,
       'still_frame': (int, None), 'group': str, 'label': str, 'seed': int, 'package_sha256': str,
       'generator': str, 'sampler': (str, None), 'steps': (int, None), 'guidance': (float, None),
       'frame_stride': int, **AS_JSON}
ADVICE = 'export the store again'


def export_store(store: Path, out: Path, form: str, fps: float = FPS) -> int:
    """Write the clips of a finished store as files → their number.

    Args:
        out: a new or empty folder.
        form: 'mp4' or 'webdataset'.
        fps: frames per second of mp4 files.

    Raises:
        FileNotFoundError: if there is no such store, or it is unfinished.
        ValueError: if it is damaged, the folder isn't empty, or there is no such form.
    """
    if form not in WRITERS:
        raise ValueError(f'--to must be one of {", ".join(WRITERS)}, but got {form!r}')
    manifest = read_manifest(store)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f'{out} is not empty; name a new folder')
    ids = JoinedRows([manifest.rows.table]).chunks('clip_id').chunks
    wrong = next((clip_id for chunk in ids for clip_id in chunk.to_pylist()
                  if not ID.fullmatch(clip_id)), None)
    if wrong is not None:
        raise ValueError(f'{store}: {wrong!r} is no name for a file; make the store again')
    out.mkdir(parents=True, exist_ok=True)
    with atomic_write(out / ROWS) as file:
        file.writelines(json.dumps(_row(row)).encode() + b'\n' for row in manifest.rows)
    WRITERS[form](manifest, out, fps)
    with atomic_write(out / PLAN) as file:           # last: without it nothing is imported
        plan = dict(plan_of(manifest.header), clips=len(manifest.rows), exported_as=form)
        file.write(json.dumps(plan, indent=1).encode())
    return len(manifest.rows)


def import_store(folder: Path, out: Path) -> int:
    """Make a store of what `export_store` wrote → the number of clips.

    WebDataset gives the same clips.  mp4 gives similar ones, whose sha256 are those of the new
    pixels; plan.json says so.

    Args:
        out: a new folder, or one that an interrupted call has left.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if one is damaged or changed.
    """
    if not (folder / PLAN).is_file() or not (folder / ROWS).is_file():
        raise FileNotFoundError(f'{folder} lacks {PLAN} or {ROWS}, so it is no exported store; '
                                'write one with lddm-aug store export')
    plan = read_json(folder / PLAN, {'exported_as': str, 'shape': [int], 'clips': int,
                                     'generator_groups': [str], 'seed?': int}, ADVICE)
    check_shape(folder / PLAN, plan['shape'])
    form = plan.pop('exported_as')
    if form not in READERS:
        raise ValueError(f'{folder / PLAN}: exported_as must be one of {", ".join(READERS)}, but '
                         f'got {form!r}')
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = _read_rows(folder / ROWS, plan.pop('clips'), out.parent)
    if form == 'mp4':
        plan['imported_from'] = form
    writer = StoreWriter(out, plan, rows.drop_columns(['digest']))
    with writer.lock():
        writer.resume()
        for clip_id, clip in READERS[form](folder, rows, plan['shape']):
            place = _place_of(clip_id, rows['clip_id'])
            if place is None or place in writer:
                continue
            if form != 'mp4' and clip_sha256(clip).hex() != rows['digest'][place].as_py():
                raise ValueError(f'{folder}: clip {clip_id} was changed after it was written; '
                                 f'{ADVICE}')
            writer.add([place], [clip])
        for place, in writer.missing_batches(1):
            absent = rows['clip_id'][int(place)]
            raise FileNotFoundError(f'{folder}: clip {absent} is missing; {ADVICE}')
        write_contact_sheet(writer, plan.get('seed', 0))
        writer.finish()
    return len(writer)


def _read_rows(file: Path, count: int, folder: Path) -> pa.Table:
    """Rows in the order of their ids, on disk in a folder.

    Raises:
        ValueError: if there are others than `count`.
    """
    rows = JoinedRows(tables_on_disk(folder, _tables(read_json_lines(file, ROW, ADVICE))))
    order, is_first = sorted_texts(rows.chunks('clip_id'), folder=folder)
    if len(rows) != count or not is_first.all():
        raise ValueError(f'{file} was changed after it was written; {ADVICE}')
    return rows_on_disk(folder, rows, order)


def _tables(rows: Iterator[dict[str, Any]]) -> Iterator[pa.Table]:
    """Rows by column, some after the others; the hex digits of sha256 are called digest."""
    names = [name for name in SCHEMA.names if name not in OF_THE_STORE]
    some: list[dict[str, Any]] | None = None
    while some is None or len(some) == ROWS_AT_ONCE:                 # also of none
        some = [*islice(rows, ROWS_AT_ONCE)]
        columns = {name: [json.dumps(row[name]) if name in AS_JSON else row[name]
                          for row in some] for name in names}
        yield make_table({name: pa.array(values, plain_type(name))
                          for name, values in columns.items()}
                         | {'digest': pa.array([row['sha256'] for row in some], pa.string())})


def _place_of(clip_id: str, ids: pa.ChunkedArray) -> int | None:
    """Where an id stands among sorted ones."""
    place = bisect_left(range(len(ids)), clip_id, key=lambda number: ids[number].as_py())
    return place if place < len(ids) and ids[place].as_py() == clip_id else None


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ROW}


def _write_mp4s(manifest: Manifest, out: Path, fps: float) -> None:
    with (out / TABLE).open('w', newline='', encoding='utf-8') as file:
        table = csv.writer(file)
        table.writerow(['path', 'label', 'group', 'fps'])
        for number, row in enumerate(manifest.rows):
            path = Path(LABEL.sub('-', row['label']) or 'label', f'{row["clip_id"]}.mp4')
            (out / path.parent).mkdir(exist_ok=True)
            with atomic_write(out / path) as video:
                write_mp4(video, manifest.read_clip(number), fps)
            table.writerow([path.as_posix(), row['label'], row['group'], fps])


def write_mp4(file: Any, clip: NDArray[np.uint8], fps: float = FPS) -> None:
    """(T, H, W[, 3]) uint8 → H.264, with an odd row or column doubled at its end."""
    rate = Fraction(fps).limit_denominator(1000)
    frames = to_channels(clip, 3)
    height, width = frames.shape[1:3]
    frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), 'edge')
    with av.open(file, 'w', format='mp4') as opened:
        stream: Any = opened.add_stream('libx264', rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.options = 'yuv420p', {'crf': '18'}
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
            picture.pts, picture.time_base = number, 1 / rate
            opened.mux(stream.encode(picture))
        opened.mux(stream.encode())


def _read_mp4s(folder: Path, rows: pa.Table, shape: list[int]
               ) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for clip_id, label in zip(rows['clip_id'], rows['label'], strict=True):
        clip_id, label = clip_id.as_py(), label.as_py()
        path = folder / (LABEL.sub('-', label) or 'label') / f'{clip_id}.mp4'
        if not ID.fullmatch(clip_id):
            raise ValueError(f'{folder / ROWS}: {clip_id!r} is no name for a file; {ADVICE}')
        clip = read_frames(path, lambda frame: to_channels(
            frame, 3 if len(shape) == 4 else 1)[:shape[1], :shape[2]])
        yield clip_id, clip


def _write_tars(manifest: Manifest, out: Path, fps: float) -> None:
    count = len(manifest.rows)
    for first in range(0, count, CLIPS_IN_TAR):
        with (atomic_write(out / f'{first // CLIPS_IN_TAR:05d}.tar') as file,
              tarfile.open(fileobj=file, mode='w') as tar):
            for number in range(first, min(first + CLIPS_IN_TAR, count)):
                row = manifest.rows[number]
                pixels = io.BytesIO()
                np.save(pixels, manifest.read_clip(number))
                for ending, content in (('json', json.dumps(_row(row)).encode()),
                                        ('npy', pixels.getvalue())):
                    member = tarfile.TarInfo(f'{row["clip_id"]}.{ending}')
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def _read_tars(folder: Path, rows: pa.Table, shape: list[int]
               ) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    most = 4096 + math.prod(shape)                   # of a member: no more is taken into memory
    for path in sorted(folder.glob('*.tar')):
        try:
            with tarfile.open(path, 'r:') as tar:    # not compressed
                for member in tar:
                    clip_id, _, ending = member.name.partition('.')
                    if ending != 'npy' or not member.isfile() or member.size > most:
                        continue
                    content: Any = tar.extractfile(member)
                    clip = clip_of(content.read(), shape)
                    if clip is None:
                        raise ValueError(f'{member.name[:80]} is no clip of the shape {shape}')
                    yield clip_id, clip
        except (tarfile.TarError, EOFError, ValueError, OSError) as error:
            if str(folder) in str(error):
                raise
            raise ValueError(f'{path} cannot be read ({error}); {ADVICE}') from error


WRITERS: dict[str, Callable[[Manifest, Path, float], None]] = {
    'mp4': _write_mp4s, 'webdataset': _write_tars}
READERS: dict[str, Any] = {'mp4': _read_mp4s, 'webdataset': _read_tars}
