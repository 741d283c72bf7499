"""Small sources that the tests write."""
from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.preparation.prepare import Options, prepare


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / 'source').mkdir()
    return tmp_path / 'source'


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / 'out'


@pytest.fixture
def write():
    """(path, seed) → a picture, or a video as .npy or folder, with random pixels, and these."""
    def write(path: Path, seed: int = 0, frames: int = 16, shape: tuple[int, ...] = (12, 10)):
        random = np.random.default_rng(seed)
        pixels = random.integers(0, 256, (frames, *shape), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == '.npy':
            np.save(path, pixels)
        elif path.suffix:
            Image.fromarray(pixels[0]).save(path)
            return pixels[0]
        else:
            path.mkdir()
            for number, frame in enumerate(pixels):
                Image.fromarray(frame).save(path / f'{number:06d}.png')
        return pixels
    return write


@pytest.fixture
def run(out: Path):
    """Prepares a listing into `out`."""
    def run(listing, **options):
        return prepare(listing, out, Options(**options))
    return run


@pytest.fixture
def table(out: Path):
    """Rows of a table in `out`, by the name of their source."""
    def table(name: str) -> dict[str, dict[str, str]]:
        with (out / name).open(newline='') as file:
            return {row['source']: row for row in csv.DictReader(file)}
    return table


@pytest.fixture
def snapshot(out: Path):
    """Every file in `out` with its content and time."""
    def snapshot():
        return {file.relative_to(out).as_posix(): (file.read_bytes(), file.stat().st_mtime_ns)
                for file in out.rglob('*') if file.is_file()}
    return snapshot
