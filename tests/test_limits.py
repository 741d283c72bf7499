"""Small files that would take much memory or time, were they believed."""
from __future__ import annotations

import csv
import io
import json
import struct
import tracemalloc
import zlib
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
    is_still_file,
    iter_frames,
    read_frames,
    read_still,
)
from lddm_aug.data.tables import read_table
from lddm_aug.json_files import read_json, read_json_lines
from lddm_aug.limits import DEFAULTS, PREFIX, limit_of
from lddm_aug.preparation.folder import list_folder
from lddm_aug.preparation.prepare import Options, prepare


@pytest.mark.parametrize('text', ['', '0', '-1', '1e6', '9' * 19, '٣', 'none'])
def test_a_limit_that_is_no_whole_number_is_refused(monkeypatch, text):
    monkeypatch.setenv('LDDM_AUG_MAX_FRAMES', text)
    with pytest.raises(ValueError, match='LDDM_AUG_MAX_FRAMES'):
        limit_of('MAX_FRAMES')


@pytest.mark.parametrize('name', DEFAULTS)
def test_each_limit_is_raised_by_its_variable(monkeypatch, name):
    assert limit_of(name) == DEFAULTS[name]
    monkeypatch.setenv(PREFIX + name, str(DEFAULTS[name] + 1))
    assert limit_of(name) == DEFAULTS[name] + 1


def write_png(side: int) -> bytes:
    """A black PNG, however large, in a few bytes."""
    def chunk(name: bytes, content: bytes) -> bytes:
        return (struct.pack('>I', len(content)) + name + content
                + struct.pack('>I', zlib.crc32(name + content)))

    squeeze = zlib.compressobj(9)
    rows = b''.join(squeeze.compress(bytes(side + 1)) for _ in range(side)) + squeeze.flush()
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>2I5B', side, side, 8, 0, 0, 0, 0))
            + chunk(b'IDAT', rows) + chunk(b'IEND', b''))


def write_lying_video(path: Path, pictures: list[bytes]) -> Path:
    """A container that says 64 × 64, of PNGs of any size."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('png', rate=25)
        stream.height = stream.width = 64
        stream.pix_fmt = 'gray'
        for number, picture in enumerate(pictures):
            packet = av.Packet(picture)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            container.mux(packet)
    return path


@pytest.mark.parametrize('sides', [[6000] * 3, [64] * 3 + [6000]])
def test_a_frame_larger_than_its_container_says_is_refused(tmp_path, sides):
    path = write_lying_video(tmp_path / 'a.mov', [write_png(side) for side in sides])
    with pytest.raises(UnreadableFileError, match=r'a\.mov'):
        read_frames(path)


def many(folder: Path, name: str) -> Path:
    """Twelve frames in a file, or a folder."""
    path, frames = folder / name, np.zeros((12, 16, 16), np.uint8)
    pictures = [Image.fromarray(frame + 20 * number) for number, frame in enumerate(frames)]
    if name == 'frames':
        path.mkdir()
        for number, picture in enumerate(pictures):
            picture.save(path / f'{number}.png')
    elif path.suffix == '.npy':
        np.save(path, frames)
    elif path.suffix == '.mov':
        write_lying_video(path, [write_png(64)] * 12)
    else:
        pictures[0].save(path, save_all=True, append_images=pictures[1:], lossless=True)
    return path


@pytest.mark.parametrize('name', ['frames', 'a.npy', 'a.mov', 'a.gif', 'a.tif', 'a.webp', 'a.apng'])
def test_more_frames_than_the_limit_are_refused_and_as_many_are_read(tmp_path, monkeypatch, name):
    path = many(tmp_path, name)
    monkeypatch.setenv('LDDM_AUG_MAX_FRAMES', '12')
    assert len(read_frames(path)) == 12
    monkeypatch.setenv('LDDM_AUG_MAX_FRAMES', '11')
    with pytest.raises(UnreadableFileError, match='LDDM_AUG_MAX_FRAMES'):
        read_frames(path)


def test_the_number_of_frames_that_a_header_announces_is_not_believed(tmp_path):
    content = many(tmp_path, 'a.apng').read_bytes()
    start = content.index(b'acTL')
    control = b'acTL' + struct.pack('>2I', 2**31 - 1, 0)
    control += struct.pack('>I', zlib.crc32(control))
    (tmp_path / 'b.apng').write_bytes(content[:start] + control + content[start + 16:])
    with pytest.raises(UnreadableFileError, match=r'b\.apng has at least 2147483647 frames'):
        count_frames(tmp_path / 'b.apng')
    assert is_still_file(tmp_path / 'b.apng')        # so that reading it says why


@pytest.mark.parametrize('shape', [(3, 10**5, 10**5), (10**9, 100, 100)])
@pytest.mark.parametrize('read', [inspect, read_frames, lambda path: next(iter_frames(path)),
                                  lambda path: read_still(path, 0)])
def test_a_sparse_array_is_refused(tmp_path, shape, read):
    with (tmp_path / 'a.npy').open('wb') as file:
        np.lib.format.write_array_header_1_0(
            file, {'descr': '|u1', 'fortran_order': False, 'shape': shape})
        file.truncate(file.tell() + int(np.prod(shape, dtype=object)))
    with pytest.raises(UnreadableFileError, match=r'LDDM_AUG_MAX_(PIXELS|FRAMES)'):
        read(tmp_path / 'a.npy')


def test_frames_that_are_kept_are_bounded_as_they_are_kept(tmp_path, monkeypatch):
    np.save(tmp_path / 'a.npy', np.zeros((10, 30, 40), np.uint8))
    monkeypatch.setenv('LDDM_AUG_MAX_BYTES', '4000')
    with pytest.raises(UnreadableFileError, match=r'a\.npy has .*LDDM_AUG_MAX_BYTES'):
        read_frames(tmp_path / 'a.npy')
    assert read_frames(tmp_path / 'a.npy', lambda frame: frame[::2, ::2]).nbytes == 3000
    assert count_frames(tmp_path / 'a.npy') == 10    # of which none is kept


def test_a_video_is_prepared_in_the_memory_of_a_few_frames(tmp_path):
    frames = np.random.default_rng(0).integers(256, size=(100, 400, 500), dtype=np.uint8)
    (tmp_path / 'source/benign').mkdir(parents=True)
    np.save(tmp_path / 'source/benign/a.npy', frames)
    tracemalloc.start()
    prepare(list_folder(tmp_path / 'source'), tmp_path / 'out', Options())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * frames[0].nbytes
    written, expected = tmp_path / 'out/frames/benign_a.npy', io.BytesIO()
    np.save(expected, frames)
    assert written.read_bytes() == expected.getvalue()


@pytest.mark.parametrize('first_in_colour', [0, 1, 11])
def test_a_video_is_in_colour_wherever_its_first_coloured_frame_is(tmp_path, first_in_colour):
    frames = np.random.default_rng(0).integers(256, size=(12, 20, 30, 3), dtype=np.uint8)
    frames[:first_in_colour] = frames[:first_in_colour, ..., :1]
    folder = tmp_path / 'source/benign/x'
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f'{number}.png')
    prepare(list_folder(tmp_path / 'source'), tmp_path / 'out', Options(min_frames=12))
    np.testing.assert_array_equal(np.load(tmp_path / 'out/frames/benign_x.npy'), frames)


def test_a_file_beyond_a_limit_stops_nothing_but_itself(tmp_path):
    folder = tmp_path / 'source/benign'
    folder.mkdir(parents=True)
    for number in range(4):
        np.save(folder / f'{number}.npy', np.full((16, 8, 8), number, np.uint8))
    write_lying_video(folder / 'large.mov', [write_png(6000)] * 16)
    with (folder / 'sparse.npy').open('wb') as file:
        np.lib.format.write_array_header_1_0(
            file, {'descr': '|u1', 'fortran_order': False, 'shape': (20, 10**5, 10**5)})
        file.truncate(file.tell() + 20 * 10**10)
    report = prepare(list_folder(tmp_path / 'source'), tmp_path / 'out', Options())
    assert [item.source for item in report.items] == [f'benign/{number}.npy' for number in range(4)]
    with (tmp_path / 'out/left_out.csv').open() as file:
        reasons = {row['source']: row['reason'] for row in csv.DictReader(file)}
    assert 'LDDM_AUG_MAX_PIXELS' in reasons['benign/large.mov']
    assert '10000 million pixels' in reasons['benign/sparse.npy']
    assert not list((tmp_path / 'out').rglob('*.tmp'))


def test_a_table_of_more_columns_or_cells_than_the_limit_is_refused(tmp_path, monkeypatch):
    path = tmp_path / 'a.csv'
    path.write_text(','.join(f'c{number}' for number in range(100_000)) + '\n' + 'a\n' * 100_000)
    monkeypatch.setenv('LDDM_AUG_MAX_COLUMNS', '99999')
    with pytest.raises(ValueError, match=r'a\.csv has at least 100000 columns'):
        read_table(path, ('c0',))
    path.write_text('a,b\n' + '1,2\n' * 10)
    monkeypatch.setenv('LDDM_AUG_MAX_CELLS', '20')
    assert len(read_table(path, ('a',)).rows) == 10
    monkeypatch.setenv('LDDM_AUG_MAX_CELLS', '19')
    with pytest.raises(ValueError, match=r'a\.csv .*LDDM_AUG_MAX_CELLS'):
        read_table(path, ('a',))


def test_a_text_of_more_bytes_than_the_limit_is_not_read(tmp_path, monkeypatch):
    (tmp_path / 'a.json').write_text(json.dumps([0] * 100))
    (tmp_path / 'a.csv').write_text('a,b\n' + '1,2\n' * 100)
    monkeypatch.setenv('LDDM_AUG_MAX_TEXT', '200')
    with pytest.raises(ValueError, match=r'a\.json .*LDDM_AUG_MAX_TEXT'):
        read_json(tmp_path / 'a.json', [int], 'x')
    with pytest.raises(ValueError, match=r'a\.csv .*LDDM_AUG_MAX_TEXT'):
        read_table(tmp_path / 'a.csv', ('a',))
    (tmp_path / 'a.jsonl').write_text('[0]\n' * 100 + json.dumps([0] * 100))
    read = read_json_lines(tmp_path / 'a.jsonl', [int], 'x')
    assert [next(read) for _ in range(100)] == [[0]] * 100
    with pytest.raises(ValueError, match=r'a\.jsonl, line 101 .*LDDM_AUG_MAX_TEXT'):
        next(read)


def test_a_playlist_that_names_other_files_is_not_followed(tmp_path):
    write_lying_video(tmp_path / 'other.mov', [write_png(64)] * 3)
    for name, content in (('a.mkv', 'ffconcat version 1.0\nfile other.mov\n'),
                          ('b.ts', '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mov\n')):
        (tmp_path / name).write_text(content)
        with pytest.raises(UnreadableFileError, match=name):
            read_frames(tmp_path / name)


def test_what_pillow_would_start_another_program_for_is_not_opened(tmp_path):
    with (tmp_path / 'a.png').open('wb') as file:
        Image.new('L', (8, 8)).save(file, 'EPS')
    with pytest.raises(UnreadableFileError, match=r'a\.png is no readable picture'):
        read_still(tmp_path / 'a.png')


@pytest.mark.parametrize('box, place, value', [
    (b'stsz', 4, struct.pack('>2I', 1, 2**26)),      # of one byte each, 2.8 GB of FFmpeg's index
    (b'trun', 0, struct.pack('>2I', 0, 2**31 - 1))])
def test_samples_that_a_container_announces_are_not_believed(tmp_path, write_video, numbered, box,
                                                             place, value):
    fragments = {'movflags': 'frag_keyframe+empty_moov'} if box == b'trun' else None
    path = write_video(tmp_path / 'a.mp4', 'libx264', numbered(12), container=fragments)
    assert count_frames(path) == 12
    content = bytearray(path.read_bytes())
    start = content.index(box) + 4 + place
    content[start:start + 8] = value
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r'a\.mp4 .*LDDM_AUG_MAX_FRAMES'):
        inspect(path)


@pytest.mark.parametrize('box', [b'stts', b'stsc', b'stss', b'stco'])
def test_entries_for_which_a_container_has_no_room_are_not_believed(tmp_path, write_video, numbered,
                                                                    box):
    path = write_video(tmp_path / 'a.mp4', 'libx264', numbered(12))
    content = bytearray(path.read_bytes())
    start = content.index(box) + 8
    content[start:start + 4] = struct.pack('>I', 0xff000001)
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=rf'a\.mp4 .*{box.decode()}'):
        inspect(path)


def test_a_table_that_stands_twice_is_damage_and_no_lack_of_memory(tmp_path, write_video, numbered):
    path = write_video(tmp_path / 'a.mp4', 'libx264', numbered(12))
    content = path.read_bytes()
    start = content.index(b'stts') - 4
    end = start + int.from_bytes(content[start:start + 4], 'big')
    path.write_bytes(content[:end] + content[start:])
    with pytest.raises(UnreadableFileError, match=r'a\.mp4 .*is it damaged'):
        inspect(path)
