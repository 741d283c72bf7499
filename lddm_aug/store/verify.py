"""What is wrong with a store: missing, changed and extra clips."""
from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lddm_aug.store.manifest import Manifest, open_rows
from lddm_aug.store.shards import CLIPS, ClipShards

CHUNK = 256                                          # clips that a process reads at once


@dataclass(frozen=True)
class Report:
    """What a check of a store has found.

    Attributes:
        clips: number of rows.
        damaged: numbers of the rows whose clips are missing or changed.
        extra: files among the shards that are none.
        doubled: ids that stand there twice.
    """

    clips: int
    damaged: tuple[int, ...]
    extra: tuple[Path, ...]
    doubled: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.extra or self.doubled)


def verify_store(store: str | Path, processes: int = 1) -> tuple[Manifest, Report]:
    """Compare every clip of a store with its sha256.

    Args:
        processes: that read clips at the same time.

    Raises:
        FileNotFoundError: if there is no such store, or it is unfinished.
        ValueError: if its rows or plan are damaged or changed.
    """
    manifest = open_rows(store)
    places = manifest.rows.column('place').to_numpy()
    recorded = manifest.rows.column('sha256')
    damaged: list[int] = []
    for start, found in zip(range(0, len(places), CHUNK),
                            _sha256s(manifest.clips, places, processes), strict=True):
        expected = recorded[start:start + CHUNK].to_pylist()
        damaged += [start + number for number, pair in enumerate(zip(found, expected, strict=True))
                    if pair[0] != pair[1]]
    shards = {*manifest.clips.files}
    folder = manifest.clips.store / CLIPS
    extra = sorted({*folder.iterdir()} - shards) if folder.is_dir() else []
    ids, counts = np.unique(manifest.rows.column('clip_id').to_numpy(zero_copy_only=False),
                            return_counts=True)
    return manifest, Report(len(places), tuple(damaged), tuple(extra), tuple(ids[counts > 1]))


def _sha256s(clips: ClipShards, places: np.ndarray, processes: int
             ) -> Iterator[list[bytes | None]]:
    chunks = [(clips, places[start:start + CHUNK].tolist())
              for start in range(0, len(places), CHUNK)]
    if processes <= 1:
        yield from map(_sha256s_of, chunks)
        return
    with multiprocessing.get_context('spawn').Pool(processes) as pool:
        yield from pool.imap(_sha256s_of, chunks)


def _sha256s_of(chunk: tuple[ClipShards, Sequence[int]]) -> list[bytes | None]:
    clips, places = chunk
    return [clips.sha256(place) for place in places]
