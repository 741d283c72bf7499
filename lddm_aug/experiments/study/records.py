"""A study's lines: one per training, and beside it the scores of every test video."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from filelock import FileLock

from lddm_aug.experiments.study.plan import Run, known_recognizers
from lddm_aug.files import atomic_write
from lddm_aug.json_files import parse_json

KEY = ('recognizer', 'training_set', 'ratio', 'seed', 'synthetic_per_real')
FIGURES = ('iterations', 'n_test', 'accuracy', 'f1_macro', 'f1_weighted', 'auc')
KINDS: dict[str, Any] = {
    'recognizer': str, 'training_set': str, 'ratio': str, 'seed': int,
    'synthetic_per_real': (float, int, NoneType), 'auc': (float, int, NoneType),
    'iterations': int, 'n_test': int, 'classes': list, 'videos': dict}   # the others are numbers


def scores_file(out: Path) -> Path:
    """Where the scores of single videos stand: beside a study's file."""
    return out.with_name(f'{out.stem}_scores{out.suffix}')


def read_rows(file: Path, needed: tuple[str, ...] = FIGURES) -> dict[Run, dict[str, Any]]:
    """Each training's line; empty where there is no file yet.

    Raises:
        ValueError: naming the line that can't be used.
    """
    rows: dict[Run, dict[str, Any]] = {}
    recognizers = known_recognizers()
    lines = file.read_bytes().splitlines() if file.is_file() else ()
    for number, line in enumerate(lines, start=1):
        row = parse_json(line, {}, f'{file} line {number}', 'remove it')
        missing = [key for key in (*KEY, *needed) if key not in row]
        if missing:
            raise ValueError(f'{file} line {number} lacks {", ".join(missing)}; remove it, and '
                             'the study will make it again')
        wrong = [key for key in (*KEY, *needed)
                 if not isinstance(row[key], KINDS.get(key, (float, int)))]
        if wrong:
            raise ValueError(f'{file} line {number}: {wrong[0]} cannot be {row[wrong[0]]!r}; '
                             'remove it, and the study will make it again')
        if row['recognizer'] not in recognizers:
            raise ValueError(f'{file} line {number}: recognizer must be one of '
                             f'{", ".join(recognizers)}, but got {row["recognizer"]!r}; remove it')
        rows[Run(**{key: row[key] for key in KEY})] = row
    return rows


def keep(out: Path, row: Mapping[str, Any], scores: Mapping[str, Any]) -> None:
    """Put a training's line into the file, in place of an older one; scores first.

    Another process that does the same waits, so that no line is lost.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    run = {key: row[key] for key in KEY}
    with FileLock(out.with_name(f'.{out.name}.lock')):
        for file, line, needed in ((scores_file(out), {**run, **scores}, ()), (out, row, FIGURES)):
            rows = read_rows(file, needed)
            rows[Run(**run)] = dict(line)
            ordered = sorted(rows.items(), key=lambda item: _order(item[0]))
            with atomic_write(file) as opened:
                opened.writelines(json.dumps(each).encode() + b'\n' for _, each in ordered)


def _order(run: Run) -> tuple:
    return (run.recognizer, run.ratio, run.training_set, run.synthetic_per_real or 0, run.seed)
