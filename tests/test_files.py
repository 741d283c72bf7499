from __future__ import annotations

import errno
import hashlib

import pytest

from lddm_aug.files import atomic_write, sha256_of


def test_a_file_has_its_name_only_once_it_is_complete(tmp_path):
    path = tmp_path / 'a.txt'
    with atomic_write(path) as file:
        file.write(b'half')
        assert not path.exists()
        file.write(b' and whole')
    assert path.read_bytes() == b'half and whole'
    assert [file.name for file in tmp_path.iterdir()] == ['a.txt']


@pytest.mark.parametrize('error', [OSError, KeyboardInterrupt])
def test_a_file_that_was_not_finished_leaves_the_older_one(tmp_path, error):
    path = tmp_path / 'a.txt'
    path.write_bytes(b'older')
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b'half')
        raise error
    assert path.read_bytes() == b'older'
    assert [file.name for file in tmp_path.iterdir()] == ['a.txt']


def test_sha256_of_a_file_is_that_of_its_bytes(tmp_path):
    content = bytes(range(256)) * 5000               # more than one chunk
    (tmp_path / 'a').write_bytes(content)
    assert sha256_of(tmp_path / 'a') == hashlib.sha256(content).hexdigest()


def test_sha256_of_a_folder_sees_names_and_content(tmp_path):
    (tmp_path / 'v').mkdir()
    (tmp_path / 'v' / '0.png').write_bytes(b'x')
    first = sha256_of(tmp_path / 'v')
    (tmp_path / 'v' / '0.png').rename(tmp_path / 'v' / '1.png')
    renamed = sha256_of(tmp_path / 'v')
    (tmp_path / 'v' / '1.png').write_bytes(b'y')
    assert len({first, renamed, sha256_of(tmp_path / 'v')}) == 3


def test_a_full_disk_is_named_with_the_file_it_was_too_small_for(tmp_path):
    with (pytest.raises(OSError, match=r"No space left on device: '.*/a\.txt'"),
          atomic_write(tmp_path / 'a.txt')):
        raise OSError(errno.ENOSPC, 'No space left on device')
    assert not list(tmp_path.iterdir())
