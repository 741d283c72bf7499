"""A store that is made in shards: each is a store of its own, in a folder of the whole one.

    OUT/shard-0003-of-0008/   the clips of shard 3, of 8
"""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lddm_aug.remote import join
from lddm_aug.store.manifest import MANIFEST

SHARD = re.compile(r'shard-(\d{4,})-of-(\d{4,})')
LOCK = re.compile(rf'\.{SHARD.pattern}\.lock')


def shard_folder(out: str | Path, shard: int, shards: int) -> Any:
    """Where the store of one of so many shards lies; `out` itself where there is one shard.

    Args:
        out: folder of the whole store, or its URL.
    """
    return out if shards == 1 else join(out, f'shard-{shard:04d}-of-{shards:04d}')


def is_of_a_shard(path: Path) -> bool:
    """Whether a path has the name of a shard's folder, or of the lock beside it."""
    return bool(SHARD.fullmatch(path.name) or LOCK.fullmatch(path.name))


def found_shards(out: Path) -> dict[int, dict[int, Path]]:
    """The folders of shards in a folder: number of shards → shard → folder."""
    found: dict[int, dict[int, Path]] = {}
    for path in sorted(out.iterdir()) if out.is_dir() else ():
        if path.is_dir() and (match := SHARD.fullmatch(path.name)):
            found.setdefault(int(match[2]), {})[int(match[1])] = path
    return found


def finished_shards(out: Path) -> list[Path]:
    """The finished stores of shards in a folder; of one number of shards all are there.

    Those of other numbers belong to them as well: the same stills were divided in another way.

    Raises:
        ValueError: if of every number a shard is missing or unfinished.
    """
    found = found_shards(out)
    if not found:
        raise ValueError(f'{out} has no shards; make them with lddm-aug synthesize --num-shards')
    lacking = {count: [shard for shard in range(count) if shard not in folders or not (
        folders[shard] / MANIFEST).is_file()] for count, folders in found.items()}
    if all(lacking.values()):
        count, missing = min(lacking.items(), key=lambda item: (len(item[1]), item[0]))
        raise ValueError(f'{out}: {len(missing)} of {count} shards are missing or unfinished, the '
                         f'first is shard {missing[0]}; make them with lddm-aug synthesize '
                         f'--num-shards {count} --shard-id {missing[0]} and so on')
    return [path for folders in found.values() for path in folders.values()
            if (path / MANIFEST).is_file()]
