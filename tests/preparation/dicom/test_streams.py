"""Videos inside DICOM, against the frames that went in."""
from __future__ import annotations

import io

import av
import numpy as np
import pytest
from pydicom.uid import HEVCMP51, MPEG2MPML, MPEG4HP41

from lddm_aug.preparation.dicom.streams import Fragment, JoinedFragments


@pytest.fixture
def frames(smooth) -> np.ndarray:
    return np.repeat(smooth(20, 48, 64)[..., None], 3, -1)


def video(frames: np.ndarray, codec: str, form: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, 'w', format=form) as container:
        stream = container.add_stream(codec, rate=50)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], 'yuv420p'
        stream.bit_rate = 2_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.mark.parametrize('codec, form, syntax', [
    ('libx264', 'mp4', MPEG4HP41), ('libx264', 'mpegts', MPEG4HP41), ('libx264', 'h264', MPEG4HP41),
    ('mpeg2video', 'mpeg2video', MPEG2MPML), ('libx265', 'hevc', HEVCMP51),
    ('libx265', 'mp4', HEVCMP51)])
@pytest.mark.parametrize('cuts', [(), (100, 102, 1000)])
def test_a_stream_is_a_video_however_it_is_cut_into_fragments(make_dicom, read, source, frames,
                                                             codec, form, syntax, cuts):
    if codec not in av.codecs_available:
        pytest.skip(f'this PyAV has no {codec}')
    content = video(frames, codec, form)
    parts = [content[start:end] for start, end in zip((0, *cuts), (*cuts, None), strict=True)]
    make_dicom(source / 'benign/a.dcm', frames, 'YBR_PARTIAL_420', syntax, parts, FrameTime=None)
    found = read()
    assert (found.role, found.fps) == ('video', 50)
    assert np.abs(found.frames.astype(int) - frames).mean() < 3


def test_a_stream_without_number_of_frames_is_a_video(make_dicom, read, source, frames):
    make_dicom(source / 'benign/a.dcm', frames, 'YBR_PARTIAL_420', MPEG4HP41,
               [video(frames, 'libx264', 'mp4')], NumberOfFrames=None)
    found = read()
    assert (found.role, len(found.frames)) == ('video', 20)


def test_a_damaged_stream_is_refused_as_that(make_dicom, reason, source, frames):
    make_dicom(source / 'benign/a.dcm', frames, 'YBR_PARTIAL_420', MPEG4HP41, [b'no video' * 200])
    assert 'MPEG-4 AVC/H.264' in reason() and 'damaged' in reason()
    whole = video(frames, 'libx264', 'mpegts')
    make_dicom(source / 'benign/a.dcm', frames, 'YBR_PARTIAL_420', MPEG4HP41,
               [whole[:len(whole) // 2]])
    assert 'announces 20 frames, but its video' in reason()


@pytest.mark.parametrize('size', [1, 3, 7, 100])
def test_joined_fragments_read_like_their_bytes(size):
    content = bytes(range(100))
    joined = JoinedFragments(io.BytesIO(content), [Fragment(10, 5), Fragment(40, 0),
                                                   Fragment(50, 20)])
    wanted = io.BytesIO(content[10:15] + content[50:70])
    for place, whence in ((0, io.SEEK_SET), (-4, io.SEEK_END), (3, io.SEEK_SET), (99, io.SEEK_SET)):
        assert joined.seek(place, whence) == wanted.seek(place, whence)
        read = b''
        while part := joined.read(size):
            read += part
        assert read == wanted.read()
