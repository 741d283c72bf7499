from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fuzzing.guard import guarded
from fuzzing.parsers import PARSERS
from hypothesis import HealthCheck, given, note, settings

SHORT = 50                                           # damaged files of each parser


@pytest.mark.parametrize('parser', PARSERS, ids=lambda parser: f'{parser.group}: {parser.name}')
def test_a_damaged_file_is_read_or_refused_in_one_sentence(parser, tmp_path, monkeypatch,
                                                           count_in, pytestconfig):
    valid, folder = tmp_path / 'valid', tmp_path / 'read/files'
    valid.mkdir()
    parser.build(valid)
    folder.parent.mkdir()
    monkeypatch.chdir(folder.parent)
    shutil.copytree(valid, folder)
    parser.seal(folder)
    parser.read(folder)                              # as it is; imports what it needs
    asked = pytestconfig.getoption('mutations', None)
    tried, is_clean = 0, False                       # but for what is damaged and sealed anew

    @settings(max_examples=asked or SHORT // (4 if parser.is_slow else 1), derandomize=not asked,
              deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(parser.damage((valid / parser.file).read_bytes()))
    def read_damaged(content: bytes) -> None:
        nonlocal is_clean, tried
        tried += 1
        if not is_clean:
            shutil.rmtree(folder.parent)
            shutil.copytree(valid, folder)
            os.chdir(folder.parent)
        is_clean = False
        (folder / parser.file).write_bytes(content)
        parser.seal(folder)
        before = files_in(folder.parent)
        note(repr(content[:2000]))
        with guarded(folder):
            parser.read(folder)
        is_clean = files_in(folder.parent) == before

    try:
        read_damaged()
    finally:
        count_in(f'damaged {parser.group}: one sentence, nothing imported, no file outside, at '
                 'most 5 s and 1 GiB', 'of {} parsers failed', 'failed', tried)


def files_in(folder: Path) -> list[tuple[str, int, int, int]]:
    """What is in a folder, so that a change shows."""
    return sorted((path, status.st_ino, status.st_size, status.st_mtime_ns)
                  for root, folders, files in os.walk(folder) for name in folders + files
                  for path in [f'{root}/{name}'] for status in [os.lstat(path)])
