"""Tags that are odd, missing or wrong."""
from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

FRAME_TIME, FRAMES, SLOPE, CHARACTERS = (0x18, 0x1063), (0x28, 8), (0x28, 0x1053), (8, 5)


@pytest.fixture
def file(source):
    return source / 'benign/a.dcm'


# ── optional ones ──

@pytest.mark.parametrize('tags, fps', [
    ({'FrameTimeVector': [0, *[90] * 19], 'CineRate': 3}, 25),
    ({'FrameTime': None, 'FrameTimeVector': [0, *[50] * 19], 'CineRate': 3}, 20),
    ({'FrameTime': None, 'CineRate': 30, 'RecommendedDisplayFrameRate': 3}, 30),
    ({'FrameTime': None, 'RecommendedDisplayFrameRate': 17}, 17), ({'FrameTime': None}, None)])
def test_the_rate_stands_in_several_tags(make_dicom, read, file, noise, tags, fps):
    make_dicom(file, noise(20, 24, 30), **tags)
    assert read().fps == fps


@pytest.mark.parametrize('value', [b'-40', b'0', b'abc', b'33,3', b'nan', b'1e999', b'0.04'])
def test_a_frame_time_of_no_use_is_ignored_and_the_next_tag_asked(make_dicom, read, file, noise,
                                                                  set_raw, value):
    pixels = noise(20, 24, 30)
    make_dicom(file, pixels, CineRate=30)
    set_raw(file, FRAME_TIME, value)
    found = read()
    np.testing.assert_array_equal(found.frames, pixels)
    assert found.fps == 30
    assert 'FrameTime is invalid in 1 files' in found.notes
    assert 'one is dcm-' in found.notes


def test_the_other_rates_are_ignored_alike(make_dicom, read, file, noise):
    make_dicom(file, noise(20, 24, 30), FrameTime=None, FrameTimeVector=[0, *[-50] * 19],
               CineRate=-1, RecommendedDisplayFrameRate=0)
    found = read()
    assert found.fps is None
    for tag in ('FrameTimeVector', 'CineRate', 'RecommendedDisplayFrameRate'):
        assert f'{tag} is invalid' in found.notes


@pytest.mark.parametrize('tag, value, ignored', [
    (FRAMES, b'1A', 'NumberOfFrames'), (FRAMES, b'-3', 'NumberOfFrames'),
    (SLOPE, b'x', 'RescaleSlope'), (CHARACTERS, b'KLINGON', ''),
    ((0x10, 0x20), b'\xff\xfe\x1b$Z', ''), ((0x20, 0xd), b'no uid!', ''),
    ((0x10, 0x30), b'yesterday', '')])
def test_a_value_that_is_none_costs_nothing_else(make_dicom, read, file, noise, set_raw, tag, value,
                                                 ignored):
    pixels = noise(20, 24, 30)
    make_dicom(file, pixels, RescaleSlope=1, RescaleIntercept=0, SpecificCharacterSet='ISO_IR 100')
    set_raw(file, tag, value)
    found = read()
    np.testing.assert_array_equal(found.frames, pixels)
    assert (f'{ignored} is invalid' in found.notes) == bool(ignored)


@pytest.mark.parametrize('vr', [b'??', b'ZZ', b'\0\0'])
def test_a_private_tag_of_no_known_kind_is_passed_by(make_dicom, read, file, noise, vr):
    pixels = noise(24, 30)
    make_dicom(file, pixels)
    content, tag = file.read_bytes(), struct.pack('<HH', 9, 0x1010)
    start = content.index(tag)
    file.write_bytes(content[:start + 4] + vr + content[start + 6:])
    np.testing.assert_array_equal(read().frames[0], pixels)


def test_what_follows_from_other_tags_may_be_missing(make_dicom, read, file, noise):
    pixels = noise(24, 30, 3)
    make_dicom(file, pixels, 'RGB', BitsStored=None, HighBit=None, PixelRepresentation=None,
               SamplesPerPixel=None, PlanarConfiguration=None)
    np.testing.assert_array_equal(read().frames[0], pixels)


# ── the form of a file ──

@pytest.mark.parametrize('name', ['a.dcm', 'IM0001'])
@pytest.mark.parametrize('start', [128, 132, 'data set'])
def test_without_preamble_it_is_read_all_the_same(make_dicom, read, source, noise, name, start):
    """Without the name DICM, too, and without all that stands before the data set."""
    pixels, file = noise(20, 24, 30), source / 'benign' / name
    make_dicom(file, pixels)
    content = file.read_bytes()
    length, = struct.unpack('<L', content[140:144])
    file.write_bytes(content[144 + length if start == 'data set' else start:])
    np.testing.assert_array_equal(read().frames, pixels)


@pytest.mark.parametrize('syntax', [ExplicitVRLittleEndian, JPEGBaseline8Bit])
def test_without_transfer_syntax_only_what_is_compressed_is_refused(
        make_dicom, read, reason, file, noise, syntax):
    pixels = noise(24, 30)
    make_dicom(file, pixels, syntax=syntax,
               encoded=None if syntax == ExplicitVRLittleEndian else [b'\xff\xd8\xff'])
    content = file.read_bytes()
    start = content.index(struct.pack('<HH', 2, 0x10))
    length, = struct.unpack('<H', content[start + 6:start + 8])
    file.write_bytes(content[:start] + content[start + 8 + length:])
    if syntax == ExplicitVRLittleEndian:
        np.testing.assert_array_equal(read().frames[0], pixels)
    else:
        assert 'lacks TransferSyntaxUID' in reason()


# ── the true reason ──

@pytest.mark.parametrize('tags, message', [
    ({'PixelData': None}, 'no pixels'),
    ({'PixelData': None, 'Rows': None, 'Columns': None}, 'no pixels'),
    ({'Rows': None}, 'lacks the tag Rows'), ({'Rows': 0}, 'announces 0 rows'),
    ({'BitsAllocated': None}, 'lacks the tag BitsAllocated'),
    ({'BitsAllocated': 12, 'BitsStored': 12}, '12 BitsAllocated'),
    ({'BitsStored': 16}, 'BitsAllocated 8 and BitsStored 16'),
    ({'SamplesPerPixel': 3}, 'MONOCHROME2 with SamplesPerPixel 3'),
    ({'PhotometricInterpretation': None}, 'lacks the tag PhotometricInterpretation')])
def test_tags_that_a_picture_cannot_do_without_are_named(make_dicom, reason, file, noise, tags,
                                                         message):
    make_dicom(file, noise(24, 30), **tags)
    assert message in reason()


@pytest.mark.parametrize('error, message', [
    (PermissionError(13, 'no'), 'Permission denied'), (OSError(5, 'no'), 'Input/output error'),
    (MemoryError(), 'more memory than is free')])
def test_what_the_system_refuses_is_not_called_damage(make_dicom, reason, file, noise, monkeypatch,
                                                      error, message):
    make_dicom(file, noise(24, 30))

    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr('lddm_aug.preparation.dicom.header.read_partial', refuse)
    assert message in reason()
    assert 'damaged' not in reason()


def test_memory_that_ends_while_frames_are_decoded_is_not_called_damage(make_dicom, reason, file,
                                                                        noise, monkeypatch):
    make_dicom(file, noise(24, 30))

    def refuse(*args):
        raise MemoryError

    monkeypatch.setattr('lddm_aug.preparation.dicom.facts.squared', refuse)
    assert 'more memory than is free' in reason()
