"""Processes that train together, called ranks, and what they do for each other."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmengine.dist import (
    broadcast_object_list,
    get_world_size,
    is_distributed,
    is_main_process,
)
from mmengine.utils.dl_utils import set_multi_processing

from lddm_aug.hardware import refuse_unstarted_launcher
from lddm_aug.locks import only_writer
from lddm_aug.processes import end_with_torchrun

TIMEOUT_SECONDS = 3600                               # for what one rank does while others wait
STORE_SECONDS = 10                                   # for the store of the ranks to answer
FAILURES = 'lddm_aug_failures'                       # key in the store of the ranks
# parts of what PyTorch says when a rank is gone: by gloo, by NCCL, by their store
LOST = ('closed by peer', 'reset by peer', 'Broken pipe', 'Timed out waiting', 'Socket closed',
        'remote process exited', 'Watchdog caught collective', 'recvValue failed',
        'sendBytes failed', 'recvValueWithTimeout failed')

T = TypeVar('T')


def join_ranks(launcher: str, tool: str, config: Mapping[str, Any]) -> None:
    """Join the other processes of a launcher, by NCCL on GPUs and by gloo on CPUs.

    A runner that is built later finds them joined.

    Args:
        launcher: `none`, `pytorch`, `slurm` or `mpi`, as MMEngine names them.
        tool: the command, for the message.
        config: whose `env_cfg.dist_cfg` has arguments of MMEngine's `init_dist`: by default
            `backend` is NCCL, and `timeout`, in seconds that the others wait for one, an hour.

    Raises:
        ValueError: if the launcher hasn't started this process.
    """
    refuse_unstarted_launcher(launcher, tool)
    if launcher == 'none' or is_distributed():
        return
    from mmengine.runner import runner  # whose init_dist is patched for CPUs

    end_with_torchrun()
    set_multi_processing(distributed=True)           # or init_dist decides how workers start
    chosen = config.get('env_cfg', {}).get('dist_cfg', {})
    runner.init_dist(launcher, **dict(backend='nccl', timeout=TIMEOUT_SECONDS) | dict(chosen))


def from_main(work: Callable[[], T]) -> T:
    """What `work` returns on rank 0, which alone calls it, on every rank.

    Raises:
        ValueError: on the other ranks, where it raises an error.
    """
    if get_world_size() == 1:
        return work()
    shared: list[Any] = [None, None]
    if is_main_process():
        try:
            shared[0] = work()
        except Exception as error:
            broadcast_object_list([None, str(error)])
            raise
    broadcast_object_list(shared)
    if shared[1] is not None:
        raise ValueError(shared[1])
    return shared[0]


@contextmanager
def only_training(work_dir: str | Path) -> Iterator[None]:
    """Let no other training into the block that writes into the same folder; rank 0 holds it.

    Raises:
        ValueError: on every rank, if another training is in the block.
    """
    with ExitStack() as held:
        from_main(lambda: held.enter_context(only_writer(Path(work_dir))))
        yield


def in_turn(parts: Sequence[T]) -> list[T]:
    """What all ranks have, on every rank: the first of rank 0, the first of rank 1, and so on.

    So a list of which every rank computes each `world_size`-th part is put together.
    """
    if get_world_size() == 1:
        return list(parts)
    every: list[Any] = [None] * get_world_size()
    torch.distributed.all_gather_object(every, list(parts), group=_on_cpus())
    missing = object()
    return [part for part in chain.from_iterable(zip_longest(*every, fillvalue=missing))
            if part is not missing]


def is_first_to_fail() -> bool:
    """Whether no other rank has reported an error before; a lone process is always the first."""
    try:
        store = _store()
        attempt = os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')
        return store is None or store.add(f'{FAILURES}_{attempt}', 1) == 1
    except RuntimeError:                             # the process that kept the store is gone
        return True


def is_lost_rank(error: BaseException) -> bool:
    """Whether PyTorch says by this error that another rank has ended, or doesn't answer."""
    return (isinstance(error, RuntimeError) and is_distributed()
            and any(part in str(error) for part in LOST))


@cache
def _on_cpus() -> Any:
    """A group of all ranks that takes no memory of their GPUs."""
    return torch.distributed.new_group(backend='gloo')


def _store() -> Any:
    """What all ranks can write into; None for a lone process."""
    if os.environ.get('TORCHELASTIC_USE_AGENT_STORE') == 'True':      # torchrun's, from the start
        return torch.distributed.TCPStore(
            os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']), is_master=False,
            wait_for_workers=False, timeout=timedelta(seconds=STORE_SECONDS))
    if is_distributed():
        return torch.distributed.distributed_c10d._get_default_store()
    return None
