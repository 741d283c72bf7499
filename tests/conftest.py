"""What the tests of several subpackages share.

Small videos, stills and tables of them, in every form that the readers know; the smallest
generator that draws, moves and depends on all; the state dict of an I3D; a tab of a browser.
"""
from __future__ import annotations

import base64
import csv
import gc
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import cv2
import numpy as np
import pytest
import torch
from mmaction.registry import MODELS

import lddm_aug  # noqa: F401  registers the generators
from lddm_aug import configs, locks
from lddm_aug.configs import VARIABLES
from lddm_aug.generators.lddm import LDDMGenerator

for name in VARIABLES:                               # what a developer has chosen is not tested
    os.environ.pop(name, None)
CLASSES = ('benign', 'malignant')


def _grey_levels(count: int, height: int = 16, width: int = 16) -> np.ndarray:
    """(T, H, W) frames that tell their number: frame t is grey level 2t."""
    frames = np.zeros((count, height, width), np.uint8)
    return frames + 2 * np.arange(count, dtype=np.uint8)[:, None, None]


def _write_mp4(path: Path, frames: np.ndarray) -> Path:
    """(T, H, W) or (T, H, W, 3) → mp4."""
    colour = frames.ndim == 4
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25,
                             frames.shape[2:0:-1], isColor=True)
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR if colour else cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def _numbered(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """(T, H, W, 3) frames that tell their number in seven black or white stripes."""
    frames = np.full((count, height, width, 3), 128, np.uint8)
    stripe = width // 8
    for number, bit in np.ndindex(count, 7):
        frames[number, :, bit * stripe:(bit + 1) * stripe] = 235 if number >> bit & 1 else 20
    return frames


def _numbers(frames: np.ndarray) -> list[int]:
    """What numbered frames tell, after compression and in any size."""
    stripe = frames.shape[2] / 8
    middles = [round((bit + 0.5) * stripe) for bit in range(7)]
    row = frames[:, frames.shape[1] // 2].reshape(len(frames), frames.shape[2], -1).mean(-1)
    return ((row[:, middles] > 128) @ (1 << np.arange(7))).tolist()


def _write_video(path: Path | BinaryIO, codec: str, frames: np.ndarray, pixels: str = 'yuv420p',
                 times: Sequence[int] = (), rate: int = 25, shape: Fraction | None = None,
                 form: str | None = None, container: Mapping[str, str] | None = None,
                 **options: str) -> Path | BinaryIO:
    """(T, H, W, 3 or 4) → a video by PyAV.

    Args:
        times: of the frames in 1 / `rate` seconds, where they aren't evenly spaced.
        shape: width : height of a pixel.
        form: of the container, where the name doesn't tell.
        container, options: of the container and the codec.
    """
    with av.open(path if hasattr(path, 'write') else str(path), 'w', format=form,
                 options=dict(container or {})) as opened:
        stream = opened.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.options = pixels, options
        if shape:
            stream.codec_context.sample_aspect_ratio = shape
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(
                frame, format='rgba' if frame.shape[-1] == 4 else 'rgb24')
            if len(times):
                picture.pts, picture.time_base = int(times[number]), Fraction(1, rate)
            opened.mux(stream.encode(picture))
        opened.mux(stream.encode())
    return path


def _write_table(path: Path, rows: Sequence[Sequence[object]],
                columns: Sequence[str] = ('path', 'label', 'group')) -> str:
    with path.open('w', newline='') as file:
        csv.writer(file).writerows([columns, *rows])
    return str(path)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--rows', type=Path, metavar='JSON',
                     help='put what tests count in into this file, as docs/results/scale.json')


@pytest.fixture
def count_in(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """count_in(what, unit, value, tried=1): make the test a part of a row of `--rows`.

    Tests that name the same `what` make one row.  Its value is the largest number that they give,
    or how many of them 'failed' or 'passed', or the 'share' that passed.  `{}` in a unit is their
    number.
    """
    def count(what: str, unit: str, value: float | str, tried: int = 1) -> None:
        record_property('row', dict(what=what, unit=unit, value=value, tried=tried))
    return count


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the rows, also of tests in other processes, whose reports come here."""
    file = config.getoption('rows')
    if file is None:
        return
    from lddm_aug.result_rows import put_rows

    tests: dict[str, list[tuple[dict[str, Any], bool]]] = {}
    for outcome in ('passed', 'failed'):
        for report in terminalreporter.getreports(outcome):
            for row in [value for name, value in report.user_properties if name == 'row']:
                tests.setdefault(row['what'], []).append((row, outcome == 'failed'))
    command = shlex.join(['python', '-m', 'pytest', *config.invocation_params.args])
    put_rows(file, [_row_of(parts) | dict(command=command) for parts in tests.values()])


def _row_of(tests: Sequence[tuple[Mapping[str, Any], bool]]) -> dict[str, Any]:
    """One row of what several tests count in, and whether they failed."""
    failed = sum(has_failed for _, has_failed in tests)
    value = tests[0][0]['value']
    if not isinstance(value, str):
        value = max(row['value'] for row, _ in tests)
    else:
        value = {'failed': failed, 'passed': len(tests) - failed,
                 'share': 1 - failed / len(tests)}[value]
    return dict(what=tests[0][0]['what'], tried=sum(row['tried'] for row, _ in tests),
                failed=failed, value=value, unit=tests[0][0]['unit'].format(len(tests)))


@pytest.fixture(autouse=True)
def _no_choice_stays() -> Iterator[None]:
    """A command sets environment variables for its process, which here runs other tests, too."""
    with configs.environment({name: os.environ.get(name) for name in VARIABLES}):
        yield


@pytest.fixture
def one_rank_ends() -> Callable[[], AbstractContextManager[None]]:
    """with one_rank_ends(): ends with the process group; DDP must be gone.

    A DDP that outlives its group waits for a thread that may wait for the interpreter.
    """
    @contextmanager
    def ends() -> Iterator[None]:
        try:
            yield
        finally:
            gc.collect()
            torch.distributed.destroy_process_group()
    return ends


@pytest.fixture
def grey_levels() -> Callable[..., np.ndarray]:
    return _grey_levels


@pytest.fixture
def write_mp4() -> Callable[..., Path]:
    return _write_mp4


@pytest.fixture(scope='session')
def numbered() -> Callable[..., np.ndarray]:
    return _numbered


@pytest.fixture(scope='session')
def numbers() -> Callable[[np.ndarray], list[int]]:
    return _numbers


@pytest.fixture(scope='session')
def write_video() -> Callable[..., Any]:
    return _write_video


@pytest.fixture
def write_table() -> Callable[..., str]:
    return _write_table


@pytest.fixture
def videos(tmp_path: Path) -> str:
    """Table of four videos, two of each class: mp4, npy and a folder of frames."""
    _write_mp4(tmp_path / 'a (1).mp4', _grey_levels(20))
    np.save(tmp_path / 'b.npy', _grey_levels(48))
    np.save(tmp_path / 'c.npy', _grey_levels(60))
    (tmp_path / 'd').mkdir()
    for number, frame in enumerate(_grey_levels(18)):
        cv2.imwrite(str(tmp_path / 'd' / f'{number}.png'), frame)
    return _write_table(tmp_path / 'videos.csv', [
        ('a (1).mp4', 'benign', 'p1', 'train'), ('b.npy', 'benign', 'p2', 'train'),
        ('c.npy', 'malignant', 'p3', 'train'), ('d', 'malignant', 'p4', 'test')],
        columns=('path', 'label', 'group', 'split'))


@pytest.fixture
def stills(tmp_path: Path) -> str:
    """Table of five stills, two benign and three malignant; the last is a frame of a video."""
    for number in range(4):
        cv2.imwrite(str(tmp_path / f's ({number}).png'),
                    np.full((20, 16), 10 * number, np.uint8))
    np.save(tmp_path / 'sweep.npy', _grey_levels(9))
    rows = [(f's ({number}).png', CLASSES[number // 2], f'q{number}', '') for number in range(4)]
    return _write_table(tmp_path / 'stills.csv', [*rows, ('sweep.npy', 'malignant', 'q4', 7)],
                       columns=('path', 'label', 'group', 'frame'))


ROOT = Path(__file__).parents[1]


@pytest.fixture
def tiny_lddm() -> LDDMGenerator:
    """Random weights, the same in every test; 16 × 16 pixels, 8 frames, 3 steps."""
    return _tiny({})


@pytest.fixture
def tiny_conditional_lddm() -> LDDMGenerator:
    """The same, conditional on the classes benign and malignant."""
    return _tiny({'label': ['benign', 'malignant']})


def _tiny(conditions: dict[str, list[str]]) -> LDDMGenerator:
    autoencoder = {'type': 'VideoAutoencoder', 'latent_channels': 4, 'encoder': {'width': 8},
                   'decoder': {'widths': [8, 8, 8]}}
    denoiser = {'still_widths': [8, 8, 8], 'width': 16, 'depth': 1, 'heads': 2}
    diffusion = {'type': 'LatentDiffusion', 'autoencoder': autoencoder, 'denoiser': denoiser,
                 'conditions': conditions}
    generator = MODELS.build({'type': 'LDDMGenerator', 'diffusion': diffusion, 'size': 16,
                              'num_frames': 8, 'steps': 3})
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in generator.parameters():
            weight.normal_(std=0.1, generator=random)
    return generator


@pytest.fixture(scope='session')
def i3d_state() -> dict[str, torch.Tensor]:
    """What the published state dict of an I3D holds (hassony2's model_rgb.pth), of 7 classes."""
    found: dict[str, tuple[int, ...]] = {}

    def unit(name: str, before: int, after: int, kernel: int) -> None:
        found[f'{name}.conv3d.weight'] = (after, before, kernel, kernel, kernel)
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            found[f'{name}.batch3d.{part}'] = (after,)
        found[f'{name}.batch3d.num_batches_tracked'] = ()

    unit('conv3d_1a_7x7', 3, 64, 7)
    unit('conv3d_2b_1x1', 64, 64, 1)
    unit('conv3d_2c_3x3', 64, 192, 3)
    for name, before, a, b, c, d, e, f in (
            ('3b', 192, 64, 96, 128, 16, 32, 32), ('3c', 256, 128, 128, 192, 32, 96, 64),
            ('4b', 480, 192, 96, 208, 16, 48, 64), ('4c', 512, 160, 112, 224, 24, 64, 64),
            ('4d', 512, 128, 128, 256, 24, 64, 64), ('4e', 512, 112, 144, 288, 32, 64, 64),
            ('4f', 528, 256, 160, 320, 32, 128, 128), ('5b', 832, 256, 160, 320, 32, 128, 128),
            ('5c', 832, 384, 192, 384, 48, 128, 128)):
        unit(f'mixed_{name}.branch_0', before, a, 1)
        unit(f'mixed_{name}.branch_1.0', before, b, 1)
        unit(f'mixed_{name}.branch_1.1', b, c, 3)
        unit(f'mixed_{name}.branch_2.0', before, d, 1)
        unit(f'mixed_{name}.branch_2.1', d, e, 3)
        unit(f'mixed_{name}.branch_3.1', before, f, 1)
    found['conv3d_0c_1x1.conv3d.weight'] = (7, 1024, 1, 1, 1)
    found['conv3d_0c_1x1.conv3d.bias'] = (7,)
    torch.manual_seed(0)
    # centred, so that batch norms and ReLUs have something to do
    return {name: (torch.rand(shape) if 'var' in name else torch.randn(shape)) * 0.1
            if shape else torch.tensor(0) for name, shape in found.items()}


CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))),
                None)
DROP = """([name, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name));
    return dropped;
}"""


class Tab:
    """A tab of the browser, and what it asked for and complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.set_default_timeout(120_000)            # on a machine that does much else
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on('request', lambda request: self.requests.append(request.url))
        page.on('pageerror', lambda error: self.complaints.append(str(error)))
        page.on('console', lambda message: message.type == 'error'
                and 'status of 400' not in message.text and self.complaints.append(message.text))

    def drop(self, name: str, content: bytes) -> None:
        dropped = self.page.evaluate_handle(DROP, [name, base64.b64encode(content).decode()])
        self.page.dispatch_event('#drop', 'drop', dict(dataTransfer=dropped))

    def stayed_at(self, address: str) -> bool:
        return all(url.startswith((address, 'data:')) for url in self.requests)


@pytest.fixture
def tab() -> Iterator[Tab]:
    playwright = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    if CHROMIUM is None:
        pytest.skip('there is no Chromium on this machine')
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM)
        yield Tab(browser.new_page())
        browser.close()


@pytest.fixture(scope='session')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of the sdist."""
    folder = tmp_path_factory.mktemp('dist')
    _run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', str(folder)], ROOT)
    [file] = folder.glob('*.whl')
    return file


@pytest.fixture(scope='session')
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin/ of an environment with the wheel, without this checkout on its path.

    The packages that the wheel needs are those of the running environment, behind the wheel's own.
    """
    folder = tmp_path_factory.mktemp('environment')
    _run([sys.executable, '-m', 'venv', '--without-pip', str(folder)], ROOT)
    _run([sys.executable, '-m', 'pip', '--python', str(folder / 'bin/python'), 'install',
          '--no-deps', '--no-index', '--quiet', str(wheel)], folder)
    [own] = folder.glob('lib/python*/site-packages')
    # of a folder that is named in a .pth file, the .pth files aren't read: no editable install
    (own / 'needed.pth').write_text(f'{sysconfig.get_path("purelib")}\n')
    return folder / 'bin'


def _run(command: list[str], folder: Path) -> None:
    """The exit status must be 0; what the command printed tells why it isn't."""
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True, env=_no_checkout())
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.fixture(scope='session')
def installed(environment: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """installed(folder, 'lddm-aug', 'train', ...) → what a program of its bin/ did in a folder."""
    def call(folder: Path, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(environment / program), *map(str, arguments)], cwd=folder, text=True,
            capture_output=True, timeout=900, env=_no_checkout() | {'OMP_NUM_THREADS': '1'})
    return call


@pytest.fixture
def held(monkeypatch) -> Callable[[Path], AbstractContextManager[None]]:
    """held(folder) → while it is open, another process writes into the folder, and is killed."""
    @contextmanager
    def hold(folder: Path) -> Iterator[None]:
        monkeypatch.setattr(locks, 'SECONDS', 0.1)
        program = ('import sys, filelock\nwith filelock.FileLock(sys.argv[1]):\n'
                   '    print("held", flush=True)\n    sys.stdin.read()')
        with subprocess.Popen([sys.executable, '-c', program, folder.with_name(
                f'.{folder.name}.lock')], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True) as holder:
            assert holder.stdout and holder.stdout.readline() == 'held\n'
            try:
                yield
            finally:
                holder.kill()
    return hold


def _no_checkout() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
