"""Every transfer syntax, against the pixels that went in; and how many frames there are."""
from __future__ import annotations

import base64
import io
import struct

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders import HTJ2KLosslessDecoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from lddm_aug.data.frames import UnreadableFileError
from lddm_aug.preparation.dicom.facts import read_facts, read_pictures

# The ramp below, by OpenJPH.
HTJ2K = base64.b64decode("""
    /0//UQApQAAAAAAUAAAAEAAAAAAAAAAAAAAAFAAAABAAAAAAAAAAAAABBwEB/1AACAACAAAAAv9SAAwAAgABAAUEBEAB
    /1wAEyBIUFBQUFBQUFBQUFBQSEhI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAARAAAf+TwCWBAQd0AMAS
    gOQAh3QAoAmgCMCEgABCNAAncwDAEsAVMASgcPISkwDCCp7gAJN+tQCN/BBTAMAV8AWpAFeAwRAES0II8Qf8uah/GJgA
    AQUopCCTNiQAQAPwAAJxp6w02wA/NhyUuZHwQ6hB4+lrmADALq4BdhALrqTINhScSg4J30QTiuZALiAM0LuAU+RJzffU
    KHcz5MB7mX16QuWSntQ/1QFylAqUCDGW4D5QjAaBTBTkLh8lQ1lOMBIQtcRpVO6aqvh1IqmsPHIWO0WYT0nH1QFQqbRC
    qmq1/kOqIAHmGELdUqXLKGkm2iwmy36yM49mX2/1OjVX833iKVMu19cB/9k=""")


@pytest.fixture
def file(source):
    return source / 'benign/a.dcm'


def jpegs(frames: np.ndarray) -> list[bytes]:
    encoded = []
    for frame in frames:
        content = io.BytesIO()
        Image.fromarray(frame).save(content, 'JPEG', quality=95)
        encoded.append(content.getvalue())
    return encoded


@pytest.fixture
def jpeg_file(make_dicom, file, smooth):
    """Four frames, and what they showed before they were compressed."""
    pixels = smooth(4, 32, 48)

    def make(**tags):
        return pixels, make_dicom(file, pixels, 'MONOCHROME2', JPEGBaseline8Bit,
                                  jpegs(pixels), **tags)
    return make


# ── transfer syntaxes ──

@pytest.mark.parametrize('syntax', [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian,
                                    ExplicitVRBigEndian])
def test_what_is_not_compressed_is_exact(make_dicom, read, file, noise, syntax):
    pixels = noise(3, 24, 30)
    make_dicom(file, pixels, syntax=syntax)
    np.testing.assert_array_equal(read().frames, pixels)


def test_big_endian_words_are_swapped(make_dicom, read, file, noise):
    """Bytes in words of 16 bits as well, even where a frame ends within one."""
    pixels = noise(3, 5, 7)
    raw = (pixels.tobytes() + b'\0')
    dataset = make_dicom(file, pixels, syntax=ExplicitVRBigEndian,
                         raw=np.frombuffer(raw, '<u2').astype('>u2').tobytes())
    dataset['PixelData'].VR = 'OW'
    dataset.save_as(file, enforce_file_format=True)
    np.testing.assert_array_equal(read().frames, pixels)


@pytest.mark.parametrize('syntax, bits', [
    ('JPEGLosslessProcess14', 8), ('JPEGLosslessProcess14_1', 12), ('JPEGLSLossless', 8),
    ('JPEGLSLossless', 12), ('JPEG2000Lossless', 8), ('JPEG2000Lossless', 12)])
def test_lossless_compression_is_exact(make_dicom, read, file, noise, gdcm_encode, syntax, bits):
    pixels = noise(24, 30) if bits == 8 else noise(24, 30).astype(np.uint16) * 16
    make_dicom(file, pixels, BitsStored=bits, WindowCenter=2 ** (bits - 1), WindowWidth=2 ** bits)
    before = read().frames
    gdcm_encode(file, syntax)
    np.testing.assert_array_equal(read().frames, before)


@pytest.mark.parametrize('syntax, bits, atol', [
    ('JPEGExtendedProcess2_4', 12, 2), ('JPEGExtendedProcess2_4', 8, 3),
    ('JPEGLSNearLossless', 8, 3), ('JPEG2000', 8, 3)])
def test_other_compression_is_as_close_as_it_is(make_dicom, read, file, smooth, gdcm_encode, syntax,
                                                bits, atol):
    pixels = smooth(32, 48) if bits == 8 else smooth(32, 48).astype(np.uint16) * 16
    make_dicom(file, pixels, BitsStored=bits, WindowCenter=2 ** (bits - 1), WindowWidth=2 ** bits)
    before = read().frames.astype(int)
    gdcm_encode(file, syntax)
    assert np.abs(read().frames - before).max() <= atol


@pytest.mark.parametrize('photometric', ['RGB', 'YBR_FULL'])
def test_rle_is_exact(make_dicom, read, file, noise, photometric):
    dataset = make_dicom(file, noise(4, 24, 30, 3), photometric)
    before = read().frames
    dataset.compress(RLELossless)
    dataset.save_as(file, enforce_file_format=True)
    np.testing.assert_array_equal(read().frames, before)


@pytest.mark.parametrize('photometric', ['RGB', 'YBR_RCT'])
def test_jpeg_2000_undoes_its_own_transform_of_colours(make_dicom, read, file, noise, photometric):
    pixels = noise(2, 64, 80, 3)
    dataset = make_dicom(file, pixels, 'RGB')
    dataset.PhotometricInterpretation = photometric
    dataset.compress(JPEG2000Lossless, pixels, encoding_plugin='pylibjpeg')
    dataset.save_as(file, enforce_file_format=True)
    np.testing.assert_array_equal(read().frames, pixels)


def test_htj2k_is_exact(make_dicom, read, file):
    rows, columns = np.mgrid[:16, :20]
    pixels = (7 * rows + 3 * columns + rows * columns % 11).astype(np.uint8)
    make_dicom(file, pixels, syntax=HTJ2KLossless, encoded=[HTJ2K])
    np.testing.assert_array_equal(read().frames[0], pixels)


def test_without_a_decoder_that_is_the_reason(make_dicom, reason, file, noise, monkeypatch):
    make_dicom(file, noise(16, 20), syntax=HTJ2KLossless, encoded=[HTJ2K])
    monkeypatch.setattr(HTJ2KLosslessDecoder, '_available', {})
    monkeypatch.setattr(HTJ2KLosslessDecoder, '_unavailable', {'pylibjpeg': ('pylibjpeg>=2.0',)})
    assert 'no decoder for High-Throughput JPEG 2000' in reason()
    make_dicom(file, noise(16, 20), syntax=UID('1.2.840.10008.1.2.4.94'), encoded=[HTJ2K])
    assert 'no decoder for JPIP Referenced' in reason()


def test_a_transfer_syntax_that_the_pixels_contradict_is_the_reason(make_dicom, reason, file, noise,
                                                                    set_raw):
    make_dicom(file, noise(16, 20))
    set_raw(file, (2, 0x10), b'1.2.840.10008.1.2.4.50')
    content = file.read_bytes()                      # the group is longer now
    length, = struct.unpack('<L', content[140:144])
    file.write_bytes(content[:140] + struct.pack('<L', length + 2) + content[144:])
    assert 'JPEG Baseline' in reason() and 'not compressed' in reason()


def test_a_jpeg_decides_how_many_bits_its_samples_have(jpeg_file, read):
    pixels, _ = jpeg_file(BitsAllocated=16, BitsStored=8)
    assert np.abs(read().frames.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize('tags', [{'Rows': 40}, {'SamplesPerPixel': 3, 'PlanarConfiguration': 0,
                                                'PhotometricInterpretation': 'RGB'}])
def test_a_jpeg_of_another_size_than_the_tags_say_is_the_reason(jpeg_file, reason, tags):
    jpeg_file(**tags)
    assert 'contradicts itself' in reason() and 'its JPEG has 32 x 48 with 1' in reason()


# ── how many frames ──

def test_several_frames_are_a_video_with_its_rate(make_dicom, read, file, noise):
    pixels = noise(20, 24, 30)
    make_dicom(file, pixels)
    found = read()
    assert (found.role, found.fps) == ('video', 25)
    np.testing.assert_array_equal(found.frames, pixels)


@pytest.mark.parametrize('announced', [None, 1, 3])
def test_frames_beyond_the_announced_ones_are_read_and_reported(make_dicom, read, file, noise,
                                                                    announced):
    pixels = noise(20, 24, 30)
    make_dicom(file, pixels, NumberOfFrames=announced)
    found = read()
    np.testing.assert_array_equal(found.frames, pixels)
    assert '1 files have more frames than NumberOfFrames' in found.notes


@pytest.mark.parametrize('announced', [None, 2])
def test_so_are_compressed_ones(jpeg_file, read, announced):
    pixels, _ = jpeg_file(NumberOfFrames=announced)
    assert np.abs(read().frames.astype(int) - pixels).max() <= 3


def test_fewer_frames_than_announced_are_refused_with_both_numbers(make_dicom, reason, file, noise,
                                                                   jpeg_file):
    make_dicom(file, noise(20, 24, 30))
    file.write_bytes(file.read_bytes()[:-720 * 7 - 100])
    assert 'announces 20 frames' in reason() and '12 frames of 720 bytes' in reason()
    jpeg_file(NumberOfFrames=9)
    assert 'announces 9 frames' in reason() and '4 frames' in reason()


def test_a_compressed_file_that_is_cut_off_is_refused_as_that(jpeg_file, reason, file):
    jpeg_file()
    file.write_bytes(file.read_bytes()[:-500])
    assert 'is cut off' in reason()


@pytest.mark.parametrize('change, message', [
    (lambda jpeg: jpeg[:len(jpeg) // 2], 'its JPEG has no end'),
    (lambda jpeg: b'GIF89a' + jpeg, 'does not start like JPEG Baseline'),
    (lambda jpeg: jpeg[:200] + b'\xff\xc4\0' * 30 + b'\xff\xd9', 'cut off, damaged')])
def test_a_damaged_frame_is_named(make_dicom, reason, file, smooth, change, message):
    pixels = smooth(4, 32, 48)
    encoded = jpegs(pixels)
    encoded[2] = change(encoded[2])
    make_dicom(file, pixels, 'MONOCHROME2', JPEGBaseline8Bit, encoded)
    assert message in reason() and 'frame 3 of 4' in reason()


@pytest.mark.parametrize('table', ['none', 'right', 'wrong', 'two fragments'])
def test_frames_are_told_apart_without_tables(jpeg_file, read, file, table):
    pixels, dataset = jpeg_file()
    encoded = jpegs(pixels)
    fragments = 2 if table == 'two fragments' else 1
    content = encapsulate(encoded, fragments_per_frame=fragments, has_bot=table == 'right')
    if table == 'wrong':
        content = b'\xfe\xff\0\xe0\4\0\0\0\0\0\0\0' + content[8:]        # as if it were one frame
    dataset.PixelData = content
    dataset.save_as(file, enforce_file_format=True)
    assert np.abs(read().frames.astype(int) - pixels).max() <= 3


def test_memory_holds_a_few_frames(make_dicom, source, file):
    """Of 40 million bytes, of which the reader is asked for one frame after the other."""
    import tracemalloc

    from lddm_aug.preparation.dicom.facts import read_pictures
    pixels = np.zeros((160, 500, 500), np.uint8)
    make_dicom(file, pixels)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_pictures(file, 'it', 160)) == 160
        assert tracemalloc.get_traced_memory()[1] < 12 * 500 * 500
    finally:
        tracemalloc.stop()


def test_a_deflated_file_is_not_inflated_beyond_the_limit(tmp_path, make_dicom, monkeypatch):
    path = tmp_path / 'a.dcm'
    make_dicom(path, np.zeros((50, 200, 200), np.uint8), syntax=DeflatedExplicitVRLittleEndian)
    assert path.stat().st_size < 10_000
    assert len(list(read_pictures(path, 'a', 50))) == 50
    monkeypatch.setenv('LDDM_AUG_MAX_INFLATED', '1000000')
    with pytest.raises(UnreadableFileError, match='LDDM_AUG_MAX_INFLATED'):
        read_facts(path, 'a', 'PatientID')


@pytest.mark.parametrize('padding', [b'', b'\0', b'\0' * 9])
def test_what_follows_the_end_of_a_deflated_file_is_passed_over(tmp_path, make_dicom, padding):
    path = tmp_path / 'a.dcm'
    make_dicom(path, np.zeros((3, 8, 8), np.uint8), syntax=DeflatedExplicitVRLittleEndian)
    with path.open('ab') as file:
        file.write(padding)
    assert len(list(read_pictures(path, 'a', 3))) == 3


@pytest.mark.parametrize('frames', [-5, 0, 2**31 - 1])
def test_an_impossible_number_of_frames_concerns_this_file_alone(tmp_path, make_dicom, frames):
    make_dicom(tmp_path / 'a.dcm', np.zeros((3, 8, 8), np.uint8), NumberOfFrames=frames)
    if frames < 1:
        facts = read_facts(tmp_path / 'a.dcm', 'a', 'PatientID')
        assert facts.frames == 3 and 'NumberOfFrames' in facts.ignored
    else:
        with pytest.raises(UnreadableFileError, match='2147483647 frames'):
            read_facts(tmp_path / 'a.dcm', 'a', 'PatientID')


def test_a_picture_larger_than_its_tags_say_is_not_decoded(tmp_path, make_dicom):
    encoded = io.BytesIO()
    Image.new('L', (600, 500)).save(encoded, 'JPEG2000', irreversible=False)
    make_dicom(tmp_path / 'a.dcm', np.zeros((8, 8), np.uint8), syntax=JPEG2000Lossless,
               encoded=[encoded.getvalue()])
    with pytest.raises(UnreadableFileError, match='JPEG 2000 has 500 x 600'):
        list(read_pictures(tmp_path / 'a.dcm', 'a', 1))


def test_more_frames_than_the_limit_are_refused(tmp_path, make_dicom, monkeypatch):
    make_dicom(tmp_path / 'a.dcm', np.zeros((12, 8, 8), np.uint8))
    monkeypatch.setenv('LDDM_AUG_MAX_FRAMES', '11')
    with pytest.raises(UnreadableFileError, match='LDDM_AUG_MAX_FRAMES'):
        read_facts(tmp_path / 'a.dcm', 'a', 'PatientID')
