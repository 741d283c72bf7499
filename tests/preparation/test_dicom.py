"""DICOM files with patients that never existed; their values must come out nowhere."""
from __future__ import annotations

import io
import logging
import sys
import traceback
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

from lddm_aug.preparation.dicom import find_file, list_dicom, read_key

KEY = bytes(range(32))
PATIENT = {'PatientName': 'Zanzibar^Quetzal', 'PatientID': 'MRN-4711-0815',
           'PatientBirthDate': '19230417', 'OtherPatientIDs': 'OTHER-555',
           'AccessionNumber': 'ACC-98765', 'InstitutionName': 'Hospital of Nowhere',
           'ReferringPhysicianName': 'Doctor^Strangelove', 'StudyDate': '20190203',
           'PatientAddress': '12 Hidden Lane'}
PLANTED = ('Zanzibar', 'Quetzal', '4711', '0815', '19230417', 'OTHER-555', '98765', 'Nowhere',
           'Strangelove', '20190203', 'Hidden Lane')


def make_dicom(path: Path, pixels: np.ndarray, photometric: str = 'MONOCHROME2',
               **tags) -> Dataset:
    """(H, W[, 3]) or (T, H, W[, 3]) stored as it is; a tag that is None is left away."""
    colour = pixels.shape[-1] == 3
    frames = pixels if pixels.ndim == 3 + colour else pixels[None]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = UltrasoundMultiFrameImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid()
    dataset.Modality = 'US'
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.SamplesPerPixel = 3 if colour else 1
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
        dataset.FrameTime = 40
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    dataset['PixelData'].VR = 'OB' if pixels.itemsize == 1 else 'OW'
    for name, value in {**PATIENT, **tags}.items():
        if value is None:
            dataset.pop(name, None)
        else:
            setattr(dataset, name, value)
    dataset.add_new(0x00091010, 'LO', 'private Zanzibar')
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return dataset


def smooth(*shape: int) -> np.ndarray:
    """Gradients, which JPEG hardly changes."""
    ramps = np.meshgrid(*(np.linspace(20, 220, length) for length in shape), indexing='ij')
    return np.mean(ramps, axis=0).astype(np.uint8)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def read_only_item(source: Path):
    listing = list_dicom(source, KEY)
    item, = listing.items
    recording = item.open()
    return item, np.stack(list(recording.frames)), recording.fps


# ── pixels ──

def test_a_single_grey_frame_is_a_still(source):
    pixels = noise(24, 30)
    make_dicom(source / 'benign/a.dcm', pixels)
    item, read, _ = read_only_item(source)
    assert (item.role, item.label) == ('still', 'benign')
    np.testing.assert_array_equal(read[0], pixels)


def test_several_frames_are_a_video_with_its_rate(source):
    pixels = noise(20, 24, 30)
    make_dicom(source / 'benign/a.dcm', pixels)
    item, read, fps = read_only_item(source)
    assert (item.role, fps) == ('video', 25)
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize(('tags', 'fps'), [
    ({'FrameTime': None, 'CineRate': 30}, 30),
    ({'FrameTime': None, 'RecommendedDisplayFrameRate': 17}, 17), ({'FrameTime': None}, None)])
def test_the_rate_stands_in_several_tags(source, tags: dict, fps: float | None):
    make_dicom(source / 'benign/a.dcm', noise(4, 24, 30), **tags)
    assert read_only_item(source)[2] == fps


def test_monochrome1_is_turned_so_that_echo_is_bright(source):
    pixels = noise(24, 30)
    make_dicom(source / 'benign/a.dcm', pixels, 'MONOCHROME1')
    np.testing.assert_array_equal(read_only_item(source)[1][0], 255 - pixels)


@pytest.mark.parametrize('planar', [0, 1])
def test_rgb_is_read_in_both_orders(source, planar: int):
    pixels = noise(3, 24, 30, 3)
    stored = pixels if planar == 0 else pixels.transpose(0, 3, 1, 2)
    make_dicom(source / 'benign/a.dcm', pixels, 'RGB', PlanarConfiguration=planar,
               PixelData=np.ascontiguousarray(stored).tobytes())
    np.testing.assert_array_equal(read_only_item(source)[1], pixels)


def test_ybr_becomes_rgb(source):
    colours = noise(24, 30, 3)
    ybr = np.array(Image.fromarray(colours).convert('YCbCr'))        # Pillow's own arithmetic
    make_dicom(source / 'benign/a.dcm', ybr, 'YBR_FULL')
    difference = read_only_item(source)[1][0].astype(int) - colours
    assert np.abs(difference).max() <= 4             # both round, twice


def test_palettes_are_looked_up(source):
    indices = noise(24, 30)
    palette = noise(256, 3)
    luts = {}
    for channel, colour in enumerate(('Red', 'Green', 'Blue')):
        luts[f'{colour}PaletteColorLookupTableDescriptor'] = [256, 0, 16]
        luts[f'{colour}PaletteColorLookupTableData'] = (
            palette[:, channel].astype('<u2') * 257).tobytes()
    make_dicom(source / 'benign/a.dcm', indices, 'PALETTE COLOR', **luts)
    np.testing.assert_array_equal(read_only_item(source)[1][0], palette[indices])


def test_12_bits_become_8_by_window_or_by_range(source):
    pixels = np.linspace(0, 4095, 24 * 30).reshape(24, 30).astype(np.uint16)
    make_dicom(source / 'benign/a.dcm', pixels, BitsStored=12, HighBit=11)
    _, read, _ = read_only_item(source)
    assert np.abs(read[0] - pixels / 4095 * 255).max() <= 0.51
    make_dicom(source / 'benign/a.dcm', pixels, BitsStored=12, HighBit=11, WindowCenter=1000,
               WindowWidth=1000)
    _, read, _ = read_only_item(source)
    assert np.abs(read[0] - np.clip((pixels - 500.) / 1000, 0, 1) * 255).max() <= 1


def test_rle_is_exact(source):
    pixels = noise(4, 24, 30, 3)
    dataset = make_dicom(source / 'benign/a.dcm', pixels, 'RGB')
    dataset.compress(RLELossless)
    dataset.save_as(source / 'benign/a.dcm', enforce_file_format=True)
    np.testing.assert_array_equal(read_only_item(source)[1], pixels)


@pytest.mark.parametrize(('photometric', 'shape'), [('MONOCHROME2', (4, 32, 48)),
                                                    ('YBR_FULL_422', (4, 32, 48, 3))])
def test_jpeg_is_as_close_as_jpeg_is(source, photometric: str, shape: tuple[int, ...]):
    pixels = smooth(*shape)
    if photometric != 'MONOCHROME2':
        pixels[..., 0] //= 2                         # so that a swap of colours shows
    encoded = []
    for frame in pixels:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, 'JPEG', quality=95)
        encoded.append(file.getvalue())
    dataset = make_dicom(source / 'benign/a.dcm', pixels, photometric)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate(encoded)
    dataset['PixelData'].is_undefined_length = True
    dataset.save_as(source / 'benign/a.dcm', enforce_file_format=True)
    assert np.abs(read_only_item(source)[1].astype(int) - pixels).mean() < 2


def test_lossless_jpeg_is_exact(source):
    gdcm = pytest.importorskip('gdcm', reason='its encoder writes the file')
    pixels = noise(24, 30)
    path = source / 'benign/a.dcm'
    make_dicom(path, pixels)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == JPEGLosslessSV1
    np.testing.assert_array_equal(read_only_item(source)[1][0], pixels)


def region(left: int, top: int, right: int, bottom: int, form: int = 1) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat = form
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    return item


def test_it_is_cropped_to_the_largest_two_dimensional_region(source):
    pixels = noise(4, 40, 60)
    make_dicom(source / 'benign/a.dcm', pixels, SequenceOfUltrasoundRegions=[
        region(0, 0, 5, 5), region(10, 5, 39, 900), region(0, 0, 59, 39, form=2)])
    np.testing.assert_array_equal(read_only_item(source)[1], pixels[:, 5:40, 10:40])


def test_a_file_without_a_region_is_kept_whole_and_said(source):
    make_dicom(source / 'benign/a.dcm', noise(24, 30), BurnedInAnnotation='YES')
    notes = '\n'.join(list_dicom(source, KEY).notes)
    assert '1 files name no ultrasound region' in notes
    assert '1 files say that text is burnt into them' in notes


# ── patients ──

@pytest.fixture
def clinic(source: Path) -> Path:
    """Good, damaged and hostile files of two patients, whose names stand in file names, too."""
    for number in range(3):
        make_dicom(source / f'benign/Zanzibar {number}.dcm', noise(16, 24, 30))
    make_dicom(source / 'malignant/4711/still.dcm', noise(24, 30))
    make_dicom(source / 'malignant/other.dcm', noise(24, 30), PatientID='P2')
    make_dicom(source / 'malignant/blank.dcm', noise(24, 30), PatientID='')
    make_dicom(source / 'malignant/cut MRN-4711.dcm', noise(16, 24, 30))
    cut = source / 'malignant/cut MRN-4711.dcm'
    cut.write_bytes(cut.read_bytes()[:-9000])
    (source / 'malignant/19230417.dcm').touch()
    (source / 'malignant/text Quetzal.dcm').write_text('Zanzibar^Quetzal ' * 50)
    dataset = make_dicom(source / 'malignant/lies.dcm', noise(24, 30))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([b'Zanzibar^Quetzal MRN-4711-0815 ' * 20])
    dataset['PixelData'].is_undefined_length = True
    dataset.save_as(source / 'malignant/lies.dcm', enforce_file_format=True)
    make_dicom(source / 'malignant/odd.dcm', noise(24, 30), BitsStored=3,
               PhotometricInterpretation='ZANZIBAR 4711')
    make_dicom(source / 'malignant/huge.dcm', noise(24, 30), Rows=10_000, Columns=6_000)
    whole = (source / 'malignant/other.dcm').read_bytes()
    bad_rate = whole.replace(b'\x08\x00\x20\x00DA\x08\x0020190203',
                             b'\x08\x00\x20\x00DA\x08\x00Zanzibar')
    assert bad_rate != whole
    (source / 'malignant/bad date.dcm').write_bytes(bad_rate)
    (source / 'malignant/Zanzibar link.dcm').symlink_to(source / 'nothing Quetzal')
    make_dicom(source / 'Zanzibar at the root.dcm', noise(24, 30))
    (source / 'letter to Strangelove.txt').write_text('Zanzibar')
    return source


def everything_under(folder: Path) -> str:
    parts = [file.relative_to(folder).as_posix() for file in folder.rglob('*')]
    parts += [file.read_bytes().decode('latin-1') for file in folder.rglob('*') if file.is_file()]
    return '\n'.join(parts)


def assert_no_patient(text: str) -> None:
    for value in PLANTED:
        assert value.casefold() not in text.casefold()


def test_not_one_patient_value_in_any_output_or_log(clinic, out, run, capfd, caplog, recwarn):
    caplog.set_level(logging.DEBUG)
    with caplog.at_level(logging.DEBUG, logger='pydicom'):
        report = run(list_dicom(clinic, KEY), max_bad_share=0.9)
    assert {item.role for item in report.items} == {'still', 'video'}
    assert len(report.left_out) >= 6
    captured = capfd.readouterr()
    for text in (str(report), captured.out, captured.err, caplog.text, everything_under(out),
                 *(str(warning.message) for warning in recwarn)):
        assert_no_patient(text)
    reasons = '\n'.join(each.reason for each in report.left_out)
    for reason in ('0 bytes', 'cannot be read as DICOM', 'cannot be decoded', '60 million',
                   'in no class folder', 'link'):
        assert reason in reasons


def test_not_one_patient_value_in_any_traceback(clinic):
    """Nor in what Python keeps behind an exception: its causes and contexts."""
    seen = 0
    listing = list_dicom(clinic, KEY)
    for item in listing.items:
        try:
            list(item.open().frames)
        except ValueError as error:
            seen += 1
            assert error.__cause__ is None and error.__context__ is None
            assert_no_patient(''.join(traceback.format_exception(*sys.exc_info()))
                              .replace(str(clinic), ''))
    assert seen >= 2


def test_a_run_stopped_by_bad_files_names_no_patient(clinic, run):
    with pytest.raises(ValueError, match='more than 10%') as caught:
        run(list_dicom(clinic, KEY), max_bad_share=0.1)
    assert_no_patient(''.join(traceback.format_exception(caught.value)))


def test_folders_named_after_patients_are_no_classes(source):
    make_dicom(source / 'QUETZAL_Zanzibar/a.dcm', noise(24, 30))
    with pytest.raises(ValueError, match='named after patients.*--label-table') as caught:
        list_dicom(source, KEY)
    assert_no_patient(str(caught.value))
    item, = list_dicom(source, KEY, label='benign').items
    assert item.label == 'benign'


def test_one_patient_is_one_group_whatever_the_folder(clinic):
    groups = {find_file(clinic, KEY, item.source).relative_to(clinic).as_posix(): item.group
              for item in list_dicom(clinic, KEY).items}
    mine = groups['benign/Zanzibar 0.dcm']
    assert groups['malignant/4711/still.dcm'] == mine
    assert len({mine, groups['malignant/other.dcm'], groups['malignant/blank.dcm']}) == 3


def test_another_key_gives_other_names_and_groups(source):
    make_dicom(source / 'benign/a.dcm', noise(24, 30))
    one, two = (list_dicom(source, key).items[0] for key in (KEY, KEY[::-1]))
    assert one.source != two.source
    assert one.group != two.group
    assert one.stamp != two.stamp


def test_a_table_gives_labels(source, tmp_path):
    for name in 'abc':
        make_dicom(source / f'4711/{name}.dcm', noise(24, 30))
    (tmp_path / 'labels.csv').write_text('path,label\n4711/a.dcm,x\n4711/b.dcm,y\nlost.dcm,x\n')
    listing = list_dicom(source, KEY, label_table=tmp_path / 'labels.csv')
    assert sorted(item.label for item in listing.items) == ['x', 'y']
    assert 'table of labels lacks it' in listing.left_out[0].reason
    assert '1 rows of the table of labels name no DICOM' in '\n'.join(listing.notes)


def test_a_second_run_changes_nothing(clinic, run, snapshot):
    run(list_dicom(clinic, KEY), max_bad_share=0.9)
    before = snapshot()
    assert not run(list_dicom(clinic, KEY), max_bad_share=0.9).changed
    assert snapshot() == before


def test_a_document_is_left_out_and_does_not_count_as_bad(source):
    make_dicom(source / 'benign/report.dcm', noise(24, 30), Modality='SR', Rows=None,
               PixelData=None)
    left_out, = list_dicom(source, KEY).left_out
    assert (left_out.kind, left_out.reason) == ('excluded', 'holds a document, no picture')


# ── the key ──

def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = read_key(tmp_path / 'a.key', make=True)
    assert len(key) == 32
    assert read_key(tmp_path / 'a.key', make=True) == key
    assert (tmp_path / 'a.key').stat().st_mode & 0o077 == 0
    assert read_key(tmp_path / 'b.key', make=True) != key


def test_a_missing_or_broken_key_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='the key is missing'):
        read_key(tmp_path / 'a.key', make=False)
    (tmp_path / 'a.key').write_bytes(b'short')
    with pytest.raises(ValueError, match='holds no key of 32 bytes'):
        read_key(tmp_path / 'a.key', make=True)
