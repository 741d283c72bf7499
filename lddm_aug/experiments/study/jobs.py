"""Jobs side by side, each in a process of its own, which leaves nothing behind in memory."""
from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import cv2
import torch

from lddm_aug.processes import end_with_parent


@dataclass(frozen=True)
class Job:
    """Something to do once the jobs it needs are done.

    Attributes:
        name: unique.
        kind: jobs of one kind take about as long.
        work: a function of a module, called with the arguments.
        log: file for what it prints.
        needs: names of other jobs; one that isn't among those to do counts as done.
    """
    name: str
    kind: str
    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    log: Path
    needs: tuple[str, ...] = ()


def run_jobs(jobs: Sequence[Job], at_once: int, threads: int,
             done: Callable[[Job], str]) -> dict[str, str]:
    """Do all jobs; one that fails costs only those that need it.

    Args:
        at_once: processes.
        threads: of each.
        done: called in this process with each job that succeeded; what it says is printed.

    Returns:
        Why, for each job that failed or couldn't begin.
    """
    os.environ['OMP_NUM_THREADS'] = str(threads)     # for the processes, before they import torch
    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context('forkserver' if 'forkserver' in methods else 'spawn')
    if 'forkserver' in methods:
        context.set_forkserver_preload(['lddm_aug.experiments.study.study'])
    clock, waiting = _Clock(jobs, at_once), list(jobs)
    failed: dict[str, str] = {}
    running: dict[int, tuple[Job, Any, float]] = {}
    try:
        while waiting or running:
            for job in _ready(waiting, running, failed)[:at_once - len(running)]:
                waiting.remove(job)
                process = context.Process(target=_work, args=(job, threads))
                process.start()
                running[process.sentinel] = job, process, time.monotonic()
            if not running:
                failed |= {job.name: 'what it needs failed' for job in waiting}
                break
            for sentinel in wait(list(running)):
                job, process, started = running.pop(sentinel)      # type: ignore[arg-type]
                process.join()
                clock.ended(job, time.monotonic() - started)
                if process.exitcode == 0:
                    outcome = done(job)
                else:
                    outcome = failed[job.name] = _reason(job, process.exitcode)
                print(f'{clock}  {job.name}: {outcome}', flush=True)
    finally:
        for _, process, _ in running.values():
            process.terminate()
            process.join()
    return failed


def _ready(waiting: Sequence[Job], running: dict[int, tuple[Job, Any, float]],
           failed: dict[str, str]) -> list[Job]:
    """Jobs that nothing they need keeps back, in order."""
    undone = {job.name for job in waiting} | {job.name for job, *_ in running.values()} | {*failed}
    return [job for job in waiting if not undone & {*job.needs}]


def _work(job: Job, threads: int) -> None:
    """In the job's process: end with status 0, or say why not in the last line of the log."""
    end_with_parent()
    torch.set_num_threads(threads)
    cv2.setNumThreads(0)
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open('w', buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        try:
            job.work(*job.arguments)
        except BaseException as error:
            traceback.print_exc()
            print(' '.join(str(error).split()) or type(error).__name__)
            log.flush()
            os._exit(1)


def _reason(job: Job, exitcode: int) -> str:
    if exitcode != 1:
        return f'failed: its process ended with {exitcode}, maybe for want of memory; {job.log}'
    lines = job.log.read_text(errors='replace').splitlines() or ['']
    return f'failed: {lines[-1]} ({job.log})'


class _Clock:
    """How many jobs are done, and when the others will be."""

    def __init__(self, jobs: Sequence[Job], at_once: int) -> None:
        self.left = list(jobs)
        self.total = len(jobs)
        self.at_once = at_once
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def ended(self, job: Job, seconds: float) -> None:
        self.left.remove(job)
        self.seconds[job.kind].append(seconds)

    def __str__(self) -> str:
        every = [second for seconds in self.seconds.values() for second in seconds]
        seconds_left = sum(_mean(self.seconds.get(job.kind, every)) for job in self.left)
        left = timedelta(seconds=round(seconds_left / self.at_once))
        return f'[{self.total - len(self.left)}/{self.total}, {left} left]'


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
