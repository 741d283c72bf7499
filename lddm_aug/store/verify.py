"""What is wrong with a store: missing, changed and extra clips and files."""
from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lddm_aug.store.manifest import Manifest, open_rows
from lddm_aug.store.records import wrong_records
from lddm_aug.store.shards import CLIPS, ClipShards

CHUNK = 256                                          # clips that a process reads at once


@dataclass(frozen=True)
class Report:
    """What a check of a store has found.

    Attributes:
        clips: number of rows.
        damaged: numbers of the rows whose clips are missing or changed.
        files: that are missing or changed but for their clips: shards, records, copies of these.
        extra: files among the shards that are none.
        doubled: ids that stand there twice.
    """

    clips: int
    damaged: tuple[int, ...]
    files: tuple[Path, ...]
    extra: tuple[Path, ...]
    doubled: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.files or self.extra or self.doubled)


def verify_store(store: str | Path, processes: int = 1) -> tuple[Manifest, Report]:
    """Compare every clip of a store, and every other file, with its sha256.

    Args:
        processes: that read clips at the same time.

    Raises:
        FileNotFoundError: if there is no such store, or it is unfinished.
        ValueError: if its rows or plan are damaged or changed.
    """
    manifest = open_rows(store)
    rows = manifest.rows.table
    damaged: list[int] = []
    for start, found in zip(range(0, len(rows), CHUNK), _sha256s(manifest, processes), strict=True):
        expected = rows['sha256'].slice(start, CHUNK).to_pylist()
        damaged += [start + number for number, pair in enumerate(zip(found, expected, strict=True))
                    if pair[0] != pair[1]]
    files = [*manifest.clips.wrong_files(), *wrong_records(manifest.clips.store, manifest.header)]
    shards = {*manifest.clips.files}
    folder = manifest.clips.store / CLIPS
    extra = sorted({*folder.iterdir()} - shards) if folder.is_dir() else []
    return manifest, Report(len(rows), tuple(damaged), tuple(files), tuple(extra),
                            _doubled(rows['clip_id']))


def _doubled(ids: pa.ChunkedArray) -> tuple[str, ...]:
    """Ids that stand there twice; where all are in order, in little memory."""
    if pc.all(pc.less(ids.slice(0, max(len(ids) - 1, 0)), ids.slice(1))).as_py() is not False:
        return ()
    counted = pc.value_counts(ids)
    values, counts = counted.flatten()
    return tuple(sorted(values.filter(pc.greater(counts, 1)).to_pylist()))


def _sha256s(manifest: Manifest, processes: int) -> Iterator[list[bytes | None]]:
    places = manifest.rows.table['place']
    chunks = ((manifest.clips, places.slice(start, CHUNK).to_numpy())
              for start in range(0, len(places), CHUNK))
    if processes <= 1:
        yield from map(_sha256s_of, chunks)
        return
    with multiprocessing.get_context('spawn').Pool(processes) as pool:
        yield from pool.imap(_sha256s_of, chunks)


def _sha256s_of(chunk: tuple[ClipShards, NDArray]) -> list[bytes | None]:
    clips, places = chunk
    return [clips.sha256(place) for place in places.tolist()]
