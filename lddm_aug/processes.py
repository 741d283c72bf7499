"""Child processes that end with their parent."""
from __future__ import annotations

import multiprocessing
import os
import threading


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
