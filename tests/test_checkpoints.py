from __future__ import annotations

import os

import pytest
import torch

from lddm_aug.checkpoints import read_checkpoint


class Code:
    """What unpickling would run."""

    def __reduce__(self):
        return os.mkdir, ('ran',)


def test_a_checkpoint_comes_back(tmp_path):
    torch.save({'state_dict': {'weight': torch.ones(2)}}, tmp_path / 'a.pth')
    assert read_checkpoint(tmp_path / 'a.pth')['state_dict']['weight'].sum() == 2


@pytest.mark.parametrize('content', [b'', b'junk' * 99, 'half', [1], {'a': Code()}])
def test_what_is_no_checkpoint_is_named_and_runs_nothing(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'a.pth'
    torch.save({'weight': torch.ones(999)} if content == 'half' else content, path)
    if content == 'half':
        content = path.read_bytes()[:999]
    if isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.pth (cannot be read as a|is no) checkpoint'):
        read_checkpoint(path)
    assert not (tmp_path / 'ran').exists()


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='a.pth'):
        read_checkpoint(tmp_path / 'a.pth')
