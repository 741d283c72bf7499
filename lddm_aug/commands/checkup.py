"""What this machine and this environment have of what a training needs."""
from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lddm_aug.extras import MODULES, missing_modules

OK, NOTE, BROKEN = 'ok', 'note', 'BROKEN'
PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmaction2', 'numpy', 'diffusers', 'zuko', 'av')
DECODERS = ('h264', 'hevc', 'mpeg4', 'mpeg2video', 'mjpeg', 'vp9', 'wmv2')
SMALL_DISK_GB = 5                                    # a generator's checkpoints and a store's clips
SMALL_MEMORY_GB = 6                                  # the demo's peak, and some to spare
IMPORT = ('import json, lddm_aug; from lddm_aug import compat; '
          'print(json.dumps([lddm_aug.__version__, compat.applied_patches()]))')


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
    yield from _extras()
    yield from _folder(Path(work_dir))
    yield _memory()
    yield from _processor()
    yield from _decoders()
    yield from _own_parts()


def _python() -> Finding:
    text = f'{platform.python_version()} on {platform.platform()}'
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        return Finding(OK, 'Python', text)
    return Finding(BROKEN, 'Python', text, 'take Python 3.10 to 3.12, which MMAction2 works with')


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        found = _version(name)
        yield (Finding(OK, name, found) if found else
               Finding(BROKEN, name, 'is missing', f'pip install {name}, or lddm-aug again'))


def _mmcv() -> Finding:
    full, light = _version('mmcv'), _version('mmcv-lite')
    if full and light:
        return Finding(BROKEN, 'mmcv', f'both mmcv {full} and mmcv-lite {light} are installed, and '
                       'each overwrites the other', 'pip uninstall both, then install one')
    if full or light:
        return Finding(OK, 'mmcv', f'{full}, with its operators' if full else
                       f'{light}, the light one: all that lddm-aug needs')
    return Finding(BROKEN, 'mmcv', 'is missing', "pip install 'lddm-aug[lite]', or a full mmcv "
                                                 'from 2.0.0 to 2.1')


def _opencv() -> Finding:
    found = {name: _version(name) for name in ('opencv-python', 'opencv-contrib-python')}
    text = ', '.join(f'{name} {number or "missing"}' for name, number in found.items())
    if len(set(found.values())) == 1:
        return Finding(OK, 'OpenCV', text)
    return Finding(NOTE, 'OpenCV', text, 'both write into one folder: install the same version of '
                                         'each')


def _extras() -> Iterator[Finding]:
    for extra in MODULES:
        missing = missing_modules(extra)
        yield (Finding(NOTE, f'[{extra}]', f'without {", ".join(missing)}',
                       f"where it is needed: pip install 'lddm-aug[{extra}]'") if missing else
               Finding(OK, f'[{extra}]', 'is installed'))


def _folder(work_dir: Path) -> Iterator[Finding]:
    above = next(folder for folder in (work_dir.absolute(), *work_dir.absolute().parents)
                 if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=above):
            yield Finding(OK, 'work dir', f'{work_dir.absolute()} can be written')
    except OSError as error:
        yield Finding(BROKEN, 'work dir', f'{above} cannot be written ({error.strerror})',
                      'go to a folder of your own, or give the commands another --work-dir')
    free = shutil.disk_usage(above).free / 1e9
    yield (Finding(OK, 'disk', f'{free:.0f} GB are free there') if free >= SMALL_DISK_GB else
           Finding(NOTE, 'disk', f'only {free:.1f} GB are free there',
                   f'leave {SMALL_DISK_GB} GB for checkpoints and clips'))


def _memory() -> Finding:
    total = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9
    if total >= SMALL_MEMORY_GB:
        return Finding(OK, 'memory', f'{total:.0f} GB')
    return Finding(NOTE, 'memory', f'only {total:.1f} GB', 'take small batches')


def _processor() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:                       # a library that can't be loaded, too
        yield Finding(BROKEN, 'PyTorch', f'cannot be imported: {error}', 'install it again')
        return
    yield Finding(OK, 'processor',
                  f'{platform.machine()}, {os.cpu_count()} cores, PyTorch uses '
                  f'{torch.get_num_threads()} threads and '
                  f'{torch.backends.cpu.get_cpu_capability()}; bfloat16 '
                  f'{"yes" if torch.cpu._is_avx512_bf16_supported() else "no"}')
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield Finding(OK, f'cuda:{index}',
                      f'{properties.name}, {properties.total_memory / 1e9:.0f} GB')
    if not torch.cuda.is_available():
        built = f'built for CUDA {torch.version.cuda}' if torch.version.cuda else 'built without'
        yield Finding(NOTE, 'GPU', f'PyTorch sees none ({built})',
                      'small configs (…_phantom_…) train on the processor; larger ones want a GPU '
                      'and a PyTorch with CUDA')


def _decoders() -> Iterator[Finding]:
    try:
        import av

        _read_back()
    except Exception as error:                       # whatever FFmpeg raises
        yield Finding(BROKEN, 'video', f'PyAV does not decode: {error}', 'pip install av again')
        return
    missing = [name for name in DECODERS if name not in av.codecs_available]
    libraries = '.'.join(map(str, av.library_versions['libavcodec']))
    yield (Finding(NOTE, 'video', f'this FFmpeg (libavcodec {libraries}) has no decoder for '
                   f'{", ".join(missing)}', 'take PyAV from its wheel') if missing else
           Finding(OK, 'video', f'decoded by PyAV, libavcodec {libraries}'))


def _read_back() -> None:
    """Encode and decode a few frames; raises where that fails."""
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, 'w', format='avi') as container:
        stream = container.add_stream('mpeg4', rate=25)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
        container.mux([*stream.encode(frame), *stream.encode()])
    file.seek(0)
    with av.open(file, 'r') as written:
        if not list(written.decode(video=0)):
            raise ValueError('a video of one frame has none when it is read again')


def _own_parts() -> Iterator[Finding]:
    """In a process of its own, since a broken library may end it."""
    done = subprocess.run([sys.executable, '-c', IMPORT], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ['it ended without a message'])[-1]
        yield Finding(BROKEN, 'lddm_aug', f'cannot be imported: {last}',
                      'python -c "import lddm_aug" shows all of it')
        return
    number, patches = json.loads(done.stdout.splitlines()[-1])
    yield Finding(OK, 'lddm_aug', f'{number}, its parts are registered with MMAction2')
    for patch in patches:
        yield Finding(OK, 'patched', patch)
    from lddm_aug.configs import config_names, config_root

    names = config_names()
    yield (Finding(OK, 'configs', f'{len(names)} in {config_root()}') if names else
           Finding(BROKEN, 'configs', f'there are none in {config_root()}',
                   'install lddm-aug again'))


def _version(name: str) -> str:
    """Of an installed distribution; blank where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ''
