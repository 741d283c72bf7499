"""Files of results: rows in JSON, in which a measurement takes the place of an older one."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lddm_aug.files import atomic_write
from lddm_aug.json_files import read_json


def put_rows(path: Path, rows: Sequence[Mapping[str, Any]], key: Sequence[str] = ('what', 'device')
             ) -> None:
    """Put rows into a file's list of objects, each in the place of the one with the same `key`.

    Args:
        key: names of the values by which a row is known; one that a row lacks counts as None.

    Raises:
        ValueError: if the file holds anything else; it stays as it is.
    """
    def known_by(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in key)

    old = read_json(path, [dict], 'name another --out') if path.is_file() else []
    new = {known_by(row): row for row in rows}
    kept = [new.pop(known_by(row), row) for row in old]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write((json.dumps([*kept, *new.values()], indent=1) + '\n').encode())
