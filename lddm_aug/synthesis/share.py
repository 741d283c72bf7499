"""The shard of the stills that this process makes: from its launcher, or from options."""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

ADVICE = 'or name --num-shards and --shard-id'
RANKS = (('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),       # torchrun's, which srun may start
         ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'))
ARRAY = ('SLURM_ARRAY_TASK_ID', 'SLURM_ARRAY_TASK_MIN', 'SLURM_ARRAY_TASK_COUNT')


@dataclass(frozen=True)
class Share:
    """One of so many shards.

    Attributes:
        shard: in [0, shards).
        source: what says so, for a message: options, or variables of the environment.
        local_rank: the process's number on its machine; None where no launcher gives one.
    """

    shard: int = 0
    shards: int = 1
    source: str = ''
    local_rank: int | None = None


def share_of_process(shard: int | None = None, shards: int | None = None,
                     environment: Mapping[str, str] = os.environ) -> Share:
    """The share of this process.

    Tasks of a Slurm array count first, and in each of them the processes that torchrun or srun has
    started.

    Args:
        shard: that the user names; None to ask the environment.
        shards: the same, together with it.

    Raises:
        ValueError: if one is named without the other, or the environment contradicts itself.
    """
    local_rank = _local_rank(environment)
    if (shard is None) != (shards is None):
        raise ValueError('--num-shards and --shard-id: name both, or neither where torchrun or '
                         f'Slurm has started this process, but got {shards} and {shard}')
    if shard is not None and shards is not None:
        if not 0 <= shard < shards:
            raise ValueError(f'--shard-id must lie in [0, {shards}), the number of shards, but got '
                             f'{shard}')
        return Share(shard, shards, '--shard-id, --num-shards' if shards > 1 else '', local_rank)
    (task, tasks), (rank, ranks) = _task(environment), _rank(environment)
    names = [*(ARRAY if tasks > 1 else ()), *(_ranks_in(environment)[:2] if ranks > 1 else ())]
    return Share(task * ranks + rank, tasks * ranks,
                 ', '.join(f'{name}={environment[name]}' for name in names), local_rank)


def _task(environment: Mapping[str, str]) -> tuple[int, int]:
    """Which task of a Slurm array, of how many."""
    if ARRAY[0] not in environment:
        return 0, 1
    number, least, count = (_whole(environment, name) for name in ARRAY)
    step = _whole(environment, 'SLURM_ARRAY_TASK_STEP', 1)
    most = _whole(environment, 'SLURM_ARRAY_TASK_MAX', least + step * (count - 1))
    task, rest = divmod(number - least, max(step, 1))
    if rest or not 0 <= task < count or (most - least) // max(step, 1) + 1 != count:
        raise ValueError(f'{ARRAY[0]}={number} is not one of {count} tasks from {least} to {most} '
                         f'in steps of {step}; start the array with all of its tasks, {ADVICE}')
    return task, count


def _rank(environment: Mapping[str, str]) -> tuple[int, int]:
    """Which process of a launcher, of how many."""
    names = _ranks_in(environment)
    if not names:
        return 0, 1
    rank, ranks = (_whole(environment, name) for name in names[:2])
    if not 0 <= rank < ranks:
        raise ValueError(f'{names[0]} must lie in [0, {ranks}), which is {names[1]}, but the '
                         f'environment has {rank}; correct it, {ADVICE}')
    if ranks > 1 and names[0] != 'RANK' and 'SLURM_STEP_ID' not in environment:
        raise ValueError(f'{names[1]} is {ranks}, but srun has not started this process; begin the '
                         f'command with srun, {ADVICE}')
    return rank, ranks


def _ranks_in(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of the launcher that has started this process."""
    torchrun, slurm = RANKS
    if {*torchrun[:2]} & {*environment}:             # one without the other is refused
        return torchrun
    return slurm if {*slurm[:2]} <= {*environment} else ()


def _local_rank(environment: Mapping[str, str]) -> int | None:
    names = _ranks_in(environment)
    return _whole(environment, names[2]) if names and names[2] in environment else None


def _whole(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name, '' if default is None else str(default))
    if not text.isdecimal():
        raise ValueError(f'{name} must be a whole number, but the environment has '
                         f'{repr(text) if name in environment else "none"}; correct it, {ADVICE}')
    return int(text)
