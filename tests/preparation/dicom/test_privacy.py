"""Values that name a patient come out nowhere."""
from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from lddm_aug.preparation.dicom import find_file, list_dicom, read_key

KEY = bytes(range(32))
PLANTED = ('Zanzibar', 'Quetzal', '4711', '0815', '19230417', 'OTHER-555', '98765', 'Nowhere',
           'Strangelove', '20190203', 'Hidden Lane')


@pytest.fixture
def clinic(source: Path, make_dicom, noise) -> Path:
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
    make_dicom(source / 'malignant/torn.dcm', noise(24, 30), syntax=JPEGBaseline8Bit,
               encoded=[b'\xff\xd8\xff Zanzibar^Quetzal MRN-4711-0815 \xff\xd9'])
    make_dicom(source / 'malignant/odd.dcm', noise(24, 30), BitsStored=3,
               PhotometricInterpretation='ZANZIBAR 4711')
    make_dicom(source / 'malignant/private.dcm', noise(24, 30), FrameTime='4711')
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
    errors = []
    listing = list_dicom(clinic, KEY)
    for item in listing.items:
        try:
            list(item.open().frames)
        except ValueError as error:
            errors.append(error)
    assert len(errors) >= 2
    for error in errors:
        assert error.__cause__ is None and error.__context__ is None
        assert_no_patient(''.join(traceback.format_exception(error)).replace(str(clinic), ''))


def test_a_run_stopped_by_bad_files_names_no_patient(clinic, run):
    with pytest.raises(ValueError, match='more than 10%') as caught:
        run(list_dicom(clinic, KEY), max_bad_share=0.1)
    assert_no_patient(''.join(traceback.format_exception(caught.value)))


def test_folders_named_after_patients_are_no_classes(source, make_dicom, noise):
    make_dicom(source / 'QUETZAL_Zanzibar/a.dcm', noise(24, 30))
    with pytest.raises(ValueError, match=r'named after patients.*--label-table') as caught:
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


def test_another_key_gives_other_names_and_groups(source, make_dicom, noise):
    make_dicom(source / 'benign/a.dcm', noise(24, 30))
    one, two = (list_dicom(source, key).items[0] for key in (KEY, KEY[::-1]))
    assert one.source != two.source
    assert one.group != two.group
    assert one.stamp != two.stamp


def test_a_second_run_changes_nothing(clinic, run, snapshot):
    run(list_dicom(clinic, KEY), max_bad_share=0.9)
    before = snapshot()
    assert not run(list_dicom(clinic, KEY), max_bad_share=0.9).changed
    assert snapshot() == before


# ── the key ──

def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = read_key(tmp_path / 'a.key', make=True)
    assert len(key) == 32
    assert read_key(tmp_path / 'a.key', make=True) == key
    assert (tmp_path / 'a.key').stat().st_mode & 0o077 == 0
    assert read_key(tmp_path / 'b.key', make=True) != key


def test_a_missing_or_broken_key_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='key is missing'):
        read_key(tmp_path / 'a.key', make=False)
    (tmp_path / 'a.key').write_bytes(b'short')
    with pytest.raises(ValueError, match='no key of 32 bytes'):
        read_key(tmp_path / 'a.key', make=True)
