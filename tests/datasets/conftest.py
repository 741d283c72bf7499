"""Small data sets that the tests write, in every form that the readers know."""
from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

import lddm_aug  # noqa: F401  registers what the tests build
from lddm_aug.datasets.frames import read_still
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.synthesis.plan import StillRequest
from lddm_aug.synthesis.synthesize import synthesize

CLASSES = ('benign', 'malignant')


def _grey_levels(count: int, height: int = 16, width: int = 16) -> np.ndarray:
    """(T, H, W) frames that tell their number: frame t is grey level 2t."""
    frames = np.zeros((count, height, width), np.uint8)
    return frames + 2 * np.arange(count, dtype=np.uint8)[:, None, None]


def _write_mp4(path: Path, frames: np.ndarray) -> Path:
    """(T, H, W) or (T, H, W, 3) → mp4."""
    colour = frames.ndim == 4
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25,
                             frames.shape[2:0:-1], isColor=True)
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR if colour else cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def _write_table(path: Path, rows: Sequence[Sequence[object]],
                columns: Sequence[str] = ('path', 'label', 'group')) -> str:
    with path.open('w', newline='') as file:
        csv.writer(file).writerows([columns, *rows])
    return str(path)


@pytest.fixture
def grey_levels() -> Callable[..., np.ndarray]:
    return _grey_levels


@pytest.fixture
def write_mp4() -> Callable[..., Path]:
    return _write_mp4


@pytest.fixture
def write_table() -> Callable[..., str]:
    return _write_table


@pytest.fixture
def videos(tmp_path: Path) -> str:
    """Table of four videos, two of each class: mp4, npy and a folder of frames."""
    _write_mp4(tmp_path / 'a (1).mp4', _grey_levels(20))
    np.save(tmp_path / 'b.npy', _grey_levels(48))
    np.save(tmp_path / 'c.npy', _grey_levels(60))
    (tmp_path / 'd').mkdir()
    for number, frame in enumerate(_grey_levels(18)):
        cv2.imwrite(str(tmp_path / 'd' / f'{number}.png'), frame)
    return _write_table(tmp_path / 'videos.csv', [
        ('a (1).mp4', 'benign', 'p1', 'train'), ('b.npy', 'benign', 'p2', 'train'),
        ('c.npy', 'malignant', 'p3', 'train'), ('d', 'malignant', 'p4', 'test')],
        columns=('path', 'label', 'group', 'split'))


@pytest.fixture
def stills(tmp_path: Path) -> str:
    """Table of five stills, two benign and three malignant; the last is a frame of a video."""
    for number in range(4):
        cv2.imwrite(str(tmp_path / f's ({number}).png'),
                    np.full((20, 16), 10 * number, np.uint8))
    np.save(tmp_path / 'sweep.npy', _grey_levels(9))
    rows = [(f's ({number}).png', CLASSES[number // 2], f'q{number}', '') for number in range(4)]
    return _write_table(tmp_path / 'stills.csv', [*rows, ('sweep.npy', 'malignant', 'q4', 7)],
                       columns=('path', 'label', 'group', 'frame'))


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., str]:
    """(clips per class, one number each) → a store of clips that repeat their stills."""
    def make(*counts: int, classes: Sequence[str] = CLASSES, name: str = 'store') -> str:
        folder = tmp_path / f'{name}_stills'
        folder.mkdir()
        requests = []
        for label, count in zip(classes, counts, strict=True):
            for number in range(count):
                path = folder / f'{label}{number}.png'
                cv2.imwrite(str(path), np.full((16, 16), len(requests), np.uint8))
                requests.append(StillRequest(path, None, label, f'still-{path.stem}'))
        generator = RepeatStill(size=16)
        generator.groups = ('trained-on',)
        generator.package_sha256 = 'of a package'
        synthesize(generator, requests, lambda still: read_still(still.path, still.frame),
                   tmp_path / name, progress=False)
        return str(tmp_path / name)
    return make


@pytest.fixture
def store(make_store: Callable[..., str]) -> str:
    """A store with three benign clips and two malignant ones."""
    return make_store(3, 2)
