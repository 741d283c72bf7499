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
    with pytest.raises(ValueError, match=r'a\.pth .*checkpoint'):
        read_checkpoint(path)
    assert not (tmp_path / 'ran').exists()


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.pth'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('content, reason', [
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n', 'git lfs pull'),
    (b'<!DOCTYPE html><html>Sign in</html>', 'a web page'), (b' \n<html>', 'a web page'),
    (b'', 'empty')])
def test_the_reason_why_a_file_is_no_checkpoint_is_the_true_one(tmp_path, content, reason):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match=rf'a\.pth .*{reason}'):
        read_checkpoint(tmp_path / 'a.pth')


def test_a_checkpoint_that_refers_to_code_is_refused_by_that_name(tmp_path):
    torch.save({'a': Code()}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth .* refers to \w+\.mkdir'):
        read_checkpoint(tmp_path / 'a.pth')


def test_a_checkpoint_that_is_cut_off_is_said_to_be_so(tmp_path):
    torch.save({'weight': torch.ones(9999)}, tmp_path / 'a.pth')
    (tmp_path / 'a.pth').write_bytes((tmp_path / 'a.pth').read_bytes()[:9999])
    with pytest.raises(ValueError, match=r'a\.pth .* cut off'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('content', [
    {'w': torch.tensor([1., float('nan')])}, {'state_dict': {'w': torch.tensor(float('-inf'))}},
    {'model': {'v': torch.ones(2), 'w': torch.tensor([float('nan')], dtype=torch.bfloat16)}}])
def test_weights_that_are_not_finite_are_named(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth: 1 .*not finite \(w, '):
        read_checkpoint(tmp_path / 'a.pth')


def test_a_loss_that_was_not_finite_once_is_no_weight(tmp_path):
    torch.save({'state_dict': {'w': torch.ones(1)}, 'optimizer': {'x': torch.tensor(float('inf'))}},
               tmp_path / 'a.pth')
    assert 'optimizer' in read_checkpoint(tmp_path / 'a.pth')
