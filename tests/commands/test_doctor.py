"""lddm-aug doctor: healthy as it is, and each thing that can be broken."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
import torch

from lddm_aug import compat, configs
from lddm_aug.commands import checkup, probes, run_command
from lddm_aug.commands.checkup import BROKEN, NOTE, OK, Finding

ROOT = Path(__file__).parents[2]
SET_UPS = ('no decoder', 'no space', 'wrong torch', 'no mmcv', 'gloo missing', 'read-only folder',
           'foreign mmaction', 'no configs')
HIDE = """
import importlib.machinery, os
hidden, find = os.environ['HIDDEN'].split(), importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *given: None if name.partition('.')[0] in hidden else find(name, *given))
"""


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit status and what is printed."""
    status = 0
    try:
        run_command(lambda: None, ['doctor', *arguments])
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, capsys.readouterr().out


def broken(capsys: pytest.CaptureFixture[str], subject: str, *arguments: str) -> str:
    """What is said of the one thing that is broken, and what to do."""
    status, printed = doctor(capsys, '--json', *arguments)
    [finding] = [each for each in json.loads(printed) if each['state'] == BROKEN]
    assert status == 1 and finding['subject'] == subject and finding['advice']
    return f'{finding["text"]} → {finding["advice"]}'


def state(subject: str, folder: Path | str = '.') -> str:
    return state_in(checkup.checkup(folder), subject)


def state_in(findings: Iterator[Finding], subject: str) -> str:
    [finding] = [each for each in findings if each.subject == subject]
    assert finding.state == OK or finding.advice
    return finding.state


@pytest.fixture(autouse=True)
def _set_up(request, count_in):
    """Count in what is tried of the eight set-ups, of which tests have their names."""
    test = request.node.name.replace('_', ' ').replace('read only', 'read-only')
    is_broken = 'expected' not in request.fixturenames or request.getfixturevalue(
        'expected') == BROKEN
    for name in SET_UPS:
        if is_broken and test.startswith(f'test {name}'):
            count_in(f'lddm-aug doctor names a broken set-up: {name}', 'share named', 'share')


@pytest.fixture
def no_import(monkeypatch):
    """Without the checks that take seconds."""
    monkeypatch.setattr(checkup, '_probe', lambda group, folder: iter(()))


@pytest.fixture
def hide(monkeypatch, tmp_path):
    """Names of packages, which no process that is started from now on can import."""
    def hide(*names: str) -> None:
        (tmp_path / 'site').mkdir()
        (tmp_path / 'site' / 'sitecustomize.py').write_text(HIDE)
        monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(tmp_path / 'site'), str(ROOT)]))
        monkeypatch.setenv('HIDDEN', ' '.join(names))
    return hide


@pytest.fixture
def only(monkeypatch):
    """Of the checks that take seconds, one alone, in this process."""
    def only(probe: probes.Probe) -> None:
        monkeypatch.setattr(checkup, '_probe', lambda group, folder: probe(folder)
                            if group == 'training' else iter(()))
    return only


def test_here_nothing_is_broken_and_nothing_is_left_behind(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(checkup, 'PROBE_SECONDS', 600)               # this machine may be busy
    monkeypatch.chdir(tmp_path)
    status, printed = doctor(capsys)
    assert status == 0 and f'{torch.__version__}' in printed
    assert all(patch in printed for patch in compat.applied_patches())
    tried = [line.split()[1] for line in printed.splitlines() if line.startswith(OK)]
    assert {'video', 'distributed', 'generator', 'store', 'recognizer'} <= {*tried}
    assert not list(tmp_path.iterdir())


# The eight set-ups that users have had.

def test_no_decoder(hide, tmp_path):
    hide('av')
    findings = [*checkup._probe('decoders', tmp_path)]
    assert state_in(iter(findings), 'video') == BROKEN
    assert state_in(iter(findings), 'pictures') == OK               # what follows is looked at


@pytest.mark.parametrize('free, expected', [(0.2e9, BROKEN), (2e9, NOTE), (9e9, OK)])
def test_no_space(monkeypatch, capsys, no_import, free, expected):
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: namedtuple('usage', 'free')(free))
    assert state('disk') == expected
    if expected == BROKEN:
        assert '0.2 GB' in broken(capsys, 'disk')


def test_no_space_that_only_writing_shows(tmp_path):
    # in a process of its own: no file may grow, and the output of this one may be a file
    program = """
import resource, sys
from lddm_aug.commands import checkup
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for found in checkup.checkup(sys.argv[1]):
    print(found.subject, found.state, sep='=')
"""
    result = subprocess.run([sys.executable, '-c', program, str(tmp_path)], capture_output=True,
                            text=True, check=False)
    assert f'disk={BROKEN}' in result.stdout.splitlines(), result.stderr


def test_wrong_torch_by_its_version(monkeypatch, capsys, no_import, tmp_path):
    (tmp_path / 'torch-2.1.0.dist-info').mkdir()
    (tmp_path / 'torch-2.1.0.dist-info' / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: torch\nVersion: 2.1.0\n')
    monkeypatch.syspath_prepend(tmp_path)
    [needed] = [text for text in requires('lddm-aug') if text.startswith('torch>')]
    # torchvision has its own say in that
    findings = {each.subject: each for each in checkup.checkup('.') if each.state == BROKEN}
    assert {*findings} == {'torch', 'torchvision'}
    assert findings['torch'].advice == f"pip install '{needed}'"
    assert '2.1.0' in findings['torchvision'].text


@pytest.mark.parametrize('code', ['raise OSError("libcudart.so.11: cannot open")',
                                  'import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
                                  'import time; time.sleep(600)'])
def test_wrong_torch_by_importing_it_even_if_it_kills_python_or_hangs(monkeypatch, tmp_path, code):
    (tmp_path / 'torch.py').write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(checkup, 'PROBE_SECONDS', 2 if 'sleep' in code else 120)
    [finding] = checkup._probe('training', tmp_path)
    assert (finding.state, finding.subject) == (BROKEN, 'PyTorch') and finding.advice
    assert 'libcudart' in finding.text or 'OSError' not in code


@pytest.mark.parametrize('versions, expected', [
    ({'mmcv': '', 'mmcv-lite': ''}, BROKEN), ({'mmcv': '2.1.0', 'mmcv-lite': '2.1.0'}, BROKEN),
    ({'mmcv': '2.2.0', 'mmcv-lite': ''}, BROKEN), ({'mmcv': '2.1.0', 'mmcv-lite': ''}, OK),
    ({'mmcv': '', 'mmcv-lite': '2.0.1'}, OK)])
def test_no_mmcv_or_a_wrong_one(monkeypatch, capsys, no_import, versions, expected):
    found = checkup._version
    monkeypatch.setattr(checkup, '_version', lambda name: versions.get(name, found(name)))
    assert state('mmcv') == expected
    if expected == BROKEN:
        assert 'install' in broken(capsys, 'mmcv')


def test_gloo_missing(monkeypatch, capsys, only):
    only(probes.look_at_distributed)
    assert state('distributed') == OK
    monkeypatch.setattr(torch.distributed, 'is_gloo_available', lambda: False)
    assert 'gloo' in broken(capsys, 'distributed')


def test_read_only_folder(capsys, no_import, tmp_path):
    (tmp_path / 'file').touch()
    assert state('work dir', tmp_path / 'new' / 'folder') == OK
    assert state('work dir', tmp_path / 'file' / 'below') == BROKEN
    # where not even root can make a file
    assert '/proc ' in broken(capsys, 'work dir', '--work-dir', '/proc/work_dirs')


def test_foreign_mmaction(monkeypatch, capsys, no_import, tmp_path):
    assert state('mmaction') == OK
    (tmp_path / 'mmaction').mkdir()
    (tmp_path / 'mmaction' / '__init__.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'mmaction')
    assert str(tmp_path / 'mmaction') in broken(capsys, 'mmaction')
    (tmp_path / 'mmaction' / 'version.py').write_text("__version__ = '0.24.1'\n")
    assert '0.24.1' in broken(capsys, 'mmaction')


def test_no_configs(monkeypatch, capsys, only, tmp_path):
    only(probes.look_at_configs)
    assert state('configs') == OK
    monkeypatch.setattr(configs, 'PACKAGE', tmp_path)
    assert str(tmp_path) in broken(capsys, 'configs')


# What doctor itself needs.

def test_doctor_needs_none_of_what_may_be_missing(hide, tmp_path):
    hide('torch', 'torchvision', 'numpy', 'mmengine', 'mmaction', 'mmcv', 'av', 'cv2', 'decord',
         'pydicom', 'packaging', 'diffusers')
    done = subprocess.run([sys.executable, '-m', 'lddm_aug_command', 'doctor', '--json'],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stderr
    missing = {each['subject'] for each in json.loads(done.stdout) if each['state'] == BROKEN}
    assert missing == {'versions', 'mmaction', 'video', 'pictures', 'PyTorch'}


def test_a_package_that_is_missing_is_broken_and_named(capsys, monkeypatch, no_import):
    found = checkup._version
    monkeypatch.setattr(checkup, '_version', lambda name: '' if name == 'zuko' else found(name))
    assert 'zuko' in broken(capsys, 'zuko')


def test_what_is_optional_is_no_fault(monkeypatch, hide, no_import, tmp_path):
    monkeypatch.setattr(checkup, 'missing_modules', lambda extra: ['gdcm'])
    assert state('[dicom]') == NOTE
    monkeypatch.undo()
    hide('decord', 'pydicom')
    findings = {each.subject: each.state for each in checkup._probe('decoders', tmp_path)}
    assert findings == dict(video=OK, pictures=OK, decord=NOTE, DICOM=NOTE)


def test_a_failing_self_test_is_broken_and_the_others_go_on(monkeypatch, capfd, tmp_path):
    def fail(_: Path) -> Iterator[Finding]:
        raise ValueError('no clip')
        yield
    monkeypatch.setattr(probes, 'groups', lambda register: {'training': {
        'generator': fail, 'recognizer': lambda _: iter([Finding(OK, 'recognizer', 'steps')])}})
    monkeypatch.setattr(probes.os, 'dup2', lambda *_: None)         # of this process
    probes.main('training', str(tmp_path), lambda: None)
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert lines[0] == 'generator' and lines[1]['state'] == BROKEN
    assert 'no clip' in lines[1]['text'] and lines[3]['state'] == OK
