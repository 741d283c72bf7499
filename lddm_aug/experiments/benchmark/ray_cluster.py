"""`ray start`, but that workers are forked from a process that has imported all parts.

As a program, a worker imports PyTorch and MMAction2 for longer than it works in a short run.  So
Ray starts this file as a worker.  It asks the process whose socket ASKED names for the worker, and
ends when that ends.
"""
import json
import os
import runpy
import socket
import sys

ASKED = 'LDDM_AUG_RAY_WORKERS'


def start_cluster() -> None:
    """Run `ray` with the words of the command line."""
    from ray._private import parameter

    plain = parameter.RayParams.__init__
    parameter.RayParams.__init__ = lambda *args, **options: plain(
        *args, **{'setup_worker_path': __file__, **options})
    runpy.run_module('ray.scripts.scripts', run_name='__main__')


def ask_for_worker() -> None:
    """Let a worker be forked, and wait until it ends."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(os.environ[ASKED])
        asked.sendall(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode() + b'\n')
        asked.recv(1)


if __name__ == '__main__':
    start_cluster() if sys.argv[1] == 'start' else ask_for_worker()
