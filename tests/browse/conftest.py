"""A still, a package and a store, and a browser's side of the pages."""
from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lddm_aug  # noqa: F401  registers what the tests build
from lddm_aug.browse.server import make_server
from lddm_aug.data.annotations import Annotation
from lddm_aug.generators.package import load_package, save_package
from lddm_aug.synthesis.synthesize import synthesize


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A picture of 24 × 20 pixels, which a generator of 16 × 16 must have made smaller."""
    path = tmp_path / 'a still.png'
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def package(tiny_conditional_lddm, tmp_path: Path) -> str:
    """Of a generator with the classes benign and malignant."""
    save_package(tmp_path / 'package', tiny_conditional_lddm, ['p8'])
    return str(tmp_path / 'package')


@pytest.fixture
def store(tiny_lddm, tmp_path: Path) -> str:
    """Three benign clips and two malignant ones, each of a group of its own."""
    save_package(tmp_path / 'of_store', tiny_lddm, ['p9'])
    rows = []
    for number in range(5):
        path = tmp_path / f's{number}.png'
        Image.fromarray(np.full((16, 16), 40 * number, np.uint8)).save(path)
        label = 'benign' if number < 3 else 'malignant'
        rows.append(Annotation(path, label, f'p{number}', None, None, number))
    synthesize(load_package(tmp_path / 'of_store'), rows, tmp_path / 'store', progress=False)
    return str(tmp_path / 'store')


@pytest.fixture
def served() -> Iterator[Callable[[Any], str]]:
    """served(application) → the address of its page."""
    running = []

    def start(app: Any) -> str:
        listening = socket.create_server(('127.0.0.1', 0))
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs=dict(sockets=[listening]))
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f'http://127.0.0.1:{listening.getsockname()[1]}/'
    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()
