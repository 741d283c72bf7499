from __future__ import annotations

import io
import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lddm_aug.data.frames import (
    UnreadableFileError,
    count_frames,
    inspect,
    iter_frames,
    read_frames,
    read_still,
)

COVID_BLUES = Path(__file__).parents[3] / 'shared/data/covid_blues/lus_videos'

IN_FRONT = {'movflags': 'faststart'}                 # the index, so that a cut file opens
VIDEOS = {                                           # how each is written, with B-frames if it can
    'h264.mp4': dict(codec='libx264', bf='3'),
    'front.mp4': dict(codec='libx264', container=IN_FRONT),
    'fragments.mp4': dict(codec='libx264', container={'movflags': 'frag_keyframe+empty_moov'},
                          g='12'),
    'mpeg4.m4v': dict(codec='mpeg4', bf='2', container=IN_FRONT, form='mp4'),
    'prores.mov': dict(codec='prores', pixels='yuv422p10le'),
    'xvid.avi': dict(codec='mpeg4', bf='2'),
    'mjpeg.avi': dict(codec='mjpeg', pixels='yuvj420p'),
    'mpeg1.mpg': dict(codec='mpeg1video', bf='2'),
    'mpeg2.mpeg': dict(codec='mpeg2video', bf='2'),
    'wmv2.wmv': dict(codec='wmv2'),
    'h264.mkv': dict(codec='libx264', bf='3'),
    'ffv1.mkv': dict(codec='ffv1'),
    # with frames that are decoded and not shown
    'vp8.webm': {'codec': 'libvpx', 'auto-alt-ref': '1', 'lag-in-frames': '16'},
    'vp9.webm': {'codec': 'libvpx-vp9', 'auto-alt-ref': '1', 'lag-in-frames': '16',
                 'cpu-used': '8'},
    'h264.ts': dict(codec='libx264', bf='3'),
    'mpeg2.m2ts': dict(codec='mpeg2video', bf='2'),
    'flv1.flv': dict(codec='flv1'),
}
SILENT = {'mpeg1.mpg', 'mpeg2.mpeg', 'h264.ts', 'mpeg2.m2ts', 'flv1.flv'}   # on their lengths


@pytest.fixture(scope='module')
def videos(tmp_path_factory, numbered, write_video) -> Path:
    """40 numbered frames in each of VIDEOS."""
    folder = tmp_path_factory.mktemp('videos')
    for name, how in VIDEOS.items():
        write_video(folder / name, frames=numbered(40), **how)
    return folder


# ── the requested frame ──

@pytest.mark.parametrize('name', VIDEOS)
def test_a_video_gives_its_frames_in_the_order_in_which_they_are_shown(videos, name, numbers):
    assert numbers(read_frames(videos / name)) == list(range(40))
    assert count_frames(videos / name) == 40
    assert inspect(videos / name) == 25


@pytest.mark.parametrize('name', VIDEOS)
def test_a_still_is_the_frame_that_was_asked_for(videos, name, numbers):
    for frame in (0, 1, 2, 17, 30, 39):
        assert numbers(read_still(videos / name, frame)[None]) == [frame]
    with pytest.raises(UnreadableFileError, match=rf'{name} has no frame 40, .*40 frames'):
        read_still(videos / name, 40)


@pytest.mark.parametrize('name, how', [
    ('a.mp4', dict(codec='libx264', bf='2')), ('a.mkv', dict(codec='libx264', bf='2')),
    ('a.webm', dict(codec='libvpx')), ('a.mov', dict(codec='mpeg4'))])
def test_frames_of_variable_rate_count_as_they_are_and_their_rate_is_the_mean(
        tmp_path, name, how, numbered, numbers, write_video):
    times = np.cumsum(np.random.default_rng(0).integers(2, 9, 40))   # in 1/100 s
    path = write_video(tmp_path / name, frames=numbered(40), times=times, rate=100, **how)
    assert numbers(read_frames(path)) == list(range(40))
    assert [numbers(read_still(path, frame)[None])[0] for frame in (5, 22, 38)] == [5, 22, 38]
    assert inspect(path) == pytest.approx(39 / (times[-1] - times[0]) * 100, rel=0.03)


def test_frames_that_an_edit_list_leaves_out_do_not_count(tmp_path, numbered, numbers,
                                                          write_video):
    path = write_video(tmp_path / 'a.mp4', 'libx264', numbered(40), bf='0')
    content = bytearray(path.read_bytes())
    entry = content.find(b'elst') + 12               # duration and first moment shown
    moment, = struct.unpack_from('>i', content, entry + 4)
    struct.pack_into('>i', content, entry + 4, moment + 10 * 12_800 // 25)
    path.write_bytes(content)
    assert numbers(read_frames(path)) == list(range(10, 40))
    assert numbers(read_still(path, 5)[None]) == [15]
    assert count_frames(path) == 30


def test_a_video_that_lost_its_first_packets_begins_with_the_next_whole_picture(
        tmp_path, numbered, numbers, write_video):
    path = write_video(tmp_path / 'a.ts', 'mpeg2video', numbered(40), g='12', bf='0')
    content = path.read_bytes()
    path.write_bytes(content[len(content) // 188 // 3 * 188:])
    shown = numbers(read_frames(path))
    assert 12 <= shown[0] <= 24 and shown == list(range(shown[0], 40))
    assert numbers(read_still(path, 2)[None]) == [shown[2]]


@pytest.mark.parametrize('name', ['a:b.mp4', 'a%03d.mp4', 'a b [1].MP4', 'café.mp4',
                                  b'caf\xe9.mp4'])
def test_any_name_is_read(tmp_path, monkeypatch, name, numbered, numbers, write_video):
    video = write_video(tmp_path / 'plain.mp4', 'mpeg4', numbered(20))
    name = os.fsdecode(name)
    video.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (Path(name), tmp_path / name):
        assert numbers(read_frames(path)) == list(range(20))


@pytest.mark.skipif(not COVID_BLUES.is_dir(), reason='covid_blues is not at ../shared/data')
def test_another_decoder_gives_the_same_pixels_of_a_real_video():
    decord = pytest.importorskip('decord')
    for path in sorted(COVID_BLUES.glob('*.mp4'))[:2]:
        reader = decord.VideoReader(str(path), num_threads=1)
        np.testing.assert_array_equal(read_frames(path),
                                      reader.get_batch(range(len(reader))).asnumpy())


# ── as a player shows it ──

def scene() -> np.ndarray:
    """(48, 64) of four grey levels, which tells every orientation from the others."""
    picture = np.full((48, 64), 60, np.uint8)
    picture[:24, :32], picture[24:, :32], picture[:24, 32:] = 220, 160, 110
    return picture


def write_turned(path: Path, matrix: tuple[float, ...], write_video, **how) -> Path:
    """A video of scenes with a, b, c and d in its display matrix."""
    write_video(path, 'libx264', np.repeat(scene()[None, ..., None], 3, 0).repeat(3, -1), **how)
    content = bytearray(path.read_bytes())
    header = content.find(b'tkhd') + 44
    a, b, c, d = (round(value * 2 ** 16) for value in matrix)
    struct.pack_into('>9i', content, header, a, b, 0, c, d, 0, 0, 0, 2 ** 30)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('matrix, turn', [
    ((1, 0, 0, 1), None), ((0, 1, -1, 0), Image.Transpose.ROTATE_270),     # that is 90° clockwise
    ((-1, 0, 0, -1), Image.Transpose.ROTATE_180), ((0, -1, 1, 0), Image.Transpose.ROTATE_90),
    ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
    ((1, 0, 0, -1), Image.Transpose.FLIP_TOP_BOTTOM), ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
    ((0, -1, -1, 0), Image.Transpose.TRANSVERSE), ((0, 0, 0, 0), None)])
def test_a_video_is_turned_as_its_container_says(tmp_path, matrix, turn, write_video):
    path = write_turned(tmp_path / 'a.mp4', matrix, write_video)
    image = Image.fromarray(scene())
    expected = np.array(image if turn is None else image.transpose(turn), int)
    for frame in (*read_frames(path), read_still(path, 1)):
        assert frame.shape[:2] == expected.shape
        assert np.abs(frame - expected[..., None]).mean() < 6


def test_a_display_matrix_that_does_not_rotate_by_quarter_turns_is_refused(tmp_path, write_video):
    path = write_turned(tmp_path / 'a.mp4', (0.7, 0.7, -0.7, 0.7), write_video)
    for read in (read_frames, count_frames, lambda path: read_still(path, 0)):
        with pytest.raises(UnreadableFileError, match=r'a\.mp4 .*quarter turns'):
            read(path)


@pytest.mark.parametrize('shape, size', [
    (Fraction(2), (48, 128)), (Fraction(1, 2), (96, 64)), (Fraction(4, 3), (48, 85)),
    (Fraction(1), (48, 64))])
@pytest.mark.parametrize('name, codec', [
    ('a.mp4', 'libx264'), ('a.mov', 'mpeg4'), ('a.avi', 'mpeg4'), ('a.mkv', 'libx264'),
    ('a.wmv', 'wmv2'), ('a.ts', 'libx264')])
def test_pixels_become_square_and_none_is_lost(tmp_path, name, codec, shape, size, numbered,
                                               numbers, write_video):
    path = write_video(tmp_path / name, codec, numbered(5), shape=shape)
    assert read_frames(path).shape == (5, *size, 3)
    assert numbers(read_still(path, 3)[None]) == [3]


def test_pixels_are_made_square_before_the_picture_is_turned(tmp_path, write_video):
    path = write_turned(tmp_path / 'a.mp4', (0, 1, -1, 0), write_video, shape=Fraction(2))
    assert read_frames(path).shape == (3, 128, 48, 3)


def test_pixels_so_long_that_memory_would_not_suffice_are_refused(tmp_path, numbered,
                                                                  write_video):
    path = write_video(tmp_path / 'a.mkv', 'libx264', numbered(2, 480, 640),
                       shape=Fraction(255, 1))
    with pytest.raises(UnreadableFileError, match=r'a\.mkv .*78 million pixels'):
        read_frames(path)


def test_what_is_transparent_in_a_video_is_black(tmp_path, write_video):
    frames = np.full((2, 48, 64, 4), 255, np.uint8)
    frames[:, :, :32, 3] = 0
    path = write_video(tmp_path / 'a.mkv', 'ffv1', frames, pixels='bgra')
    read = read_frames(path)
    assert (read[:, :, :32] == 0).all() and (read[:, :, 32:] == 255).all()


@pytest.mark.parametrize('pixels, codec', [
    ('yuv420p', 'libx264'), ('yuvj420p', 'libx264'), ('yuv420p10le', 'libx264'),
    ('gray', 'ffv1'), ('gray16le', 'ffv1'), ('bgr0', 'ffv1')])
def test_grey_levels_are_kept_whatever_range_and_depth_they_are_stored_in(
        tmp_path, pixels, codec, write_video):
    ramp = np.tile(np.arange(256, dtype=np.uint8)[None, None, :, None], (2, 16, 1, 3))
    options = {'qp': '0'} if codec == 'libx264' else {}
    path = write_video(tmp_path / 'a.mkv', codec, ramp, pixels=pixels, **options)
    assert np.abs(read_frames(path).astype(int) - ramp).max() <= 2


# ── files that were cut off, damaged, or are no videos ──

@pytest.mark.parametrize('share', [0.2, 0.4, 0.55, 0.66, 0.8])
@pytest.mark.parametrize('name', sorted(VIDEOS.keys() - SILENT))
def test_a_video_that_was_cut_off_is_named_before_any_frame_is_used(tmp_path, videos, name, share):
    whole = (videos / name).read_bytes()
    path = tmp_path / f'cut (1){name}'
    path.write_bytes(whole[:int(len(whole) * share)])
    for read in (lambda path: next(iter_frames(path)), count_frames, inspect,
                 lambda path: read_still(path, 0)):
        with pytest.raises(UnreadableFileError, match=r'cut \(1\).* cut off'):
            read(path)


@pytest.mark.parametrize('share', [0.2, 0.4, 0.55, 0.66, 0.8])
@pytest.mark.parametrize('name, codec', [
    ('a.ts', 'libx264'), ('a.m2ts', 'mpeg2video'), ('a.mpg', 'mpeg1video'), ('a.flv', 'flv1')])
def test_a_container_that_says_no_length_is_named_once_a_frame_is_incomplete(
        tmp_path, name, codec, share, write_video):
    noise = np.random.default_rng(0).integers(0, 256, (20, 96, 128, 3), np.uint8)
    path = write_video(tmp_path / name, codec, noise)
    assert len(read_frames(path)) == 20
    whole = path.read_bytes()
    packet = {'.ts': 188, '.m2ts': 192}.get(path.suffix, 1)
    cut = int(len(whole) * share) // packet * packet                 # so that no packet is torn
    while packet > 1 and whole[cut + packet - 187] & 0x40:           # where a frame begins
        cut -= packet
    path.write_bytes(whole[:cut])
    for read in (read_frames, count_frames):
        with pytest.raises(UnreadableFileError, match=rf'{name} .*cut off'):
            read(path)


@pytest.mark.parametrize('name', ['front.mp4', 'mjpeg.avi', 'ffv1.mkv', 'vp8.webm', 'wmv2.wmv'])
def test_a_video_whose_second_half_was_never_copied_is_named(tmp_path, videos, name):
    whole = (videos / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[:len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    for read in (read_frames, count_frames):
        with pytest.raises(UnreadableFileError, match=rf'{name} .*cut off'):
            read(path)


class Pipe(io.RawIOBase):
    """What a live recording is written to: nothing can be put in afterwards."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.content += data
        return len(data)


@pytest.mark.parametrize('name, form, codec', [
    ('a.mkv', 'matroska', 'libx264'), ('a.webm', 'webm', 'libvpx'), ('a.avi', 'avi', 'mpeg4'),
    ('a.wmv', 'asf', 'wmv2'), ('a.flv', 'flv', 'flv1')])
def test_a_live_recording_that_never_said_its_length_is_read(tmp_path, name, form, codec,
                                                             numbered, numbers, write_video):
    pipe = Pipe()
    write_video(pipe, codec, numbered(20), form=form)
    (tmp_path / name).write_bytes(pipe.content)
    assert numbers(read_frames(tmp_path / name)) == list(range(20))


def test_what_is_no_video_is_unreadable(tmp_path):
    (tmp_path / 'notes.mp4').write_text('not a video')
    for read in (read_frames, count_frames, inspect):
        with pytest.raises(UnreadableFileError, match=r'notes\.mp4 .*as a video'):
            read(tmp_path / 'notes.mp4')


def test_a_file_of_sound_holds_no_video(tmp_path):
    with av.open(str(tmp_path / 'a.mp4'), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), 'fltp', 'mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UnreadableFileError, match=r'a\.mp4 .*no video'):
        read_frames(tmp_path / 'a.mp4')


def test_a_video_without_a_decoder_is_not_called_damaged(tmp_path, numbered, write_video):
    path = write_video(tmp_path / 'a.avi', 'mjpeg', numbered(5), pixels='yuvj420p')
    path.write_bytes(path.read_bytes().replace(b'MJPG', b'QQQQ'))
    with pytest.raises(UnreadableFileError, match=r'a\.avi .*without a decoder') as raised:
        read_frames(path)
    assert 'damaged' not in str(raised.value)


def test_a_picture_that_changes_its_size_is_refused(tmp_path, numbered, write_video):
    parts = []
    for height in (48, 64):
        pipe = Pipe()
        write_video(pipe, 'mpeg2video', numbered(20, height), form='mpeg2video', bf='0')
        parts.append(pipe.content)
    (tmp_path / 'a.mpg').write_bytes(b''.join(parts))
    with pytest.raises(UnreadableFileError, match=r'a\.mpg .*shapes: \(48, 64'):
        read_frames(tmp_path / 'a.mpg')
