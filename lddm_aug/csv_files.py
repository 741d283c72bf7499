"""Tables that are written whole or not at all."""
from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lddm_aug.files import atomic_write


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Columns and rows → the content of a file, in UTF-8 but for paths that aren't."""
    text = io.StringIO(newline='')
    csv.writer(text, lineterminator='\n').writerows([columns, *rows])
    return text.getvalue().encode(errors='surrogateescape')


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(csv_bytes(columns, rows))
