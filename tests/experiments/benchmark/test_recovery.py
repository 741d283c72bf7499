from __future__ import annotations

import sys

import pytest

from lddm_aug.experiments.benchmark import recovery

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='needs /proc and fork')


def test_killed_synthesis_is_resumed_to_the_bytes_of_one_run(tmp_path, monkeypatch):
    monkeypatch.setattr(recovery, 'PER_STILL', 3)
    kills, stores = recovery.measure_recovery(tmp_path, ['synthesis'], kills=2, command='typed')
    assert (kills['tried'], kills['failed'], kills['value']) == (2, 0, 2)
    assert stores['tried'] == stores['value'] >= 1 and stores['command'] == 'typed'
