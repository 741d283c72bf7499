"""Processes that end with the one that began them."""
from __future__ import annotations

import multiprocessing
import os
import threading
import time

SECONDS = 0.5                                        # from one look at torchrun to the next


def end_with_parent(_: int = 0) -> None:
    """End this process when its parent ends, also when the parent is killed.

    Otherwise a job would run beside that of the next call, and a DataLoader's worker would wait
    forever.  As a `worker_init_fn` it takes the worker's number, which it ignores.
    """
    threading.Thread(target=_end_after, args=[multiprocessing.parent_process()],
                     daemon=True).start()


def _end_after(process: multiprocessing.process.BaseProcess | None) -> None:
    if process is not None:
        process.join()
        os._exit(1)


def end_with_torchrun() -> None:
    """End this process when torchrun is killed, if that has started it.

    Otherwise it would train on and write beside the training that is resumed.
    """
    if 'TORCHELASTIC_RUN_ID' in os.environ:          # set by torchrun alone
        threading.Thread(target=_end_without, args=[os.getppid()], daemon=True).start()


def _end_without(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os._exit(1)
