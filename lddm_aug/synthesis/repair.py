"""Makes what is damaged in a store again: clips from their rows, other files from their copies."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lddm_aug.data.annotations import Annotation
from lddm_aug.generators.base import Generator, device_of
from lddm_aug.locks import only_writer
from lddm_aug.store.manifest import Manifest, Rows
from lddm_aug.store.records import mend_records
from lddm_aug.store.shards import clip_sha256
from lddm_aug.store.verify import verify_store
from lddm_aug.synthesis.plan import ClipRequest
from lddm_aug.synthesis.synthesize import Batches, make_batches


class Repaired(NamedTuple):
    """What was made again.

    Attributes:
        files: plan, rows, picture, copies of them, and shards but for their clips.
        clips: ids.
    """

    files: list[Path]
    clips: list[str]


def repair_store(store: str | Path, generator: Generator | None = None, *, batch_size: int = 8,
                 workers: int = 0, processes: int = 1) -> Repaired:
    """Make missing and changed files and clips of a finished store again.

    A clip is written only if it has the sha256 of its row: on the CPU that made it, with the same
    versions, it has.

    Args:
        generator: from `load_package`: the one that made the clips; it samples as the store says,
            and makes clips as long.  None will do where no clip is damaged.
        batch_size: clips per batch.
        workers: processes that make clips on the CPU; 0 makes them in this one.
        processes: that look for damaged clips.

    Raises:
        FileNotFoundError: if there is no such store, or it is unfinished.
        ValueError: if its rows or picture are damaged and their copies as well, the generator is
            another or missing, or clips can't be made as they were; the others are repaired.
    """
    store = Path(store).resolve()
    with only_writer(store):
        mended = mend_records(store)
        manifest, report = verify_store(store, processes)
        rows = manifest.rows.take(np.array(report.damaged, int))
        for sha256 in rows.values('package_sha256'):
            if generator is None or sha256 != generator.package_sha256:
                got = 'none' if generator is None else str(generator.package_sha256)[:12]
                raise ValueError(f'{store}: {len(rows)} damaged clips are of the package '
                                 f'{sha256[:12]}, but got {got}; name that package')
        failed = (_make_again(manifest, rows, generator, batch_size, workers)
                  if generator is not None and len(rows) else [])
        manifest.clips.make_all()
    if failed:
        listed = '\n'.join(f'  {reason}' for reason in failed)
        raise ValueError(f'{store}: {len(failed)} of {len(rows)} damaged clips could not be made '
                         f'again; restore their stills, or make the store again:\n{listed}')
    return Repaired([*mended, *report.files], rows.column('clip_id').to_pylist())


def _make_again(manifest: Manifest, rows: Rows, generator: Generator,
                batch_size: int, workers: int) -> list[str]:
    """Make the clips of rows; why some could not be made as they were."""
    generator = generator.sampling_as(manifest.header.get('generator', {})).with_length(
        manifest.header['shape'][0], rows[0]['frame_stride'])
    batches = [np.arange(len(rows))[first:first + batch_size]
               for first in range(0, len(rows), batch_size)]
    making = Batches(generator, device_of(generator), _Requests(rows), batches, {})
    failed = []
    for batch, made in zip(batches, make_batches(making, workers), strict=True):
        for number, clip in zip(batch, made, strict=True):
            row = rows[number]
            if isinstance(clip, str):
                failed.append(f'{row["clip_id"]}: {clip}')
            elif clip_sha256(clip).hex() != row['sha256']:
                failed.append(f'{row["clip_id"]}: made again, it differs; versions or device '
                              f'are others than {row["versions"]}')
            else:
                manifest.clips.write(row['place'], clip)
    return failed


class _Requests(Sequence[ClipRequest]):
    """What was asked for when the clips of rows were made."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: Any) -> Any:
        row = self.rows[number]
        still = Annotation(Path(row['still']), row['label'], row['group'], row['still_frame'], None,
                           0, others=row['conditions'])
        return ClipRequest(row['clip_id'], still, row['still_sha256'], row['seed'])
