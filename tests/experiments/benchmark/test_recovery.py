from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random

import pytest

from lddm_aug.commands import run_tool
from lddm_aug.experiments.benchmark import recovery

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='needs /proc and fork')


class Lines(recovery._Job):
    """Twenty lines that a resumed run begins again, or fails at, as what is left says."""

    def __init__(self, folder: Path, fails: bool) -> None:
        super().__init__(folder, run_tool)
        self.fails = fails

    def start(self, out: Path, random: Random, log: Path) -> list:
        return [recovery._begin(self.write, out, log=log)]

    def write(self, out: Path) -> None:
        out.mkdir(exist_ok=True)
        if self.fails and (out / 'lines').exists():
            sys.exit('cannot be resumed')
        for number in range(20):
            with (out / 'lines').open('a') as file:
                file.write(f'{number}\n')
            time.sleep(0.02)

    def made(self, out: Path) -> str:
        return (out / 'lines').read_text()


@pytest.mark.parametrize('fails, named', [(False, 'other bytes'), (True, 'cannot be resumed')])
def test_what_is_doubled_or_cannot_be_resumed_is_a_fault(tmp_path, fails, named):
    found = recovery.kill_runs(Lines(tmp_path, fails), tmp_path, 2, Random(0))
    assert found.tried == 2 and found.compared >= len(found.faults) >= 1
    assert all(named in fault for fault in found.faults)


def test_killed_synthesis_is_resumed_to_the_bytes_of_one_run(tmp_path, monkeypatch):
    monkeypatch.setattr(recovery, 'PER_STILL', 3)
    kills, stores = recovery.measure_recovery(tmp_path, run_tool, ['synthesis'], kills=2,
                                              command='typed')
    assert (kills['tried'], kills['failed'], kills['value']) == (2, 0, 2)
    assert stores['tried'] == stores['value'] >= 1 and stores['command'] == 'typed'
