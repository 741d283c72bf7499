"""Synthesis on a Ray cluster: Ray Data gives each shard of the stills to an actor, and retries it.

The unit of work is a shard, and its store the record of what is done: an actor that takes over a
shard from one that died resumes the store.
"""
from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lddm_aug.conditions import Told
from lddm_aug.data.annotations import Annotation
from lddm_aug.extras import require_extra
from lddm_aug.generators.package import load_package
from lddm_aug.store.divided import found_shards, shard_folder
from lddm_aug.synthesis.plan import shard_of
from lddm_aug.synthesis.synthesize import synthesize

CLIPS_OF_A_SHARD = 1000                              # at most, by default


def synthesize_on_ray(package: str, rows: Sequence[Annotation], out: Path, *, device: str,
                      per_still: int = 1, seed: int = 0, batch_size: int = 8,
                      shards: int | None = None, workers: int | None = None,
                      address: str | None = None, sampler: Mapping[str, Any] | None = None,
                      conditions: Told | None = None,
                      length: Mapping[str, Any] | None = None) -> list[str]:
    """Make the stores of all shards in `out` → why clips were left out, one message each.

    Args:
        package: its folder, which every machine of the cluster sees, or its name on the Hub.
        rows: of the table of stills, whose files every machine sees.
        out: a folder that every machine sees.
        device: 'cpu' or 'cuda'.
        per_still: clips of each still.
        seed: of the run.
        batch_size: clips per batch.
        shards: into how many the stills are divided; by default those that `out` has, else one
            for 1,000 clips, and at least as many as workers.
        workers: actors, each with one CPU or GPU; by default as many as the cluster has.
        address: of a cluster; by default Ray is started on this machine.
        sampler: settings in place of the package's, for `with_sampler`.
        conditions: what all clips are told.
        length: of the clips, for `with_length`; by default the package's.

    Raises:
        MissingExtraError: if Ray is not installed.
        ConnectionError: if the cluster can't be reached.
        ValueError: as `synthesize`.
    """
    require_extra('ray', '--engine ray')
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')            # nothing is reported home
    import ray
    import ray.data

    _connect(ray, address)
    kind = 'GPU' if device == 'cuda' else 'CPU'
    available = int(ray.cluster_resources().get(kind, 0))
    workers = workers or available
    if not 1 <= workers <= available:
        raise ValueError(f'--workers: each takes one {kind} of the Ray cluster, which has '
                         f'{available}, but got {workers}')
    shards = shards or _default_shards(out, len(rows) * per_still, workers)
    of_shard: list[list[Annotation]] = [[] for _ in range(shards)]
    for row in rows:
        of_shard[shard_of(row, shards)].append(row)
    options = dict(per_still=per_still, seed=seed, batch_size=batch_size, shards=shards,
                   conditions=dict(conditions or {}))
    work = ray.data.from_items([
        {'shard': shard, 'rows': pickle.dumps(chosen)} for shard, chosen in enumerate(of_shard)],
        override_num_blocks=shards)
    resources: dict[str, Any] = {'num_gpus': 1} if kind == 'GPU' else {'num_cpus': 1}
    done = work.map_batches(
        ShardMaker, batch_size=1, batch_format='numpy',
        fn_constructor_args=(package, device, dict(sampler or {}), dict(length or {})),
        fn_kwargs={'out': out.resolve(), 'options': options},
        compute=ray.data.ActorPoolStrategy(size=min(workers, shards)), **resources)
    rows_of_shards = sorted(done.take_all(), key=lambda row: row['shard'])
    for row in rows_of_shards:
        if row['refused']:
            raise ValueError(row['refused'])
    return [reason for row in rows_of_shards for reason in json.loads(row['left_out'])]


class ShardMaker:
    """An actor: it loads a generator once, and makes one shard after another.

    Args:
        package: of the generator.
        device: 'cpu' or 'cuda'; Ray shows an actor its own GPU alone.
        sampler: settings in place of the package's.
        length: of the clips, for `with_length`.
    """

    def __init__(self, package: str, device: str, sampler: Mapping[str, Any],
                 length: Mapping[str, Any]) -> None:
        generator = load_package(package, device)
        generator = generator.with_sampler(**sampler) if sampler else generator
        self.generator = generator.with_length(**length)

    def __call__(self, batch: Mapping[str, Any], out: Path, options: Mapping[str, Any]
                 ) -> dict[str, list[Any]]:
        """Make the clips of the shards in a batch, or those that are missing."""
        made: dict[str, list[Any]] = {'shard': [], 'left_out': [], 'refused': []}
        for shard, rows in zip(batch['shard'].tolist(), batch['rows'], strict=True):
            folder = shard_folder(out, shard, options['shards'])
            left_out: tuple[str, ...] = ()
            refused = ''
            try:
                left_out = synthesize(self.generator, pickle.loads(rows), folder, shard=shard,
                                      progress=False, **options).left_out
            except (ValueError, OSError) as error:   # Ray would show it as its own, with traces
                refused = str(error)
            for name, value in dict(shard=shard, left_out=json.dumps(left_out),
                                    refused=refused).items():
                made[name].append(value)
        return made


def _connect(ray: Any, address: str | None) -> None:
    if ray.is_initialized():
        return
    if address is None:
        ray.init(include_dashboard=False, log_to_driver=False)
        return
    try:
        ray.init(address=address)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConnectionError(f'--ray-address: {address} cannot be reached ({error}); start a '
                              'cluster with ray start --head, or leave it out') from error


def _default_shards(out: Path, clips: int, workers: int) -> int:
    """Those that were begun; else enough for all workers, and small enough to be made again."""
    begun = [*found_shards(out)]
    return begun[0] if len(begun) == 1 else max(workers, -(-clips // CLIPS_OF_A_SHARD))
