"""A prepared folder of 20 simulated patients, smaller than any that could tell something."""
from __future__ import annotations

from pathlib import Path

import pytest

from lddm_aug.experiments.study.plan import Study
from lddm_aug.preparation.phantom import write_phantom


@pytest.fixture(scope='session')
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('study') / 'phantom'
    write_phantom(folder, train=8, test=4, stills=4, frames=48, jobs=1)
    return folder


@pytest.fixture
def make_study(data: Path, tmp_path: Path):
    def make(**changes) -> Study:
        return Study(**{
            'data': data, 'work_dir': tmp_path / 'work',
            'out': tmp_path / 'study_phantom.jsonl', 'recognizers': ('atmnet',),
            'training_sets': ('real',), 'ratios': ('given',), 'seeds': (0,), 'iterations': 1,
            **changes})
    return make
