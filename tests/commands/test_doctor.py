"""lddm-aug doctor: healthy as it is, and each thing that can be broken."""
from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from lddm_aug import compat
from lddm_aug.commands import checkup, run_command
from lddm_aug.commands.checkup import BROKEN, NOTE, OK


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit status and what is printed."""
    status = 0
    try:
        run_command(lambda: None, ['doctor', *arguments])
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, capsys.readouterr().out


def state(subject: str, folder: Path | str = '.') -> str:
    [finding] = [each for each in checkup.checkup(folder) if each.subject == subject]
    assert finding.state == OK or finding.advice
    return finding.state


@pytest.fixture
def no_import(monkeypatch):
    """Without the one check that takes seconds."""
    monkeypatch.setattr(checkup, '_own_parts', lambda: iter(()))


def test_here_nothing_is_broken_and_nothing_is_written(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    status, printed = doctor(capsys)
    assert status == 0 and f'{torch.__version__}' in printed
    assert all(patch in printed for patch in compat.applied_patches())
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_missing_is_broken_and_named(capsys, monkeypatch, no_import):
    found = checkup._version
    monkeypatch.setattr(checkup, '_version', lambda name: '' if name == 'zuko' else found(name))
    status, printed = doctor(capsys)
    assert status == 1 and 'pip install zuko' in printed
    assert state('zuko') == BROKEN


@pytest.mark.parametrize('versions, expected', [
    ({'mmcv': '', 'mmcv-lite': ''}, BROKEN), ({'mmcv': '2.1.0', 'mmcv-lite': '2.1.0'}, BROKEN),
    ({'mmcv': '2.1.0', 'mmcv-lite': ''}, OK), ({'mmcv': '', 'mmcv-lite': '2.1.0'}, OK)])
def test_one_mmcv_is_right(monkeypatch, no_import, versions, expected):
    monkeypatch.setattr(checkup, '_version', lambda name: versions.get(name, '1'))
    assert state('mmcv') == expected


def test_an_extra_that_is_missing_is_no_fault(monkeypatch, no_import):
    monkeypatch.setattr(checkup, 'missing_modules', lambda extra: ['gdcm'])
    assert state('[dicom]') == NOTE


def test_a_folder_that_cannot_be_written_is_broken(no_import, tmp_path):
    (tmp_path / 'file').touch()
    assert state('work dir', tmp_path / 'new' / 'folder') == OK
    assert state('work dir', tmp_path / 'file' / 'below') == BROKEN


def test_little_disk_is_a_note(monkeypatch, no_import):
    usage = namedtuple('usage', 'free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: usage(1e9))
    assert state('disk') == NOTE


def test_a_decoder_that_fails_is_broken(monkeypatch, no_import):
    def fail() -> None:
        raise OSError('no mpeg4')
    monkeypatch.setattr(checkup, '_read_back', fail)
    assert state('video') == BROKEN


@pytest.mark.parametrize('code', ['raise ImportError("a library is missing")',
                                  'import os, signal; os.kill(os.getpid(), signal.SIGKILL)'])
def test_a_package_that_cannot_be_imported_is_broken_even_if_it_kills_python(monkeypatch, code):
    monkeypatch.setattr(checkup, 'IMPORT', code)
    assert state('lddm_aug') == BROKEN
