from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lddm_aug.data.frames import (
    UnreadableFileError,
    count_frames,
    inspect,
    iter_frames,
    letterbox,
    read_frames,
    read_still,
    stack_frames,
    to_channels,
)
from lddm_aug.datasets.transforms.read_video import ReadVideo


def textured(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """(T, H, W, 3): a smooth random pattern that moves to the right."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width + count, 3), np.uint8)
    noise = cv2.GaussianBlur(noise, (0, 0), 4)
    noise = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX)
    return np.stack([noise[:, t:t + width] for t in range(count)])


# ── videos ──

def test_a_video_gives_its_frames_in_order(tmp_path: Path, write_mp4):
    path = write_mp4(tmp_path / 'benign (1).mp4', textured(17))
    read = read_frames(path)
    assert read.shape == (17, 48, 64, 3)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - textured(17)).mean() < 6       # mpeg4 loses a little
    shifted_by_one = np.abs(read[1:].astype(int) - textured(17)[:-1]).mean()
    assert shifted_by_one > 1.5 * np.abs(read[1:].astype(int) - textured(17)[1:]).mean()
    assert count_frames(path) == 17


def test_a_folder_of_frames_is_read_in_natural_order(tmp_path: Path, grey_levels):
    for number, frame in enumerate(grey_levels(12)):
        Image.fromarray(frame).save(tmp_path / f'BR1_{number}.png')
    (tmp_path / 'Thumbs.db').write_bytes(b'-')
    (tmp_path / '._BR1_0.png').write_bytes(b'-')
    np.testing.assert_array_equal(read_frames(tmp_path), grey_levels(12))
    assert count_frames(tmp_path) == 12
    np.testing.assert_array_equal(read_still(tmp_path, 10), grey_levels(12)[10])


@pytest.mark.parametrize('shape', [(5, 8, 9), (5, 8, 9, 3)])
def test_an_array_is_read_as_it_was_saved(tmp_path: Path, shape: tuple[int, ...]):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save(tmp_path / 'a.npy', array)
    read = read_frames(tmp_path / 'a.npy')
    np.testing.assert_array_equal(read, array)
    read[:] = 0                                      # and isn't the file itself
    np.testing.assert_array_equal(read_still(tmp_path / 'a.npy', 3), array[3])
    assert count_frames(tmp_path / 'a.npy') == 5


def test_a_video_that_was_written_anew_is_counted_anew(tmp_path: Path, grey_levels):
    np.save(tmp_path / 'a.npy', grey_levels(20))
    assert count_frames(tmp_path / 'a.npy') == 20
    np.save(tmp_path / 'a.npy', grey_levels(30))
    assert count_frames(tmp_path / 'a.npy') == 30


def test_frame_by_frame_gives_what_reading_all_gives(tmp_path: Path, write_mp4):
    path = write_mp4(tmp_path / 'a.mp4', textured(37))               # more than decoded at once
    np.testing.assert_array_equal(np.stack(list(iter_frames(path))), read_frames(path))


def test_a_video_says_its_frame_rate_and_frames_do_not(tmp_path: Path, write_mp4, grey_levels):
    assert inspect(write_mp4(tmp_path / 'a.mp4', textured(20))) == 25
    np.save(tmp_path / 'a.npy', grey_levels(20))
    Image.new('L', (8, 8)).save(tmp_path / '0.png')
    assert inspect(tmp_path / 'a.npy') is None
    assert inspect(tmp_path / '0.png') is None
    assert inspect(tmp_path) is None


# ── what can't be read ──

@pytest.mark.parametrize('name, form', [
    ('a.png', 'JPEG'), ('a.jpg', 'PNG'), ('a.mp4', 'PNG'), ('a.avi', 'GIF'), ('a.gif', 'PNG')])
def test_what_is_not_what_its_name_says_is_found_out(tmp_path: Path, name: str, form: str):
    Image.new('L', (32, 32)).save(tmp_path / name, form)
    with pytest.raises(UnreadableFileError, match='not what its name says'):
        inspect(tmp_path / name)


def test_frames_that_are_too_large_are_refused_before_they_are_decoded(tmp_path: Path):
    Image.new('1', (10_000, 6_000)).save(tmp_path / 'a.png')
    for read in (inspect, read_still):
        with pytest.raises(UnreadableFileError, match=r'a\.png .*60 million pixels .*25'):
            read(tmp_path / 'a.png')
    np.lib.format.open_memmap(tmp_path / 'a.npy', 'w+', np.uint8, (1, 6_000, 10_000))
    with pytest.raises(UnreadableFileError, match=r'a\.npy .*60 million pixels'):
        inspect(tmp_path / 'a.npy')


@pytest.mark.parametrize('read', [read_frames, count_frames, read_still])
@pytest.mark.parametrize('name', ['a.mp4', 'a.npy', 'a.png'])
def test_an_empty_file_is_unreadable_and_a_missing_one_missing(tmp_path: Path, read, name: str):
    with pytest.raises(FileNotFoundError, match=name):
        read(tmp_path / name)
    (tmp_path / name).touch()
    with pytest.raises(UnreadableFileError, match=f'{name} .*0 bytes'):
        read(tmp_path / name)


@pytest.mark.parametrize('array, found', [
    (np.zeros((5, 8, 9), np.float32), r'\(5, 8, 9\) float32'),
    (np.zeros((8, 9), np.uint8), r'\(8, 9\) uint8'),
    (np.zeros((0, 8, 9), np.uint8), r'\(0, 8, 9\) uint8'),
    (np.zeros((5, 8, 9, 4), np.uint8), r'\(5, 8, 9, 4\) uint8')])
def test_an_array_of_another_form_is_refused(tmp_path: Path, array: np.ndarray, found: str):
    np.save(tmp_path / 'a.npy', array)
    with pytest.raises(UnreadableFileError, match=rf'a\.npy .*{found}'):
        read_frames(tmp_path / 'a.npy')


def test_an_array_never_runs_code(tmp_path: Path):
    np.save(tmp_path / 'a.npy', np.array([{'an': 'object'}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFileError, match=r'a\.npy cannot be read'):
        read_frames(tmp_path / 'a.npy')


def test_an_array_that_is_cut_off_is_unreadable(tmp_path: Path, grey_levels):
    np.save(tmp_path / 'a.npy', grey_levels(20))
    (tmp_path / 'a.npy').write_bytes((tmp_path / 'a.npy').read_bytes()[:-9])
    with pytest.raises(UnreadableFileError, match=r'a\.npy cannot be read as a \.npy array'):
        count_frames(tmp_path / 'a.npy')


def test_a_folder_without_frames_or_with_unequal_ones_is_unreadable(tmp_path: Path):
    with pytest.raises(UnreadableFileError, match=f'{tmp_path.name} .*without frames'):
        read_frames(tmp_path)
    for number in (1, 2):
        Image.new('L', (8, 8 * number)).save(tmp_path / f'{number}.png')
    with pytest.raises(UnreadableFileError, match=r'different shapes: \(8, 8\), \(16, 8\)'):
        read_frames(tmp_path)


def test_a_frame_is_asked_of_videos_only_and_must_exist(tmp_path: Path, grey_levels):
    np.save(tmp_path / 'a.npy', grey_levels(5))
    Image.new('L', (8, 8)).save(tmp_path / 'a.png')
    with pytest.raises(UnreadableFileError, match=r'a\.npy is a video'):
        read_still(tmp_path / 'a.npy')
    with pytest.raises(UnreadableFileError, match=r'a\.png .*no frame 0'):
        read_still(tmp_path / 'a.png', 0)
    with pytest.raises(UnreadableFileError, match=r'a\.npy has no frame 5, .*5 frames'):
        read_still(tmp_path / 'a.npy', 5)


# ── memory and permissions ──

def in_child(work: Callable[[], object]) -> str:
    """What `work` gives, or class and message of what it raises, in a process of its own."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            result = str(work())
        except BaseException as error:
            result = f'{type(error).__name__}: {error}'
        os.write(writing, result.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


def with_memory(megabytes: int, work: Callable[[], object]) -> Callable[[], object]:
    def limited() -> object:
        in_use = int(Path('/proc/self/statm').read_text().split()[0]) * os.sysconf('SC_PAGE_SIZE')
        resource.setrlimit(resource.RLIMIT_AS, (in_use + megabytes * 10 ** 6,) * 2)
        return work()
    return limited


needs_proc = pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='there is no /proc')


@pytest.fixture(scope='module')
def large(tmp_path_factory, write_video) -> Path:
    """100 frames of 768 × 1024 pixels: 236 MB, and far less as a file."""
    picture = np.tile(np.arange(1024).astype(np.uint8)[None, :, None], (768, 1, 3))
    return write_video(tmp_path_factory.mktemp('large') / 'large.mp4', 'mpeg4',
                       np.broadcast_to(picture, (100, *picture.shape)))


@needs_proc
def test_a_large_video_is_fitted_in_the_memory_of_a_few_frames(large: Path):
    read = ReadVideo(size=64)
    assert in_child(with_memory(80, lambda: read(dict(filename=str(large)))['array'].shape)) == (
        '(100, 64, 64, 3)')
    assert in_child(with_memory(80, lambda: count_frames(large))) == '100'
    assert in_child(with_memory(80, lambda: read_still(large, 90).shape)) == '(768, 1024, 3)'


@needs_proc
def test_too_little_memory_is_not_called_damage(large: Path):
    # in a new interpreter: memory that earlier tests freed would do for all frames
    program = """
import os, resource, sys
from lddm_aug.data.frames import read_frames
pages = int(open('/proc/self/statm').read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf('SC_PAGE_SIZE') + 80 * 10 ** 6,) * 2)
try:
    read_frames(sys.argv[1])
except MemoryError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, '-c', program, large], capture_output=True, text=True,
                            check=True)
    assert str(large) in result.stdout


@pytest.mark.parametrize('name', ['a.png', 'a.npy', 'a.mp4', 'a.gif', 'frames'])
def test_what_may_not_be_read_is_not_called_damaged(tmp_path: Path, name: str, write_mp4,
                                                    grey_levels):
    path = tmp_path / name
    if name == 'frames':
        path.mkdir()
        Image.new('L', (8, 8)).save(path / '0.png')
    elif name == 'a.npy':
        np.save(path, grey_levels(20))
    elif name == 'a.mp4':
        write_mp4(path, textured(20))
    else:
        Image.new('L', (8, 8)).save(path)
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)

    def as_somebody(read: Callable[[Path], object]) -> Callable[[], object]:
        def reading() -> object:
            if os.getuid() == 0:                     # who may read everything
                os.setuid(65534)
            return read(path)
        return reading

    for read in (read_frames, count_frames, inspect, lambda path: read_still(path, 0)):
        assert in_child(as_somebody(read)) == (
            f'UnreadableFileError: {path} cannot be read: permission denied')
    path.chmod(0o755)


# ── shapes ──

@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 3)])
def test_stacked_frames_are_those_that_numpy_stacks_and_may_be_written_to(shape):
    frames = np.random.default_rng(0).integers(0, 256, (6, *shape), np.uint8)
    turned = [frame[::-1] for frame in frames]       # which don't lie in memory as they are read
    stacked = stack_frames(iter(turned))
    np.testing.assert_array_equal(stacked, np.stack(turned))
    stacked[:] = 0
    np.testing.assert_array_equal(turned, frames[:, ::-1])


@pytest.mark.parametrize('frames', [[], [np.zeros((4, 6), np.uint8), np.zeros((6, 4), np.uint8)]])
def test_frames_that_make_no_stack_are_refused(frames):
    with pytest.raises(ValueError, match='stack_frames: '):
        stack_frames(frames)


def test_grey_is_the_luma_of_itu_r_601():
    colours = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    luma = colours @ np.array([0.299, 0.587, 0.114])
    for array, expected in ((colours, luma), (colours[0], luma[0])):
        grey = to_channels(array, 1)
        assert grey.shape == expected.shape
        assert np.abs(grey - expected).max() < 0.51
    np.testing.assert_array_equal(to_channels(grey, 3), np.stack([grey] * 3, axis=-1))


def test_what_has_these_channels_already_is_left_alone():
    grey, colour = np.zeros((5, 7), np.uint8), np.zeros((2, 5, 7, 3), np.uint8)
    assert to_channels(grey, 1) is grey
    assert to_channels(colour, 3) is colour
    with pytest.raises(ValueError, match=r'channels .*got 4'):
        to_channels(grey, 4)


@pytest.mark.parametrize('channels', [(), (3,)])
@pytest.mark.parametrize('shape, rows, columns', [
    ((40, 20), slice(0, 10), slice(2, 7)), ((10, 20), slice(2, 7), slice(0, 10)),
    ((5, 5), slice(0, 10), slice(0, 10)), ((3, 5), slice(2, 8), slice(0, 10))])
def test_letterbox_keeps_the_aspect_ratio_and_fills_with_black(channels, shape, rows, columns):
    boxed = letterbox(np.full((2, *shape, *channels), 200, np.uint8), 10)
    expected = np.zeros((2, 10, 10, *channels), np.uint8)
    expected[:, rows, columns] = 200
    np.testing.assert_array_equal(boxed, expected)


def test_letterbox_averages_when_it_shrinks():
    checkers = np.indices((8, 8)).sum(0) % 2 * np.uint8(200)
    np.testing.assert_array_equal(letterbox(checkers.astype(np.uint8), 4), np.full((4, 4), 100))
