from __future__ import annotations

import subprocess
import sys

import pytest

from lddm_aug import locks
from lddm_aug.locks import only_writer

HOLDER = """if True:
    import sys
    from pathlib import Path
    from lddm_aug.locks import only_writer
    with only_writer(Path(sys.argv[1])):
        print('held', flush=True)
        sys.stdin.read()"""


def test_another_process_is_refused_until_the_first_ends_or_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, 'SECONDS', 0.2)
    with subprocess.Popen([sys.executable, '-c', HOLDER, str(tmp_path / 'store')],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == 'held\n'
        with (pytest.raises(ValueError, match=r'store is being written by another process'),
              only_writer(tmp_path / 'store')):
            pass
        holder.kill()
    with only_writer(tmp_path / 'store'):
        pass


def test_it_is_let_go_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), only_writer(tmp_path / 'store'):
            raise KeyError
