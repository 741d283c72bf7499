"""Stores of a small generator, and one of an earlier version."""
from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.data.annotations import Annotation
from lddm_aug.generators.package import save_package
from lddm_aug.store.manifest import read_manifest
from lddm_aug.synthesis.synthesize import synthesize


@pytest.fixture
def stills(tmp_path: Path) -> list[Annotation]:
    """Twelve rows; two of them name the same file, and two are equal."""
    random = np.random.default_rng(0)
    paths = [tmp_path / f's{number}.png' for number in range(10)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(path)
    rows = [Annotation(path, ('benign', 'malignant')[i % 2], f'p{i // 2}', None, None, i)
            for i, path in enumerate([*paths, paths[0], paths[3]])]
    return rows


@pytest.fixture
def generator(tiny_lddm, tmp_path: Path):
    save_package(tmp_path / 'package', tiny_lddm, ['p9'])
    return tiny_lddm


@pytest.fixture
def make(generator, stills, tmp_path: Path) -> Callable[..., Path]:
    """make(name, ...) → a store of all stills, or of a shard of them."""
    def run(name: str, rows: list[Annotation] | None = None, **options: int) -> Path:
        synthesize(generator, stills if rows is None else rows, tmp_path / name, per_still=2,
                   progress=False, **options)
        return tmp_path / name
    return run


@pytest.fixture
def old_store(make, tmp_path: Path) -> Path:
    """The clips of a store as version 0.2 kept them: a file each, rows as lines of JSON."""
    manifest = read_manifest(make('new'))
    folder = tmp_path / 'old'
    (folder / 'clips').mkdir(parents=True)
    lines = []
    for number, row in enumerate(manifest.rows):
        clip_id = f'{number:02d}-{row["clip_id"]}'
        file = io.BytesIO()
        np.save(file, manifest.read_clip(number))
        (folder / f'clips/{clip_id}.npy').write_bytes(file.getvalue())
        del row['place']
        lines.append(json.dumps(dict(
            row, clip_id=clip_id, path=f'clips/{clip_id}.npy',
            sha256=hashlib.sha256(file.getvalue()).hexdigest())) + '\n')
    (folder / 'manifest.jsonl').write_text(''.join(lines))
    header = {key: manifest.header[key] for key in (
        'package_sha256', 'generator', 'generator_groups', 'device', 'per_still', 'seed')}
    (folder / 'plan.json').write_text(json.dumps(dict(
        header, format_version=1, clips=len(lines), stills=[],
        rows_sha256=hashlib.sha256(''.join(lines).encode()).hexdigest())))
    return folder
