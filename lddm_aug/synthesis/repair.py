"""Makes the damaged clips of a store again, each from its row."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lddm_aug.data.annotations import Annotation
from lddm_aug.generators.base import Generator, device_of
from lddm_aug.locks import only_writer
from lddm_aug.store.shards import clip_sha256
from lddm_aug.store.verify import verify_store
from lddm_aug.synthesis.plan import ClipRequest
from lddm_aug.synthesis.synthesize import Batches, make_batches


def repair_store(store: str | Path, generator: Generator, *, batch_size: int = 8, workers: int = 0,
                 processes: int = 1) -> list[str]:
    """Make missing and changed clips of a finished store again → their ids.

    A clip is written only if it has the sha256 of its row: on the CPU that made it, with the same
    versions, it has.

    Args:
        store: its rows are right; see `lddm-aug synthesize` where they aren't.
        generator: from `load_package`: the one that made the clips; it samples as the store says,
            and makes clips as long.
        batch_size: clips per batch.
        workers: processes that make clips on the CPU; 0 makes them in this one.
        processes: that look for damaged clips.

    Raises:
        FileNotFoundError: if there is no such store, or it is unfinished.
        ValueError: if its rows are damaged, the generator is another, or clips can't be made as
            they were; the others are repaired.
    """
    store = Path(store).resolve()
    with only_writer(store.with_name(f'.{store.name}.lock'), store):
        manifest, report = verify_store(store, processes)
        rows = [manifest.rows[number] for number in report.damaged]
        other = {row['package_sha256'] for row in rows} - {generator.package_sha256}
        if other:
            raise ValueError(f'{store}: the damaged clips are of the package {min(other)[:12]}, '
                             f'but got {str(generator.package_sha256)[:12]}; name that package')
        generator = generator.sampling_as(manifest.header.get('generator', {}))
        if rows:
            generator = generator.with_length(manifest.header['shape'][0], rows[0]['frame_stride'])
        batches = [np.arange(len(rows))[first:first + batch_size]
                   for first in range(0, len(rows), batch_size)]
        making = Batches(generator, device_of(generator), [*map(_request, rows)], batches, {})
        failed = []
        for batch, made in zip(batches, make_batches(making, workers) if rows else (),
                               strict=True):
            for number, clip in zip(batch, made, strict=True):
                row = rows[number]
                if isinstance(clip, str):
                    failed.append(f'{row["clip_id"]}: {clip}')
                elif clip_sha256(clip).hex() != row['sha256']:
                    failed.append(f'{row["clip_id"]}: made again, it differs; versions or device '
                                  f'are others than {row["versions"]}')
                else:
                    manifest.clips.write(row['place'], clip)
        manifest.clips.make_all()
    if failed:
        listed = '\n'.join(f'  {reason}' for reason in failed)
        raise ValueError(f'{store}: {len(failed)} of {len(rows)} damaged clips could not be made '
                         f'again; restore their stills, or make the store again:\n{listed}')
    return [row['clip_id'] for row in rows]


def _request(row: dict[str, Any]) -> ClipRequest:
    still = Annotation(Path(row['still']), row['label'], row['group'], row['still_frame'], None, 0,
                       others=row['conditions'])
    return ClipRequest(row['clip_id'], still, row['still_sha256'], row['seed'])
