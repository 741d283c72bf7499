"""What `lddm-aug doctor` must import to know it; called in a process of its own.

Importing this module imports none of it.  Each group is a list of probes.  A probe yields findings;
what it raises becomes one, and a process that ends in it is known to have ended there.
"""
from __future__ import annotations

import io
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lddm_aug.commands.checkup import BROKEN, NOTE, OK, Finding

Probe = Callable[[Path], Iterator[Finding]]
CODECS = ('h264', 'hevc', 'mpeg4', 'mpeg2video', 'mjpeg', 'vp9', 'wmv2')
SIZE, FRAMES = 16, 8                                 # of the clip that is tried
WHEEL = 'take PyTorch from its wheel: pip install --force-reinstall torch torchvision'
REPORT = 'report it with all of these lines'
CRASH = {                                            # what to do where a probe raises
    'video': 'pip install --force-reinstall av',
    'pictures': 'pip install --force-reinstall opencv-python opencv-contrib-python',
    'PyTorch': WHEEL,
    'distributed': WHEEL,
    'lddm_aug': 'python -c "import lddm_aug" shows all of it; install what it names',
}
NEEDED = ('PyTorch', 'lddm_aug')                     # by all probes after them


def main(group: str, folder: str, register: Callable[[], None]) -> None:
    """Write the findings of a group as lines of JSON, each probe's subject before its own.

    Args:
        folder: a temporary folder for what is tried is made in it, or elsewhere if it can't be.
        register: runs the package.
    """
    # whatever else is printed, by libraries too, goes to standard error
    results = os.fdopen(os.dup(sys.stdout.fileno()), 'w', encoding='utf-8')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def write(value: Any) -> None:
        print(json.dumps(value), file=results, flush=True)

    with _folder_in(Path(folder)) as own:
        for subject, probe in groups(register)[group].items():
            write(subject)
            try:
                for finding in probe(own):
                    write(asdict(finding))
            except Exception as error:               # a library that can't be loaded, too
                lines = str(error).strip().splitlines()
                text = f'{type(error).__name__}: {lines[0] if lines else "no message"}'
                write(asdict(Finding(BROKEN, subject, text, CRASH.get(subject, REPORT))))
                if subject in NEEDED:
                    break


def groups(register: Callable[[], None]) -> dict[str, dict[str, Probe]]:
    """The probes of each group by their subject."""
    return {
        'decoders': {'video': look_at_video, 'pictures': look_at_opencv, 'decord': look_at_decord,
                     'DICOM': look_at_dicom},
        'training': {'PyTorch': look_at_pytorch, 'distributed': look_at_distributed,
                     'lddm_aug': lambda _: look_at_parts(register), 'configs': look_at_configs,
                     'generator': try_generator, 'store': try_store,
                     'recognizer': try_recognizer}}


def look_at_video(_: Path) -> Iterator[Finding]:
    """Whether PyAV encodes and decodes, and which codecs it knows."""
    import av

    written = _write_avi()
    with av.open(written, 'r') as opened:
        if not list(opened.decode(video=0)):
            raise ValueError('a video of one frame has none when it is read again')
    there = [name for name in CODECS if name in av.codecs_available]
    missing = [name for name in CODECS if name not in there]
    libraries = '.'.join(map(str, av.library_versions['libavcodec']))
    text = f'PyAV with libavcodec {libraries} decodes {", ".join(there)}'
    yield (Finding(NOTE, 'video', f'{text}, but not {", ".join(missing)}',
                   'take PyAV from its wheel') if missing else Finding(OK, 'video', text))


def _write_avi() -> io.BytesIO:
    """A video of one black frame."""
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, 'w', format='avi') as container:
        stream = container.add_stream('mpeg4', rate=25)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
        container.mux([*stream.encode(frame), *stream.encode()])
    file.seek(0)
    return file


def look_at_opencv(_: Path) -> Iterator[Finding]:
    """Whether a picture survives being stored as PNG."""
    import cv2
    import numpy as np

    picture = np.arange(256, dtype=np.uint8).reshape(16, 16)
    read = cv2.imdecode(cv2.imencode('.png', picture)[1], cv2.IMREAD_GRAYSCALE)
    if read is None or not np.array_equal(read, picture):
        raise ValueError('a picture is another one when it is read again')
    yield Finding(OK, 'pictures', f'OpenCV {cv2.__version__} writes and reads PNG')


def look_at_decord(_: Path) -> Iterator[Finding]:
    """Only pipelines of MMAction2's own decode by it."""
    try:
        import decord

        frames = len(decord.VideoReader(_write_avi()))
        yield Finding(OK, 'decord', f'{decord.__version__} opens a video of {frames} frame')
    except Exception as error:                       # PyAV's, too
        yield Finding(NOTE, 'decord', f'does not decode: {type(error).__name__}: {error}',
                      "only MMAction2's DecordInit needs it: pip install decord")


def look_at_dicom(_: Path) -> Iterator[Finding]:
    """Which transfer syntaxes pydicom has a decoder for."""
    try:
        from pydicom.pixels import get_decoder
        from pydicom.uid import AllTransferSyntaxes, MPEGTransferSyntaxes
    except ImportError as error:
        yield Finding(NOTE, 'DICOM', f'is not read: {error}', "pip install 'lddm-aug[dicom]'")
        return
    plugins, missing = set(), []
    for syntax in AllTransferSyntaxes:
        try:
            decoder = get_decoder(syntax)
        except NotImplementedError:                  # none for anybody; videos go to PyAV
            continue
        if decoder.is_available:
            plugins |= {*decoder.available_plugins}
        elif syntax not in MPEGTransferSyntaxes:
            missing.append(syntax.name)
    text = f'decoded by {", ".join(sorted(plugins)) or "pydicom alone"}'
    yield (Finding(NOTE, 'DICOM', f'{text}, but not {", ".join(missing)}',
                   "pip install 'lddm-aug[dicom]'") if missing else Finding(OK, 'DICOM', text))


def look_at_pytorch(_: Path) -> Iterator[Finding]:
    """The processor, and every GPU, which adds two numbers."""
    import torch

    yield Finding(OK, 'PyTorch',
                  f'on {platform.machine()}, {os.cpu_count()} cores, with '
                  f'{torch.get_num_threads()} threads and '
                  f'{torch.backends.cpu.get_cpu_capability()}; bfloat16 '
                  f'{"yes" if torch.cpu._is_avx512_bf16_supported() else "no"}')
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        text = f'{properties.name}, {properties.total_memory / 1e9:.0f} GB'
        try:
            total = torch.ones(2, device=f'cuda:{index}').sum().item()
            yield (Finding(OK, f'cuda:{index}', text) if total == 2 else
                   Finding(BROKEN, f'cuda:{index}', f'{text}, computes 1 + 1 = {total:g}', REPORT))
        except RuntimeError as error:
            yield Finding(BROKEN, f'cuda:{index}',
                          f'{text}, does not compute: {str(error).splitlines()[0]}',
                          'install the PyTorch for this GPU and its driver, or hide it by '
                          'CUDA_VISIBLE_DEVICES=')
    if not torch.cuda.is_available():
        built = f'built for CUDA {torch.version.cuda}' if torch.version.cuda else 'built without'
        driver = ', although nvidia-smi is installed' if shutil.which('nvidia-smi') else ''
        yield Finding(NOTE, 'GPU', f'PyTorch sees none ({built}){driver}',
                      'small configs (…_phantom_…) train on the processor; larger ones want a GPU '
                      'and a PyTorch with CUDA')


def look_at_distributed(_: Path) -> Iterator[Finding]:
    """By what the processes of a training can exchange results."""
    from torch import distributed

    known = dict(gloo='is_gloo_available', nccl='is_nccl_available', mpi='is_mpi_available')
    there = [name for name, asked in known.items()
             if distributed.is_available() and getattr(distributed, asked)()]
    missing = [name for name in known if name not in there]
    text = ', '.join(there) or 'no backend'
    if 'gloo' in there:
        yield Finding(OK, 'distributed', f'{text}; without {", ".join(missing) or "none"}')
    else:
        yield Finding(BROKEN, 'distributed', f'{text}, and no gloo, by which processes on '
                                             'processors exchange tensors', WHEEL)


def look_at_parts(register: Callable[[], None]) -> Iterator[Finding]:
    """Whether the package can be imported, and the patches that it applied."""
    start = time.perf_counter()
    register()
    seconds = time.perf_counter() - start
    import lddm_aug
    from lddm_aug import compat

    yield Finding(OK, 'lddm_aug', f'{lddm_aug.__version__} in {Path(lddm_aug.__file__).parent}, '
                                  f'registered with MMAction2 in {seconds:.0f} s')
    for patch in compat.applied_patches():
        yield Finding(OK, 'patched', patch)


def look_at_configs(_: Path) -> Iterator[Finding]:
    """Whether there are any."""
    from lddm_aug.configs import config_names, config_root, part_names

    names = config_names()
    if names and part_names('models'):
        yield Finding(OK, 'configs', f'{len(names)} in {config_root()}')
    else:
        yield Finding(BROKEN, 'configs', f'there are none in {config_root()}',
                      'install lddm-aug again: pip install --force-reinstall --no-deps lddm-aug')


def try_generator(folder: Path) -> Iterator[Finding]:
    """A tiny diffusion with random weights makes a clip and becomes a package."""
    import torch
    from mmaction.registry import MODELS

    from lddm_aug.generators.package import save_package

    with _seconds() as taken:
        autoencoder = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                           decoder=dict(widths=[8, 8, 8]))
        generator = MODELS.build(dict(
            type='LDDMGenerator', size=SIZE, num_frames=FRAMES, steps=2, diffusion=dict(
                type='LatentDiffusion', autoencoder=autoencoder, denoiser=dict(
                    still_widths=[8, 8, 8], width=16, depth=1, heads=2))))
        clip = generator(torch.zeros(1, 1, SIZE, SIZE), [0])
        if clip.shape != (1, 1, FRAMES, SIZE, SIZE) or not clip.isfinite().all():
            raise ValueError(f'a clip of {tuple(clip.shape)} is not what was asked for')
        save_package(folder / 'package', generator, groups=())
    yield Finding(OK, 'generator', f'is built, makes a clip and is saved: {taken()}')


def try_store(folder: Path) -> Iterator[Finding]:
    """A clip is stored and read again, compared with its sha256."""
    import cv2
    import numpy as np

    from lddm_aug.data.annotations import Annotation
    from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
    from lddm_aug.generators.package import load_package
    from lddm_aug.synthesis.synthesize import synthesize

    with _seconds() as taken:
        still, store = folder / 'still.png', folder / 'store'
        if not cv2.imwrite(str(still), np.full((SIZE, SIZE), 128, np.uint8)):
            raise OSError(f'{still} cannot be written')
        synthesize(load_package(folder / 'package'), [Annotation(still, 'a', 'p', None, None, 0)],
                   store, progress=False)
        [sample] = SyntheticClipDataset(str(store), verify=True)
        if sample['array'].shape != (FRAMES, SIZE, SIZE):
            raise ValueError(f'a clip of {sample["array"].shape} is not what was stored')
    yield Finding(OK, 'store', f'a clip is stored and read back: {taken()}')


def try_recognizer(_: Path) -> Iterator[Finding]:
    """A small C3D from the configs takes one step of training."""
    import torch
    from mmaction.registry import MODELS
    from mmaction.structures import ActionDataSample
    from mmengine.config import Config
    from mmengine.optim import OptimWrapper
    from mmengine.registry import DefaultScope

    from lddm_aug.configs import config_root

    with _seconds() as taken, DefaultScope.overwrite_default_scope('mmaction'):
        config = Config.fromfile(config_root() / '_base_' / 'models' / 'c3d_small.py')
        model = MODELS.build(config.model)
        optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-3))
        batch = dict(inputs=[torch.zeros(1, 3, 16, 40, 40, dtype=torch.uint8)] * 2,
                     data_samples=[ActionDataSample().set_gt_label(label) for label in (0, 1)])
        loss = model.train_step(batch, optimizer)['loss'].item()
    if not loss < float('inf'):
        raise ValueError(f'the loss of a step is {loss}')
    yield Finding(OK, 'recognizer', f'takes a step of training: {taken()}')


@contextmanager
def _folder_in(folder: Path) -> Iterator[Path]:
    """A temporary folder there, so that this file system is tried, or where it can be made."""
    try:
        own = tempfile.TemporaryDirectory(dir=folder, prefix='.doctor')
    except OSError:
        own = tempfile.TemporaryDirectory()
    with own as name:
        yield Path(name)


@contextmanager
def _seconds() -> Iterator[Callable[[], str]]:
    """What is returned tells, after the end, how long it took."""
    start = time.perf_counter()
    ends: list[float] = []
    yield lambda: f'{ends[0] - start:.1f} s'
    ends.append(time.perf_counter())
