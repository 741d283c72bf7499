from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from lddm_aug import files
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


def test_a_link_that_was_put_where_it_writes_is_not_followed(tmp_path):
    target, path = tmp_path / 'target', tmp_path / 'a.txt'
    target.write_bytes(b'precious')
    for name in ('a.txt.tmp', 'a.txt'):
        (tmp_path / name).symlink_to(target)
    with atomic_write(path) as file:
        file.write(b'new')
    assert path.read_bytes() == b'new' and not path.is_symlink()
    assert target.read_bytes() == b'precious'


def test_a_temporary_file_is_new(tmp_path, monkeypatch):
    monkeypatch.setattr(files.secrets, 'token_hex', lambda _: '0')
    (tmp_path / 'target').write_bytes(b'precious')
    for make in (lambda path: path.symlink_to(tmp_path / 'target'), lambda path: path.touch()):
        planted = files.temporary_name(tmp_path / 'a.txt')
        make(planted)
        with pytest.raises(FileExistsError), atomic_write(tmp_path / 'a.txt') as file:
            file.write(b'new')
        planted.unlink(missing_ok=True)
    assert (tmp_path / 'target').read_bytes() == b'precious'


def test_what_killed_runs_left_of_a_path_is_removed_and_nothing_else(tmp_path):
    kept = [tmp_path / name for name in ('package', '.package.old', '.other.1.tmp', 'package.tmp')]
    left = files.temporary_name(tmp_path / 'package'), files.temporary_name(tmp_path / 'package')
    for folder in (*kept, left[0]):
        folder.mkdir()
        (folder / 'weights').touch()
    left[1].symlink_to(kept[0])
    files.remove_unfinished(tmp_path / 'package')
    assert sorted(tmp_path.iterdir()) == sorted(kept) and (kept[0] / 'weights').exists()


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    with atomic_write(tmp_path / 'a.txt') as one, atomic_write(tmp_path / 'a.txt') as other:
        one.write(b'one')
        other.write(b'other')
    assert (tmp_path / 'a.txt').read_bytes() == b'one'
    assert [file.name for file in tmp_path.iterdir()] == ['a.txt']


def test_a_long_name_is_written_and_the_file_has_the_usual_rights(tmp_path):
    path, plain = tmp_path / ('ä' * 120), tmp_path / 'plain'
    with atomic_write(path) as file:
        file.write(b'x')
        assert Path(file.name).parent == tmp_path        # what was written can be read back
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
