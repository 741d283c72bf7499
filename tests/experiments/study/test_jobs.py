from __future__ import annotations

import os
import shutil
from pathlib import Path

from lddm_aug.experiments.study.jobs import Job, _Clock, run_jobs


def test_jobs_wait_for_what_they_need_and_a_failure_costs_only_its_own(tmp_path, capsys):
    def job(name, work, *arguments, needs=()):
        return Job(name, 'kind', work, arguments, tmp_path / 'logs' / f'{name}.txt', needs)

    early, late, never = (tmp_path / name for name in ('early', 'late', 'never'))
    done = []
    failed = run_jobs([
        job('late', shutil.copy, early, late, needs=('early', 'done before')),
        job('early', Path.write_text, early, 'here'),
        job('never', Path.write_text, never, 'here', needs=('broken',)),
        job('broken', int, 'a\nword'),
        job('killed', os._exit, 9)], 2, 1, lambda each: done.append(each.name) or 'well')
    assert done == ['early', 'late'] and late.read_text() == 'here'
    assert set(failed) == {'never', 'broken', 'killed'} and not never.exists()
    assert failed['broken'].startswith('failed: invalid literal for int()')
    assert 'ended with 9, maybe for want of memory' in failed['killed']
    assert 'Traceback' in (tmp_path / 'logs' / 'broken.txt').read_text()
    assert 'early: well' in capsys.readouterr().out


def test_the_time_left_is_that_of_jobs_of_the_same_kind():
    jobs = [Job(str(n), kind, int, (), Path()) for n, kind in enumerate('aabbb')]
    clock = _Clock(jobs, at_once=2)
    clock.ended(jobs[0], 10)
    clock.ended(jobs[2], 100)
    assert str(clock) == '[2/5, 0:01:45 left]'       # (10 + 100 + 100) / 2
