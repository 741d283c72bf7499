"""The records of a store and their copies, from which damaged ones are written again.

    plan.json, manifest.arrow, contact_sheet.png         read by everybody
    copy/plan.json, copy/manifest.arrow, …               read by `lddm-aug store repair` alone

plan.json has the sha256 of the rows and of the picture, and the rows have that of the plan.  So a
plan and rows that fit together are as they were written, whichever of the two places they lie in.
"""
from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from lddm_aug.files import atomic_write, sha256_of
from lddm_aug.store.arrow_file import read_rows
from lddm_aug.store.manifest import (
    CONTACT_SHEET,
    COPY,
    MANIFEST,
    PARTIAL,
    PLAN,
    is_plan_of,
    plan_text,
    read_plan,
)

RECORDS = (MANIFEST, PLAN, CONTACT_SHEET)


def copy_records(store: Path) -> None:
    """Write the copies of a finished store's records."""
    for name in RECORDS:
        if (store / name).is_file():
            _write(store / COPY / name, store / name)


def remove_copies(store: Path) -> None:
    """Remove them: they are of no use to a store that is unfinished."""
    for name in RECORDS:
        (store / COPY / name).unlink(missing_ok=True)


def wrong_records(store: Path, plan: Mapping[str, Any]) -> list[Path]:
    """Records and copies that are missing or changed; stores of before have no copies.

    Args:
        plan: that of the store, which fits its rows.
    """
    places = [store, store / COPY] if (store / COPY).is_dir() else [store]
    return [place / name for place in places for name, sha256 in _sha256s(plan).items()
            if not _is_right(place / name, sha256)]


def mend_records(store: Path) -> list[Path]:
    """Write missing and changed records and copies of a finished store again → their paths.

    Raises:
        ValueError: if no plan fits rows, or the picture is lost.
    """
    places = [store, store / COPY]
    unfinished = (store / PARTIAL).exists() and not (store / MANIFEST).is_file()
    if unfinished or not any((place / MANIFEST).is_file() for place in places):
        return []                                    # who opens it says what is missing
    plan = next((plan for plan in map(_plan, places) if plan is not None
                 and any(_fits(plan, place / MANIFEST) for place in places)), None)
    if plan is None:
        raise ValueError(f'{store}: {PLAN} and {MANIFEST} do not fit together, nor do their copies '
                         f'in {COPY}, so that its rows are lost; call lddm-aug synthesize as '
                         'before, which makes the clips again')
    mended = []
    for name, sha256 in _sha256s(plan).items():
        right = [place / name for place in places if _is_right(place / name, sha256)]
        wrong = [place / name for place in places if place / name not in right]
        if name == PLAN:
            for path in wrong:
                _write(path, plan_text(plan))
        elif right:
            for path in wrong:
                _write(path, right[0])
        else:
            raise ValueError(f'{store}: {name} and its copy in {COPY} are damaged, whereas the '
                             f'rows are not; make a store with a new picture by lddm-aug store '
                             f'merge {store} --out NEW')
        mended += wrong
    return mended


def _sha256s(plan: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 that each record must have."""
    found = {PLAN: hashlib.sha256(plan_text(plan)).hexdigest(), MANIFEST: plan['rows_sha256']}
    return found | ({CONTACT_SHEET: plan['sheet_sha256']} if 'sheet_sha256' in plan else {})


def _is_right(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def _plan(place: Path) -> dict[str, Any] | None:
    """The plan in a folder, if it can be read."""
    try:
        return read_plan(place / PLAN)
    except (ValueError, OSError):
        return None


def _fits(plan: Mapping[str, Any], rows: Path) -> bool:
    """Whether plan and rows are those that were written together."""
    try:
        return (_is_right(rows, plan.get('rows_sha256', ''))
                and is_plan_of(read_rows(rows).schema, plan))
    except (pa.ArrowException, OSError):
        return False


def _write(path: Path, content: Path | bytes) -> None:
    folder = path.parent
    if folder.name == COPY and folder.is_symlink():  # never write where a link leads
        folder.unlink()
    folder.mkdir(exist_ok=True)
    with atomic_write(path) as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with content.open('rb') as source:
                shutil.copyfileobj(source, file)
