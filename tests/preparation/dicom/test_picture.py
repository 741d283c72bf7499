"""Pixels as a viewer shows them, against what the standard's formulas give."""
from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

RAMP = np.linspace(0, 4095, 24 * 30).reshape(24, 30).astype(np.uint16)


@pytest.fixture
def file(source):
    return source / 'benign/a.dcm'


def windowed(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1, with an output of 8 bits."""
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1) * 255


def assert_close(found: np.ndarray, wanted: np.ndarray, atol: float = 0.51) -> None:
    np.testing.assert_allclose(found.astype(float), wanted, atol=atol)


# ── grey ──

def test_a_single_grey_frame_is_a_still(make_dicom, read, file, noise):
    pixels = noise(24, 30)
    make_dicom(file, pixels)
    found = read()
    assert found.role == 'still'
    np.testing.assert_array_equal(found.frames[0], pixels)


@pytest.mark.parametrize('photometric, tags, inverted', [
    ('MONOCHROME1', {}, True), ('MONOCHROME2', {'PresentationLUTShape': 'INVERSE'}, True),
    ('MONOCHROME1', {'PresentationLUTShape': 'INVERSE'}, True),
    ('MONOCHROME2', {'PresentationLUTShape': 'IDENTITY'}, False)])
def test_echo_is_bright_and_nothing_is_inverted_twice(make_dicom, read, file, noise, photometric,
                                                      tags, inverted):
    pixels = noise(24, 30)
    make_dicom(file, pixels, photometric, **tags)
    np.testing.assert_array_equal(read().frames[0], 255 - pixels if inverted else pixels)


@pytest.mark.parametrize('slope, intercept, centre, width', [
    (None, None, 1000, 1000), (1, 0, 2048, 4096), (0.0625, 0, 128, 256), (1, -1024, 1024, 4096),
    (-1, 4095, 1000, 900), (2.5, None, 3000, 500)])
def test_values_are_rescaled_then_windowed(make_dicom, read, file, slope, intercept, centre, width):
    make_dicom(file, RAMP, BitsStored=12, RescaleSlope=slope, RescaleIntercept=intercept,
               WindowCenter=centre, WindowWidth=width)
    values = RAMP.astype(float) * (1. if slope is None else slope) + (intercept or 0)
    assert_close(read().frames[0], windowed(values, centre, width))


def test_8_bits_have_a_window_too(make_dicom, read, file, noise):
    pixels = noise(24, 30)
    make_dicom(file, pixels, WindowCenter=100, WindowWidth=50)
    assert_close(read().frames[0], windowed(pixels, 100, 50))


def test_of_several_windows_the_first_counts(make_dicom, read, file):
    make_dicom(file, RAMP, BitsStored=12, WindowCenter=[1000, 9], WindowWidth=[500, 9])
    assert_close(read().frames[0], windowed(RAMP, 1000, 500))


@pytest.mark.parametrize('function, formula', [
    ('LINEAR_EXACT', lambda values: np.clip((values - 2000) / 1000 + 0.5, 0, 1) * 255),
    ('SIGMOID', lambda values: 255 / (1 + np.exp(-4 * (values - 2000) / 1000)))])
def test_windows_of_other_shapes(make_dicom, read, file, function, formula):
    make_dicom(file, RAMP, BitsStored=12, WindowCenter=2000, WindowWidth=1000,
               VOILUTFunction=function)
    assert_close(read().frames[0], formula(RAMP.astype(float)))


def test_the_window_of_an_enhanced_object_lies_in_its_functional_groups(make_dicom, read, file):
    group, rescale, window = Dataset(), Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = 1, -1024
    window.WindowCenter, window.WindowWidth = 500, 800
    group.PixelValueTransformationSequence, group.FrameVOILUTSequence = [rescale], [window]
    make_dicom(file, RAMP, BitsStored=12, SharedFunctionalGroupsSequence=[group])
    assert_close(read().frames[0], windowed(RAMP - 1024., 500, 800))


@pytest.mark.parametrize('pixels', [
    RAMP[None] // 2 + 300, RAMP.astype(np.int16)[None] - 2048, RAMP.astype(np.uint32)[None] * 99,
    np.stack([RAMP, RAMP // 2])])
def test_without_a_window_all_frames_go_from_black_to_white(make_dicom, read, file, pixels):
    make_dicom(file, pixels)
    found, values = read(), pixels.astype(float)
    assert_close(found.frames, (values - values.min()) / np.ptp(values) * 255)
    assert 'no window' in found.notes


@pytest.mark.parametrize('tags, ignored', [
    ({'WindowCenter': 9, 'WindowWidth': 0}, 'WindowWidth'),
    ({'RescaleSlope': 0, 'RescaleIntercept': 5}, 'RescaleSlope'),
    ({'WindowCenter': 9}, ''), ({'WindowCenter': '', 'WindowWidth': ''}, '')])
def test_a_rescaling_or_window_of_no_use_is_ignored_and_reported(make_dicom, read, file, noise,
                                                                     tags, ignored):
    pixels = noise(24, 30)
    make_dicom(file, pixels, **tags)
    found = read()
    np.testing.assert_array_equal(found.frames[0], pixels)
    assert (f'{ignored} is invalid' in found.notes) == bool(ignored)


@pytest.mark.parametrize('sequence, bits, as_numbers, syntax', [
    ('VOILUTSequence', 16, False, ExplicitVRLittleEndian),
    ('VOILUTSequence', 16, True, ImplicitVRLittleEndian),
    ('VOILUTSequence', 8, False, ExplicitVRLittleEndian),
    ('ModalityLUTSequence', 16, False, ExplicitVRLittleEndian)])
def test_a_table_comes_before_the_window(make_dicom, read, file, sequence, bits, as_numbers,
                                         syntax):
    """Of 4096 entries of 8 bits, too, which pydicom's own function can't look up."""
    table = (2 ** bits - 1) * (1 - np.arange(4096) / 4095)
    item = Dataset()
    item.LUTDescriptor = [4096, 0, bits]
    entries = table.round().astype('<u2' if bits == 16 else 'u1')
    item.LUTData = entries.tolist() if as_numbers else entries.tobytes()
    item['LUTData'].VR = 'US' if as_numbers else 'OW'
    tags = {} if sequence == 'ModalityLUTSequence' else {'WindowCenter': 9, 'WindowWidth': 5}
    make_dicom(file, RAMP, BitsStored=12, syntax=syntax, **{sequence: [item]}, **tags)
    assert_close(read().frames[0], 255 - RAMP / 4095 * 255, atol=1)


@pytest.mark.parametrize('high, shift', [(11, 0), (15, 4), (13, 2)])
def test_bits_beside_the_stored_ones_are_not_looked_at(make_dicom, read, file, high, shift):
    others = np.uint16(0xffff & ~(0xfff << shift))
    make_dicom(file, (RAMP << shift) | others, BitsStored=12, HighBit=high, WindowCenter=2048,
               WindowWidth=4096)
    assert_close(read().frames[0], windowed(RAMP, 2048, 4096))


def test_signed_values_in_fewer_bits_than_a_word_keep_their_sign(make_dicom, read, file):
    values = RAMP.astype(np.int16) - 2048
    make_dicom(file, values & 0xfff, BitsStored=12, PixelRepresentation=1, WindowCenter=0,
               WindowWidth=4096)
    assert_close(read().frames[0], windowed(values, 0, 4096))


def test_padding_is_black(make_dicom, read, file, noise):
    pixels = noise(24, 30)
    make_dicom(file, pixels, 'MONOCHROME1', PixelPaddingValue=7)
    np.testing.assert_array_equal(read().frames[0], np.where(pixels == 7, 0, 255 - pixels))


@pytest.mark.parametrize('keyword, vr, kind', [('FloatPixelData', 'OF', 'f4'),
                                                     ('DoubleFloatPixelData', 'OD', 'f8')])
def test_fractions_are_pixels_too(make_dicom, read, file, keyword, vr, kind):
    values = np.linspace(-1, 3, 24 * 30).reshape(24, 30).astype(kind)
    dataset = make_dicom(file, values, PixelRepresentation=None, BitsStored=None, HighBit=None)
    del dataset.PixelData
    dataset.add_new(keyword, vr, values.tobytes())
    dataset.save_as(file, enforce_file_format=True)
    assert_close(read().frames[0], (values + 1) / 4 * 255)


def test_single_bits_may_begin_within_a_byte(make_dicom, read, file):
    pixels = np.random.default_rng(0).integers(0, 2, (3, 7, 9), np.uint8)        # 63 bits a frame
    packed = np.packbits(pixels.ravel(), bitorder='little').tobytes()
    make_dicom(file, pixels, raw=packed, BitsAllocated=1, BitsStored=1)
    np.testing.assert_array_equal(read().frames, 255 * pixels)


# ── colour ──

@pytest.mark.parametrize('planar', [0, 1])
@pytest.mark.parametrize('photometric', ['RGB', 'YBR_FULL'])
def test_colour_is_read_in_both_orders(make_dicom, read, file, noise, photometric, planar):
    colours = noise(3, 24, 30, 3)
    stored = colours if photometric == 'RGB' else np.stack(
        [np.array(Image.fromarray(frame).convert('YCbCr')) for frame in colours])
    raw = stored if planar == 0 else stored.transpose(0, 3, 1, 2)
    make_dicom(file, stored, photometric, PlanarConfiguration=planar, raw=raw.tobytes())
    assert_close(read().frames, colours, atol=0 if photometric == 'RGB' else 4)  # both round, twice


def test_16_bits_of_a_colour_become_8(make_dicom, read, file, noise):
    colours = noise(24, 30, 3)
    make_dicom(file, colours.astype(np.uint16) * 257, 'RGB')
    np.testing.assert_array_equal(read().frames[0], colours)


@pytest.mark.parametrize('photometric', ['YBR_FULL_422', 'YBR_PARTIAL_422'])
@pytest.mark.parametrize('frames', [1, 4])
def test_pairs_of_pixels_share_their_colour(make_dicom, read, file, noise, photometric, frames):
    colours = np.repeat(noise(frames, 24, 15, 3) // 2 + 60, 2, axis=2)           # equal in pairs
    ycc = np.stack([np.array(Image.fromarray(frame).convert('YCbCr')) for frame in colours])
    ycc = ycc.astype(float)
    if photometric == 'YBR_PARTIAL_422':
        ycc = ycc * [219 / 255, 224 / 255, 224 / 255] + [16, 128 * 31 / 255, 128 * 31 / 255]
    ycc = ycc.round().astype(np.uint8)
    stored = np.stack([ycc[:, :, ::2, 0], ycc[:, :, 1::2, 0], ycc[:, :, ::2, 1], ycc[:, :, ::2, 2]],
                      axis=-1)
    make_dicom(file, colours, photometric, raw=stored.tobytes())
    assert_close(read().frames, colours, atol=5)


def test_some_files_say_pairs_and_store_every_pixel(make_dicom, read, file, noise):
    colours = noise(4, 24, 30, 3)
    ycc = np.stack([np.array(Image.fromarray(frame).convert('YCbCr')) for frame in colours])
    make_dicom(file, ycc, 'YBR_FULL_422')
    assert_close(read().frames, colours, atol=4)


@pytest.mark.parametrize('bits, kind, factor, syntax', [
    (16, '<u2', 257, ExplicitVRLittleEndian), (16, '<u2', 257, ImplicitVRLittleEndian),
    (16, '>u2', 257, ExplicitVRBigEndian), (8, 'u1', 1, ExplicitVRLittleEndian),
    (16, '<u2', 1, ExplicitVRLittleEndian), (8, '<u2', 1, ExplicitVRLittleEndian)])
def test_palettes_are_looked_up(make_dicom, read, file, noise, bits, kind, factor, syntax):
    indices, palette, tags = noise(24, 30), noise(200, 3), {}
    for channel, colour in enumerate(('Red', 'Green', 'Blue')):
        tags[f'{colour}PaletteColorLookupTableDescriptor'] = [200, 10, bits]
        tags[f'{colour}PaletteColorLookupTableData'] = (
            palette[:, channel].astype(kind) * factor).astype(kind).tobytes()
    make_dicom(file, indices, 'PALETTE COLOR', syntax, **tags)
    wanted = palette[np.clip(indices.astype(int) - 10, 0, 199)]
    np.testing.assert_array_equal(read().frames[0], wanted)


def test_palettes_of_more_than_256_entries_of_8_bits(make_dicom, read, file, noise):
    palette, tags = noise(4096, 3), {}
    for channel, colour in enumerate(('Red', 'Green', 'Blue')):
        tags[f'{colour}PaletteColorLookupTableDescriptor'] = [4096, 0, 8]
        tags[f'{colour}PaletteColorLookupTableData'] = palette[:, channel].tobytes()
    make_dicom(file, RAMP, 'PALETTE COLOR', BitsStored=12, **tags)
    np.testing.assert_array_equal(read().frames[0], palette[RAMP])


@pytest.mark.parametrize('bits', [8, 16])
def test_palettes_may_come_in_segments(make_dicom, read, file, noise, bits):
    """One discrete entry, 0, then a line to the highest value in 255 steps."""
    segments = np.array([0, 1, 0, 1, 255, 2 ** bits - 1], 'u1' if bits == 8 else '<u2').tobytes()
    tags = {}
    for colour in ('Red', 'Green', 'Blue'):
        tags[f'{colour}PaletteColorLookupTableDescriptor'] = [256, 0, bits]
        tags[f'Segmented{colour}PaletteColorLookupTableData'] = segments
    indices = noise(24, 30)
    make_dicom(file, indices, 'PALETTE COLOR', **tags)
    np.testing.assert_array_equal(read().frames[0], np.repeat(indices[..., None], 3, -1))


@pytest.mark.parametrize('photometric, message', [
    ('PALETTE COLOR', 'its palette is missing'), ('HSV', 'PhotometricInterpretation'),
    ('YBR_RCT', 'compressed')])
def test_what_has_no_colours_is_refused(make_dicom, reason, file, noise, photometric, message):
    pixels = noise(24, 30) if photometric == 'PALETTE COLOR' else noise(24, 30, 3)
    make_dicom(file, pixels, photometric)
    assert message in reason()


# ── shape ──

def region(left: int, top: int, right: int, bottom: int, form: int = 1) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat = form
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    return item


def test_it_is_cropped_to_the_largest_two_dimensional_region(make_dicom, read, file, noise):
    pixels = noise(4, 40, 60)
    make_dicom(file, pixels, SequenceOfUltrasoundRegions=[
        region(0, 0, 5, 5), region(10, 5, 39, 900), region(0, 0, 59, 39, form=2)])
    np.testing.assert_array_equal(read().frames, pixels[:, 5:40, 10:40])


def test_a_region_without_a_place_is_ignored(make_dicom, read, file, noise):
    nowhere = Dataset()
    nowhere.RegionSpatialFormat = 1
    make_dicom(file, noise(24, 30), SequenceOfUltrasoundRegions=[nowhere])
    found = read()
    assert found.frames.shape == (1, 24, 30)
    assert 'SequenceOfUltrasoundRegions is invalid' in found.notes


@pytest.mark.parametrize('tags, shape', [
    ({'PixelSpacing': [0.2, 0.1]}, (48, 30)), ({'PixelAspectRatio': [1, 2]}, (24, 60)),
    ({'PixelSpacing': [0.3, 0.3], 'PixelAspectRatio': [1, 2]}, (24, 30)),
    ({'PixelSpacing': [0, 0.1]}, (24, 30)), ({'PixelAspectRatio': [1, 90]}, (24, 30))])
def test_pixels_become_squares(make_dicom, read, file, noise, tags, shape):
    make_dicom(file, noise(24, 30), **tags)
    assert read().frames.shape[1:] == shape
