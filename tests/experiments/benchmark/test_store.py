from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from lddm_aug.experiments.benchmark import store_formats
from lddm_aug.experiments.benchmark.store import (
    make_store,
    measure_reading,
    measure_rows,
    measure_synthesis,
)
from lddm_aug.store.manifest import read_manifest
from lddm_aug.store.verify import verify_store


def test_the_large_store_is_a_store(tmp_path):
    make_store(tmp_path / 'store', 20, (2, 8, 8))
    manifest = read_manifest(tmp_path / 'store')
    assert len(manifest.rows) == 20 and manifest.rows.values('label') == ['benign', 'malignant']
    assert not manifest.read_clip(19).any()
    assert verify_store(tmp_path / 'store')[1].is_right


def test_what_is_measured_is_a_time_or_memory(tmp_path):
    (tmp_path / 'mp4').mkdir()
    found = measure_reading(tmp_path / 'mp4', count=2)
    found |= measure_synthesis(tmp_path, [3], size=16)
    (tmp_path / 'rows').mkdir()
    found |= measure_rows(tmp_path / 'rows', [20])
    assert len(read_manifest(tmp_path / 'rows/20').rows) == 20
    assert len(found) == 13 and all(value >= 0 for value in found.values())


@pytest.mark.parametrize('form', [store_formats.Files, store_formats.Shards,
                                  store_formats.MappedShards, store_formats.WebDataset])
def test_a_form_gives_back_what_was_put_into_it(tmp_path, form):
    clips = [*store_formats.make_clips(5)]
    writer = form(tmp_path)
    for first in (0, 3):
        writer.append(clips[first:first + 3], first)
    writer.finish()
    assert form(tmp_path).count() == 5
    for number in (4, 0, 2):
        np.testing.assert_array_equal(form(tmp_path).read(number), clips[number])


def test_the_tables_have_a_line_for_each_form(tmp_path):
    # in a new interpreter: measuring forks, which other tests' threads forbid
    program = ('import sys; from pathlib import Path\n'
               'from lddm_aug.experiments.benchmark.store_formats import measure\n'
               'print(measure(Path(sys.argv[1]), 16, [200], reads=3, workers=2))')
    text = subprocess.run([sys.executable, '-W', 'ignore', '-c', program, str(tmp_path)],
                          check=True, capture_output=True, text=True).stdout
    for form in ('a `.npy` file a clip', '`.npy` shards', 'WebDataset', 'JSON lines', 'Arrow IPC'):
        assert re.search(rf'^\| .*{re.escape(form)}', text, re.MULTILINE), form
    assert not any(tmp_path.iterdir())
