"""Tables → all findings, in types of JSON."""
from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from tqdm import tqdm

from lddm_aug.audit.duplicates import Pair, find_exact, find_pairs, group_pairs
from lddm_aug.audit.findings import (
    TRAIN,
    Item,
    balance,
    find_leaks,
    synthetic_shares,
    two_labels,
)
from lddm_aug.audit.fingerprint import BITS, FRAMES, SIDE, Fingerprint, fingerprint, is_still
from lddm_aug.data.annotations import Annotation, read_annotations
from lddm_aug.data.audit_record import FORMAT_VERSION
from lddm_aug.data.splits import apply_split, read_split
from lddm_aug.extras import require_extra
from lddm_aug.files import atomic_write, sha256_of


def list_items(tables: Sequence[Path], data_root: Path | None = None,
               split_file: Path | None = None) -> list[Item]:
    """The rows of all tables, each with its side.

    A table without splits is training data if another table has splits.  Stills are an example.

    Args:
        tables: CSV files.
        data_root: folder that paths are relative to; by default each table's own.
        split_file: replaces the splits of the first table.

    Raises:
        FileNotFoundError: if a table or the split doesn't exist.
        ValueError: if a table or the split is invalid.
    """
    listed: list[tuple[Path, Path, list[Annotation]]] = []
    for table in tables:
        root = (data_root or table.parent).resolve()
        rows = read_annotations(table, data_root)
        if split_file and not listed:
            rows = apply_split(rows, read_split(split_file, root), split_file, table)
        listed.append((table, root, rows))
    divided = any(row.split for _, _, rows in listed for row in rows)
    items = []
    for table, root, rows in listed:
        default = TRAIN if divided and not any(row.split for row in rows) else None
        for row in rows:
            name = row.path.relative_to(root).as_posix()
            items.append(Item(row, str(table), name if row.frame is None else
                              f'{name}, frame {row.frame}', is_still(row), row.split or default))
    return items


def audit(items: Sequence[Item], min_frames: int = 16, jobs: int = 1,
          generator_groups: Collection[str] = (), progress: bool = True) -> dict[str, Any]:
    """Check every file and compare all of them.

    Args:
        items: from `list_items`.
        min_frames: a shorter video has a fault.
        jobs: processes that read files, and threads that compare them.
        generator_groups: groups that a generator was trained on.
        progress: show progress bars.

    Returns:
        Findings in types of JSON; an item is its index in the list `items`.

    Raises:
        MissingExtraError: without the extra `audit`.
    """
    require_extra('audit', 'the search for pictures that look alike')
    pairs, prints = _fingerprints(items, min_frames, jobs, progress)
    same = group_pairs(pairs, len(items))
    set_of = {place: number for number, places in enumerate(same) for place in places}
    closest: dict[int, Pair] = {}                    # of each item, its most similar one
    least = [1.] * len(same)
    for pair in sorted(pairs, key=lambda pair: pair.likeness):
        closest[pair.one] = closest[pair.other] = pair
        least[set_of[pair.one]] = min(least[set_of[pair.one]], pair.likeness)

    def describe(number: int) -> dict[str, Any]:
        places = same[number]
        return dict(
            kind='exact' if len({prints[place].digest for place in places}) == 1 else 'near',
            labels=sorted({items[place].row.label for place in places}),
            least_likeness=round(least[number], 3),
            items=[dict(place=place, shown_frame=_shown(closest[place], place))
                   for place in places])

    leaks = find_leaks(items, same, generator_groups)
    redundant = sum(len(places) - 1 for places in same)
    return dict(
        items=[dict(path=str(item.row.path), name=item.name, table=item.table, line=item.row.line,
                    frame=item.row.frame, label=item.row.label, group=item.row.group,
                    side=item.side, still=item.is_still, frames=found.count)
               for item, found in zip(items, prints, strict=True)],
        leaks=[dict(kind=leak.kind, what=leak.what) for leak in leaks],
        same=[describe(number) for number in range(len(same))],
        two_labels=two_labels(items, same),
        faults=[dict(place=place, kind=kind, what=what) for place, found in enumerate(prints)
                for kind, what in found.faults.items()],
        balance=balance(items),
        synthetic_shares=synthetic_shares(items),
        counts=dict(items=len(items), in_sets=redundant + len(same), sets=len(same),
                    redundant=redundant,
                    exact=_redundant([found.digest for found in prints
                                      if 'empty' not in found.faults])))


def write_audit(file: Path, found: dict[str, Any], tables: Sequence[Path],
                split_file: Path | None = None) -> None:
    """Write audit.json, with paths relative to it, so that a dataset can be moved."""
    file.parent.mkdir(parents=True, exist_ok=True)
    here = file.parent.resolve()
    items = [{**item, 'path': Path(os.path.relpath(item['path'], here)).as_posix()}
             for item in found['items']]
    same = [{**one, 'items': [{**member, **{key: items[member['place']][key] for key in
                                            ('path', 'frame', 'label', 'group', 'side')}}
                              for member in one['items']]} for one in found['same']]
    split = None if split_file is None else sha256_of(split_file)
    record = {
        'format_version': FORMAT_VERSION,
        # a split is of the first table
        'tables': [dict(table=str(table), sha256=sha256_of(table),
                        split_sha256=None if number else split)
                   for number, table in enumerate(tables)],
        **{key: value for key, value in found.items() if key != 'items'},
        'same': same,
        'two_labels': [[items[place]['name'] for place in places]
                       for places in found['two_labels']],
        'faults': [{**fault, 'name': items[fault['place']]['name']} for fault in found['faults']],
    }
    with atomic_write(file) as opened:
        opened.write(json.dumps(record, indent=1).encode())


def _fingerprints(items: Sequence[Item], min_frames: int, jobs: int,
                  progress: bool) -> tuple[list[Pair], list[Fingerprint]]:
    """Pairs of items with the same picture, and fingerprints; thumbnails are kept on disk."""
    most = sum(1 if item.is_still else FRAMES for item in items)
    hashes, owners = np.zeros((most, BITS), bool), np.zeros(most, np.int64)
    frames = np.zeros(most, np.int64)
    prints, count = [], 0
    with tempfile.TemporaryFile() as file:           # thumbnails: 9 KB per still, 74 KB per video
        shape = (max(most, 1), SIDE, SIDE)
        _reserve(file, math.prod(shape))
        thumbnails = np.memmap(file, np.uint8, 'w+', shape=shape)
        read = partial(fingerprint, min_frames=min_frames)
        for place, found in enumerate(tqdm(_map(read, [item.row for item in items], jobs),
                                           'read', len(items), unit=' files',
                                           disable=not progress)):
            end = count + len(found.frames)
            hashes[count:end], owners[count:end] = found.hashes, place
            frames[count:end], thumbnails[count:end] = found.frames, found.thumbnails
            count = end
            prints.append(replace(found, hashes=hashes[:0], thumbnails=thumbnails[:0]))
        similar = find_pairs(hashes[:count], owners[:count], thumbnails[:count], jobs, progress)
        del thumbnails
    pairs = [pair._replace(frame_of_one=int(frames[pair.frame_of_one]),
                           frame_of_other=int(frames[pair.frame_of_other])) for pair in similar]
    return pairs + find_exact([found.codes for found in prints]), prints


def _reserve(file: BinaryIO, size: int) -> None:
    """Take the room of a mapped file at once: on a full disk the system would end the process."""
    try:
        if hasattr(os, 'posix_fallocate'):
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise OSError(error.errno, f'{error.strerror} (the audit needs {size / 1e6:.0f} MB there; '
                      'TMPDIR names another folder)', tempfile.gettempdir()) from error


def _map(read: Any, rows: Sequence[Annotation], jobs: int) -> Iterator[Fingerprint]:
    if jobs == 1:
        yield from map(read, rows)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            yield from pool.map(read, rows, chunksize=4)


def _redundant(digests: Sequence[str]) -> int:
    """Number of items that are exact copies of another one."""
    known = [digest for digest in digests if digest]
    return len(known) - len(set(known))


def _shown(pair: Pair, place: int) -> int:
    return pair.frame_of_one if pair.one == place else pair.frame_of_other
