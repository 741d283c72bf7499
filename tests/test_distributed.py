"""For one process; tests/engine/test_distributed_training.py starts several."""
from __future__ import annotations

import pytest
import torch

from lddm_aug.distributed import (
    from_main,
    in_turn,
    is_first_to_fail,
    is_lost_rank,
    join_ranks,
)


def test_a_lone_process_does_everything_itself():
    join_ranks('none', 'tool', {})
    assert not torch.distributed.is_initialized()
    assert from_main(lambda: 3) == 3 and in_turn([1, 2]) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        from_main(lambda: 1 / 0)


def test_a_lone_process_is_always_the_first_to_fail_and_loses_no_other():
    assert is_first_to_fail() and is_first_to_fail()
    assert not is_lost_rank(RuntimeError('Connection closed by peer'))


def test_of_several_processes_the_first_to_fail_is(monkeypatch):
    """They share the store of the torchrun that started them."""
    kept = torch.distributed.TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)
    for name, value in dict(TORCHELASTIC_USE_AGENT_STORE=True, MASTER_ADDR='127.0.0.1',
                            MASTER_PORT=kept.port, TORCHELASTIC_RESTART_COUNT=0).items():
        monkeypatch.setenv(name, str(value))
    assert [is_first_to_fail() for _ in range(3)] == [True, False, False]
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '1')
    assert [is_first_to_fail() for _ in range(2)] == [True, False]
