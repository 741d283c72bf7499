"""What this machine and this environment have of what a training needs.

Nothing that may be missing is imported here, so that its absence can be told.  What has to be
imported to be known, `probes.py` looks at, in processes of its own: a broken library may end one.
"""
from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from lddm_aug.extras import MODULES, missing_modules

OK, NOTE, BROKEN = 'ok', 'note', 'BROKEN'
OPTIONAL = ('decord',)                               # for MMAction2's pipelines, not for ours
SMALL_DISK_GB, FULL_DISK_GB = 5, 1                   # what a demo and a training may write
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)     # of a disk, a quota and a limit of a process
WRITTEN = bytes(2 ** 20)
SMALL_MEMORY_GB = 6                                  # the demo's peak, and some to spare
PROBE_SECONDS = 120                                  # a busy machine imports for half of them
PROBE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from lddm_aug_command import announce_package
register = announce_package()
from lddm_aug.commands import probes
probes.main(sys.argv[2], sys.argv[3], register)
"""


@dataclass(frozen=True)
class Finding:
    """One line of a checkup.

    Attributes:
        state: OK, NOTE for what a training can do without, or BROKEN.
        advice: what to do; blank where nothing is to be done.
    """
    state: str
    subject: str
    text: str
    advice: str = ''

    def __str__(self) -> str:
        return f'{self.state:6}  {self.subject:13} {self.text}' + (
            f'\n{"":6}  {"":13} → {self.advice}' if self.advice else '')


def checkup(work_dir: str | Path) -> Iterator[Finding]:
    """Look at everything, the quickest first.

    Args:
        work_dir: where trainings shall write.
    """
    yield _python()
    yield from _packages()
    yield _mmcv()
    yield _opencv()
    yield from _mmaction()
    yield from _extras()
    folder = _existing(Path(work_dir))
    yield from _folder(Path(work_dir), folder)
    yield _memory()
    for group in ('decoders', 'training'):
        yield from _probe(group, folder)


def _python() -> Finding:
    text = f'{platform.python_version()} on {platform.platform()}'
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        return Finding(OK, 'Python', text)
    return Finding(BROKEN, 'Python', text, 'take Python 3.10 to 3.12, which MMAction2 works with')


def _packages() -> Iterator[Finding]:
    """What lddm-aug requires, and what torchvision requires of PyTorch."""
    try:
        from packaging.requirements import Requirement

        required = [Requirement(text) for text in requires('lddm-aug') or ()]
        by_vision = [Requirement(text) for text in requires('torchvision') or ()] if (
            _version('torchvision')) else []
    except ImportError as error:                     # of packaging, or lddm-aug is not installed
        yield Finding(BROKEN, 'versions', f'cannot be compared: {error}',
                      'pip install lddm-aug packaging')
        return
    for requirement in required:
        name, found = requirement.name, _version(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({'extra': ''}):
            continue
        if not found:
            yield Finding(NOTE if name in OPTIONAL else BROKEN, name, 'is missing',
                          f"pip install '{name}{requirement.specifier}'")
        elif not requirement.specifier.contains(found, prereleases=True):
            yield Finding(BROKEN, name, f'{found}, but lddm-aug needs {requirement.specifier}',
                          f"pip install '{name}{requirement.specifier}'")
        else:
            yield Finding(OK, name, found)
    for requirement in by_vision:
        found = _version(requirement.name)
        if requirement.name == 'torch' and found and not requirement.specifier.contains(
                found, prereleases=True):
            yield Finding(BROKEN, 'torchvision', f'was built for torch{requirement.specifier}, but '
                          f'torch {found} is installed', 'install both at once: pip install '
                          '--upgrade torch torchvision')


def _mmcv() -> Finding:
    full, light = _version('mmcv'), _version('mmcv-lite')
    install = "pip install 'lddm-aug[lite]', or a full mmcv from 2.0.0 to 2.1"
    if full and light:
        return Finding(BROKEN, 'mmcv', f'both mmcv {full} and mmcv-lite {light} are installed, and '
                       'each overwrites the other', 'pip uninstall both, then install one')
    if not full and not light:
        return Finding(BROKEN, 'mmcv', 'is missing', install)
    if not re.match(r'2\.[01]\.', full or light):
        return Finding(BROKEN, 'mmcv', f'{full or light}, but MMAction2 needs 2.0.0 to 2.1',
                       install)
    return Finding(OK, 'mmcv', f'{full}, with its operators' if full else
                   f'{light}, the light one: all that lddm-aug needs')


def _opencv() -> Finding:
    found = {name: _version(name) for name in ('opencv-python', 'opencv-contrib-python')}
    text = ', '.join(f'{name} {number or "missing"}' for name, number in found.items())
    if len(set(found.values())) == 1:
        return Finding(OK, 'OpenCV', text)
    return Finding(NOTE, 'OpenCV', text, 'both write into one folder: install the same version of '
                                         'each')


def _mmaction() -> Iterator[Finding]:
    """Whether `import mmaction` finds the MMAction2 that is installed."""
    wanted, spec = _version('mmaction2'), find_spec('mmaction')
    if not wanted and spec is None:
        return                                       # missing, which was said
    origin = spec.origin if spec else None
    folder = Path(origin).parent if origin else None
    found = _version_in(folder) if folder else ''
    if wanted and found == wanted:
        yield Finding(OK, 'mmaction', f'is imported from {folder}')
        return
    yield Finding(BROKEN, 'mmaction', f'{folder or "nothing"} is imported as mmaction, which is '
                  f'{f"version {found}" if found else "no MMAction2"}, not MMAction2 '
                  f'{wanted or "1.2.0"}',
                  'take it off PYTHONPATH and out of the folder in which you start, or pip '
                  'uninstall mmaction; then pip install mmaction2==1.2.0')


def _version_in(folder: Path) -> str:
    """What an mmaction/version.py says, which isn't run for it; blank where there is none."""
    try:
        text = (folder / 'version.py').read_text(encoding='utf-8')
    except (OSError, ValueError):
        return ''
    found = re.search(r"""^__version__ = ['"]([^'"]+)""", text, re.MULTILINE)
    return found[1] if found else ''


def _extras() -> Iterator[Finding]:
    for extra in MODULES:
        missing = missing_modules(extra)
        yield (Finding(NOTE, f'[{extra}]', f'without {", ".join(missing)}',
                       f"where it is needed: pip install 'lddm-aug[{extra}]'") if missing else
               Finding(OK, f'[{extra}]', 'is installed'))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


def _folder(work_dir: Path, above: Path) -> Iterator[Finding]:
    advice = 'go to a folder of your own, or give the commands another --work-dir'
    free = shutil.disk_usage(above).free / 1e9
    full, text = free < FULL_DISK_GB, f'only {free:.1f} GB are free there'
    try:
        with tempfile.TemporaryFile(dir=above) as file:
            file.write(WRITTEN)
        yield Finding(OK, 'work dir', f'{work_dir.absolute()} can be written')
    except OSError as error:
        if error.errno in FULL:
            full, text = True, f'{above} takes no more ({error.strerror}; {free:.1f} GB are free)'
        else:
            yield Finding(BROKEN, 'work dir', f'{above} cannot be written ({error.strerror})',
                          advice)
            return
    leave = f'delete what is not needed, or {advice}; leave {SMALL_DISK_GB} GB for checkpoints ' \
            'and clips'
    yield (Finding(BROKEN, 'disk', text, leave) if full else
           Finding(NOTE, 'disk', text, leave) if free < SMALL_DISK_GB else
           Finding(OK, 'disk', f'{free:.0f} GB are free there'))


def _memory() -> Finding:
    total = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9
    if total >= SMALL_MEMORY_GB:
        return Finding(OK, 'memory', f'{total:.0f} GB')
    return Finding(NOTE, 'memory', f'only {total:.1f} GB', 'take small batches')


def _probe(group: str, folder: Path) -> Iterator[Finding]:
    """What a group of `probes.py` finds, and where its process ended if it did."""
    begun = group
    try:
        done = subprocess.run(
            [sys.executable, '-c', PROBE, json.dumps(sys.path), group, str(folder)],
            capture_output=True, timeout=PROBE_SECONDS)
        lines, status, said = done.stdout, done.returncode, done.stderr
    except subprocess.TimeoutExpired as expired:
        lines, status, said = expired.stdout or b'', None, b''
    for line in lines.splitlines():
        found = json.loads(line)
        if isinstance(found, str):
            begun = found
        else:
            yield Finding(**found)
    if status is None:
        yield Finding(BROKEN, begun, f'was not done when {PROBE_SECONDS} s were over',
                      'call it again when the machine is idle; report it if it ends here again')
    elif status:
        last = (said.decode(errors='replace').strip().splitlines()
                or ['it ended without a message'])[-1]
        how = f'signal {-status}' if status < 0 else f'status {status}'
        yield Finding(BROKEN, begun, f'ended Python with {how}: {last}',
                      'install again the package that is named, or that was looked at')


def _version(name: str) -> str:
    """Of an installed distribution; blank where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ''
