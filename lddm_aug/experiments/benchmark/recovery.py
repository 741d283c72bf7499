"""What `kill -9` at random moments leaves: is all made in the end, once, and as without kills?

A run is killed and begun again, until one ends by itself.  What it has made then is compared, byte
for byte, with what an undisturbed run made.  Runs are forked from a process that has imported all
parts, so that they work from their first moments on.
"""
from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
import runpy
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import mmengine.config.config
import numpy as np
import torch
from mmaction.registry import MODELS
from PIL import Image

import lddm_aug  # noqa: F401  registers the parts
from lddm_aug.checkpoints import last_checkpoint, read_checkpoint, weights_sha256
from lddm_aug.experiments.benchmark import ray_cluster
from lddm_aug.files import TEMPORARY, sha256_of
from lddm_aug.generators.package import save_package

KINDS = ('synthesis', 'merge', 'ray', 'training')
STILLS, PER_STILL, VIDEOS = 12, 5, 6
MOST_KILLS = 6                                       # of what is compared in the end
PATIENCE = 3600                                      # seconds in which every run ends
LOOK = 0.02                                          # seconds from one look at a folder to the next
Run = Callable[[str, Sequence[str]], None]
FORK = multiprocessing.get_context('fork')
CLASSES = ('benign', 'malignant')
TRAINING = {
    'autoencoder.model.encoder.width': 8, 'autoencoder.model.decoder.widths': '[8,8,8]',
    **{f'diffusion.{part}.autoencoder.{key}': value
       for part in ('model', 'train_dataloader.dataset')
       for key, value in (('encoder.width', 8), ('decoder.widths', '[8,8,8]'))},
    'diffusion.model.denoiser.width': 24, 'diffusion.model.denoiser.depth': 1,
    'diffusion.model.denoiser.still_widths': '[8,8,8]',
    'diffusion.train_dataloader.dataset.draws': 2,
    **{f'{stage}.{key}': value for stage in ('autoencoder', 'diffusion') for key, value in (
        ('train_dataloader.batch_size', 2), ('train_cfg.max_iters', 6),
        ('default_hooks.checkpoint.interval', 1), ('log_level', 'ERROR'))}}


class NotRecoveredError(ValueError):
    """What a killed run left could not be resumed, or ended as something else."""


@dataclass
class Found:
    """What the kills of one kind of run led to.

    Attributes:
        tried: kills.
        faults: what went wrong after kills, one message for each comparison that failed.
        compared: results that were compared with an undisturbed run's.
        seconds: of each kill, until all processes of the killed run had ended.
    """

    tried: int = 0
    faults: list[str] = field(default_factory=list)
    compared: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)


def measure_recovery(folder: Path, run: Run, kinds: Sequence[str] = KINDS, kills: int = 50,
                     seed: int = 0, command: str = '', minutes: float = math.inf
                     ) -> list[dict[str, Any]]:
    """Kill runs of these kinds, so many times each.

    Args:
        folder: for what the runs make; an empty one.
        run: what runs a command of `lddm-aug`, given its name and arguments.
        kinds: of KINDS; `ray` is left out where Ray is not installed.
        kills: of each kind.
        seed: of the moments, and of what is killed.
        command: that is to stand in the rows.
        minutes: after which runs of a kind are killed no more.

    Returns:
        dict(what, tried, failed, value, unit, command) for each figure.
    """
    torch.set_num_threads(1)
    rows = []
    for kind in kinds:
        if kind == 'ray' and find_spec('ray') is None:
            print("ray: is not installed, so nothing is killed; pip install 'lddm-aug[ray]'")
            continue
        here = folder / kind
        here.mkdir()
        with JOBS[kind](here, run) as job:
            found = kill_runs(job, here, kills, Random(f'{kind} {seed}'), 60 * minutes)
        for fault in found.faults:
            print(f'{kind}: {fault}')
        failed = len(found.faults)
        same = dict(command=command)
        rows.append(dict(what=f'kill -9 of {job.what}: kills after which it was resumed',
                         tried=found.tried, failed=failed, value=found.tried - failed,
                         unit='kills', **same))
        rows.append(dict(what=f'{job.results}, killed up to {MOST_KILLS} times: bytes of an '
                              'undisturbed run', tried=found.compared, failed=failed,
                         value=found.compared - failed, unit=job.unit, **same))
        rows += [dict(what=f'kill -9 of {name}: until all processes had ended, at most',
                      tried=len(seconds), failed=0, value=round(max(seconds), 1), unit='s', **same)
                 for name, seconds in found.seconds.items() if name in job.timed]
    return rows


def kill_runs(job: _Job, folder: Path, kills: int, random: Random, most_seconds: float = math.inf
              ) -> Found:
    """Kill runs of a job until there were so many kills, or so much time has passed.

    Raises:
        NotRecoveredError: if an undisturbed run doesn't end well.
    """
    found = Found()
    start = time.monotonic()
    out = folder / 'undisturbed'
    seconds = _attempt(job, out, random, None, found)
    expected = job.made(out)
    if job.expected is not None and expected != job.expected:
        raise NotRecoveredError(f'{out}: differs from what one process made')
    while found.tried < kills and time.monotonic() < start + most_seconds:
        out = folder / f'{found.compared}'
        most = min(kills, found.tried + MOST_KILLS)
        try:
            while found.tried < most:
                before = found.tried
                _attempt(job, out, random, seconds, found)
                if found.tried == before:
                    break
            else:
                _attempt(job, out, random, None, found)
            if job.made(out) != expected:
                raise NotRecoveredError(f'{out}: other bytes than those of an undisturbed run')
            shutil.rmtree(out)
        except NotRecoveredError as error:
            found.faults.append(str(error))
        found.compared += 1
        print(f'{folder.name}: {found.tried} of {kills} kills, {len(found.faults)} faults, '
              f'{time.monotonic() - start:.0f} s', flush=True)
    return found


def _attempt(job: _Job, out: Path, random: Random, seconds: float | None, found: Found) -> float:
    """Run a job, and kill it after a while, unless it ends before → the seconds of its work.

    Args:
        seconds: the latest moment of the kill, from the first change in `out` on; None to let the
            job end by itself.

    Raises:
        NotRecoveredError: if what isn't killed fails, or a process stays.
    """
    before = _newest(out)
    log = out.with_suffix('.log')
    runs = job.start(out, random, log)
    begun = None
    moment = None if seconds is None else random.uniform(0, seconds)
    killed: set[int] = set()
    processes = {run.pid for run in runs}
    deadline = time.monotonic() + PATIENCE
    while any(run.is_alive() for run in runs):
        now = time.monotonic()
        if begun is None and _newest(out) != before:
            begun = now
        if moment is not None and begun is not None and not killed and now >= begun + moment:
            name, chosen = job.victims([run for run in runs if run.is_alive()], random)
            processes |= {pid for run in runs for pid in descendants(run.pid)}
            for pid in chosen:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            if killed:
                found.tried += 1
                died = now
            else:
                moment = None                        # it has just ended
        if now > deadline:
            for pid in processes:
                _kill(pid)
            raise NotRecoveredError(f'{out}: had not ended after {PATIENCE} s')
        time.sleep(LOOK)
    ended = time.monotonic()
    while killed and any(map(_lives, processes)):
        if time.monotonic() > deadline:
            raise NotRecoveredError(f'{out}: a process of a killed run still lives')
        time.sleep(LOOK)
    if killed:
        found.seconds.setdefault(name, []).append(time.monotonic() - died)
    for run in runs:
        if run.exitcode and not killed & {run.pid, *(processes - {other.pid for other in runs})}:
            raise NotRecoveredError(f'{out}: a run ended with {run.exitcode}: {_last_line(log)}')
    return ended - (begun or ended)


class _Job:
    """A kind of run that is killed.

    Attributes:
        what: is killed, for the row.
        results: what is compared in the end, and `unit` a word for them.
        timed: names of what may be killed, of which it is said how long their processes stay.
        expected: digest of what one process makes, if several of them are to make the same.
    """

    what = results = unit = ''
    timed: tuple[str, ...] = ()
    expected: str | None = None

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self.run = run

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def command(self, words: Sequence[str]) -> None:
        """Run a command of `lddm-aug` in this process."""
        self.run(words[0], words[1:])

    def start(self, out: Path, random: Random, log: Path) -> list[Any]:
        """Processes that make something in `out`, or what is missing there."""
        raise NotImplementedError

    def made(self, out: Path) -> Any:
        """What must be equal to an undisturbed run's once all is made."""
        raise NotImplementedError

    def victims(self, runs: Sequence[Any], random: Random) -> tuple[str, list[int]]:
        """What is killed: a name for it, and processes; none where they have just ended."""
        if not runs:
            return '', []
        return 'processes', [run.pid for run in random.sample(runs, random.randint(1, len(runs)))]


class _Stores(_Job):
    """Of one package and one table of stills."""

    unit = 'stores'

    def __init__(self, folder: Path, run: Run) -> None:
        super().__init__(folder, run)
        self.package, self.table = folder / 'package', folder / 'stills.csv'
        _finish(_make_package, self.package)
        _write_data(folder, 16)
        whole = folder / 'whole'
        _finish(self.command, self.synthesize(whole))
        self.expected = sha256_of(whole)

    def synthesize(self, out: Path, *more: str) -> list[str]:
        return ['synthesize', str(self.package), '--stills', str(self.table), '--out', str(out),
                '--per-still', str(PER_STILL), '--batch-size', '2', '--device', 'cpu', *more]

    def made(self, out: Path) -> str:
        """sha256 of a store without the shards that lie in it."""
        for left in [*out.glob('shard-*'), *out.glob('.shard-*')]:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        return sha256_of(out)


class _Synthesis(_Stores):
    what = 'synthesis in 2 to 4 shards, resumed with random numbers of shards'
    results = 'stores synthesized in shards'

    def start(self, out: Path, random: Random, log: Path) -> list[Any]:
        shards = random.randint(2, 4)
        return [_begin(self.command, self.synthesize(
            out, '--num-shards', str(shards), '--shard-id', str(shard), '--workers',
            str(random.randint(0, 1))), log=log) for shard in range(shards)]

    def made(self, out: Path) -> str:
        _finish(self.command, ['store', 'merge', str(out)])
        return super().made(out)


class _Merge(_Stores):
    what = 'store merge'
    results = 'stores merged'

    def __init__(self, folder: Path, run: Run) -> None:
        super().__init__(folder, run)
        self.parts = folder / 'parts'
        for shard in range(3):
            _finish(self.command, self.synthesize(self.parts, '--num-shards', '3', '--shard-id',
                                              str(shard)))

    def start(self, out: Path, random: Random, log: Path) -> list[Any]:
        return [_begin(self.command, ['store', 'merge', str(self.parts), '--out', str(out)],
                       log=log)]


class _Ray(_Stores):
    """On a cluster of this machine, which outlives the runs."""

    what = 'actors and drivers of synthesis on Ray by 2 workers'
    results = 'stores synthesized on Ray'

    def __enter__(self) -> _Ray:
        # before Ray is imported, so that a worker sets Ray up as a program would
        asked = self.folder / 'workers'
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(asked))
        listener.listen()
        self.workers = _begin(_fork_workers, listener, log=asked.with_suffix('.log'))
        os.environ.update(RAY_AUTH_MODE='token', RAY_AUTH_TOKEN=secrets.token_hex())
        import ray.data  # noqa: F401  forked with the rest

        port, of_agent, of_environments = _free_ports(3)
        self.address = f'127.0.0.1:{port}'
        # a Ray worker ends with its cluster, and this with its process
        self.cluster = subprocess.Popen(
            [sys.executable, ray_cluster.__file__, 'start', '--head', '--block',
             f'--port={port}', '--num-cpus=2', f'--object-store-memory={100 * 2**20}',
             # Ray waits 15 seconds for ports that it chooses itself
             f'--dashboard-agent-grpc-port={of_agent}',
             f'--runtime-env-agent-port={of_environments}',
             '--include-dashboard=false', '--node-ip-address=127.0.0.1',
             '--disable-usage-stats'],
            stdout=(self.folder / 'cluster.log').open('w'), stderr=subprocess.STDOUT,
            env=os.environ | dict(
                {ray_cluster.ASKED: str(asked)},
                PYTHONUNBUFFERED='1', PYTHONPATH=os.pathsep.join(filter(None, sys.path)),
                RAY_agent_register_timeout_ms='600000', RAY_raylet_start_wait_time_s='600',
                RAY_worker_register_timeout_seconds='600',
                # else they are nice, and get nothing beside programs that aren't
                RAY_worker_niceness='0'))
        deadline = time.monotonic() + PATIENCE
        while 'Ray runtime started' not in (self.folder / 'cluster.log').read_text():
            if self.cluster.poll() is not None or time.monotonic() > deadline:
                raise ValueError('benchmark recovery: Ray did not start: '
                                 f'{_last_line(self.folder / "cluster.log")}')
            time.sleep(LOOK)
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._processes():
            _kill(pid)
        self.cluster.wait()
        self.workers.join()

    def _processes(self) -> list[int]:
        return [each for pid in (self.cluster.pid, self.workers.pid)
                for each in (pid, *descendants(pid))]

    def start(self, out: Path, random: Random, log: Path) -> list[Any]:
        return [_begin(self.command, self.synthesize(
            out, '--engine', 'ray', '--ray-address', self.address, '--workers', '2',
            '--num-shards', '3'), log=log)]

    def victims(self, runs: Sequence[Any], random: Random) -> tuple[str, list[int]]:
        """An actor, whose work Ray gives to another, or the driver."""
        actors = [pid for pid in self._processes()
                  if 'ShardMaker' in _text(Path(f'/proc/{pid}/cmdline'))]
        if actors and random.random() < 0.6:
            return 'an actor', [random.choice(actors)]
        return super().victims(runs, random)


class _Training(_Job):
    """A generator's training by two processes that torchrun has started."""

    what = 'one or both of two ranks, or of torchrun, in a training of two stages'
    results, unit = 'trainings by two ranks', 'trainings'
    timed = ('torchrun', 'ranks')

    def __init__(self, folder: Path, run: Run) -> None:
        super().__init__(folder, run)
        self.data = folder / 'data'
        self.data.mkdir()
        _write_data(self.data, 64)

    def start(self, out: Path, random: Random, log: Path) -> list[Any]:
        words = ['train-generator', '--recipe', 'lddm', '--data', str(self.data), '--work-dir',
                 str(out), '--launcher', 'pytorch', '--resume', '--cfg-options',
                 *(f'{key}={value}' for key, value in TRAINING.items())]
        return [_begin(_torchrun, self.command, words, self.folder, log=log)]

    def victims(self, runs: Sequence[Any], random: Random) -> tuple[str, list[int]]:
        agent = runs[0].pid if runs else None
        ranks = [] if agent is None else children(agent)
        if agent is None or len(ranks) < 2 or random.random() < 0.4:
            return 'torchrun', [] if agent is None else [agent]
        return 'ranks', random.sample(ranks, random.randint(1, len(ranks)))

    def made(self, out: Path) -> Any:
        """Of the package, of the last weights of every stage, and the names of their files."""
        stages = [stage for stage in ('autoencoder', 'diffusion') if (out / stage).is_dir()]
        return (sha256_of(out / 'package'),
                [weights_sha256(read_checkpoint(last_checkpoint(out / stage)))
                 for stage in stages],
                sorted(str(path.relative_to(out)) for path in out.rglob('*')
                       if path.suffix in ('.pth', TEMPORARY)))


JOBS: dict[str, Callable[[Path, Run], Any]] = dict(
    zip(KINDS, (_Synthesis, _Merge, _Ray, _Training), strict=True))


# ── runs ──

def _begin(work: Callable[..., None], *arguments: Any, log: Path) -> Any:
    """A process that does some work, and writes what it says into a file."""
    sys.stdout.flush()
    process = FORK.Process(target=_logged, args=(log, work, arguments))
    process.start()
    return process


def _finish(work: Callable[..., None], *arguments: Any) -> None:
    """Let a process do some work, undisturbed."""
    log = Path(os.devnull)
    process = _begin(work, *arguments, log=log)
    process.join()
    if process.exitcode:
        raise NotRecoveredError(f'{work.__name__} {arguments} ended with {process.exitcode}')


def _logged(log: Path, work: Callable[..., None], arguments: Sequence[Any]) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, 'w', buffering=1, closefd=False)
                              for stream in (1, 2))
    work(*arguments)


def _torchrun(command: Callable[..., None], words: Sequence[str], folder: Path) -> None:
    """What torchrun does, but that its ranks are forked from this process."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    elastic_launch(LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, max_restarts=0, rdzv_backend='c10d',
        rdzv_endpoint='localhost:0', start_method='fork',
        logs_specs=DefaultLogsSpecs(log_dir=str(folder / 'torchrun'))), _rank)(command, words)


def _fork_workers(listener: socket.socket) -> None:
    """What Ray starts as workers, each forked from this process; see `ray_cluster`."""
    while True:
        connection, _ = listener.accept()
        worker = FORK.Process(target=_ray_worker, args=(connection,))
        worker.start()                               # which waits for those that have ended
        connection.close()


def _ray_worker(connection: socket.socket) -> None:
    with connection.makefile() as request:
        words, environment, folder = json.loads(request.readline())
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    from ray._private.workers.setup_worker import parser

    sys.argv = parser.parse_known_args(words)[1]
    runpy.run_path(sys.argv[0], run_name='__main__')


def _rank(command: Callable[..., None], words: Sequence[str]) -> None:
    # torchrun starts ranks as programs, to which the system doesn't tell that it has ended
    torch.multiprocessing._prctl_pr_set_pdeathsig(0)  # type: ignore[attr-defined]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)    # nor do programs have torchrun's handler
    # to lay a config out prettily takes MMEngine longer than the training
    mmengine.config.config.FormatCode = lambda text, **_: (text, False)
    command(words)


# ── what they work on ──

def _make_package(folder: Path) -> None:
    """A small generator with random weights."""
    autoencoder = {'type': 'VideoAutoencoder', 'latent_channels': 4, 'encoder': {'width': 8},
                   'decoder': {'widths': [8, 8, 8]}}
    denoiser = {'still_widths': [8, 8, 8], 'width': 16, 'depth': 1, 'heads': 2}
    diffusion = {'type': 'LatentDiffusion', 'autoencoder': autoencoder, 'denoiser': denoiser}
    torch.manual_seed(0)
    save_package(folder, MODELS.build({'type': 'LDDMGenerator', 'diffusion': diffusion, 'size': 16,
                                       'num_frames': 8, 'steps': 3}), ['nobody'])


def _write_data(folder: Path, size: int) -> None:
    """Stills and videos of noise, and their tables."""
    random = np.random.default_rng(0)
    rows = {'stills.csv': ['path,label,group'], 'videos.csv': ['path,label,group,split']}
    for number in range(STILLS):
        Image.fromarray(random.integers(0, 256, (size, size), dtype=np.uint8)).save(
            folder / f'{number}.png')
        rows['stills.csv'].append(f'{number}.png,{CLASSES[number % 2]},other {number}')
    for number in range(VIDEOS):
        np.save(folder / f'{number}.npy', random.integers(
            96, size=(20, size, size), dtype=np.uint8) + np.uint8(80 * (number % 2)))
        rows['videos.csv'].append(f'{number}.npy,{CLASSES[number % 2]},patient {number},'
                                  f'{"train" if number < VIDEOS - 2 else "test"}')
    for name, lines in rows.items():
        (folder / name).write_text('\n'.join(lines) + '\n')


# ── processes and folders ──

def children(pid: int) -> list[int]:
    """The processes that a process has started, and that live."""
    return [int(child) for task in Path(f'/proc/{pid}/task').glob('*/children')
            for child in _text(task).split()]


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have started, and so on."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


def _free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens to."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(('127.0.0.1', 0))
        return [each.getsockname()[1] for each in sockets]


def _lives(pid: int) -> bool:
    """Whether a process exists and is no zombie, which some containers never clear away."""
    return bool(re.search(r'\) [^ZX]', _text(Path(f'/proc/{pid}/stat'))))


def _kill(pid: int) -> None:
    if _lives(pid):
        os.kill(pid, signal.SIGKILL)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors='replace')
    except OSError:                                  # the process has ended
        return ''


def _last_line(log: Path) -> str:
    return next(reversed(_text(log).strip().splitlines()), 'it said nothing')


def _newest(folder: Path) -> int:
    """When something in a folder was changed last, in ns; 0 where there is none."""
    return max((_changed(path) for path in (folder, *folder.rglob('*'))), default=0)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:                                  # renamed meanwhile
        return 0
