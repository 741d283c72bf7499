"""Processes that end with the one that began them."""
from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent(_: int = 0) -> None:
    """End this process when its parent does, though it be killed.

    A job would go on beside that of the next call, and a DataLoader's worker, which calls this with
    its number, would wait for ever for somebody to take its clips.
    """
    threading.Thread(target=_end_after, args=[multiprocessing.parent_process()],
                     daemon=True).start()


def _end_after(process: multiprocessing.process.BaseProcess | None) -> None:
    if process is not None:
        process.join()
        os._exit(1)
