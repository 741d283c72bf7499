"""Which files are used, as what, and what is said of them."""
from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import MPEG2MPML, ExplicitVRLittleEndian, RLELossless

from lddm_aug.preparation.dicom import list_dicom
from lddm_aug.preparation.listing import BAD, Recording
from lddm_aug.preparation.prepare import Options, prepare

KEY = bytes(range(32))


def test_a_file_without_a_region_is_not_cropped_and_reported(source, make_dicom, noise):
    make_dicom(source / 'benign/a.dcm', noise(24, 30), BurnedInAnnotation='YES')
    notes = '\n'.join(list_dicom(source, KEY).notes)
    assert '1 files have no ultrasound region' in notes
    assert '1 files have text burnt into them' in notes


def test_a_table_gives_labels(source, tmp_path, make_dicom, noise):
    for name in 'abc':
        make_dicom(source / f'4711/{name}.dcm', noise(24, 30))
    (tmp_path / 'labels.csv').write_text('path,label\n4711/a.dcm,x\n4711/b.dcm,y\nlost.dcm,x\n')
    listing = list_dicom(source, KEY, label_table=tmp_path / 'labels.csv')
    assert sorted(item.label for item in listing.items) == ['x', 'y']
    assert 'table of labels lacks it' in listing.left_out[0].reason
    assert '1 rows of the table of labels have no DICOM' in '\n'.join(listing.notes)


@pytest.mark.parametrize('text, encoding', [
    ('path;label\nä\\a.dcm;1,0\n.\\ä\\b.dcm;2,0\n', 'cp1252'),
    ('Path\tLabel\n./ä/a.dcm\t1.0\nä/b.dcm\t2.0\n', 'utf-16')])
def test_a_table_of_labels_is_read_however_a_program_wrote_it(source, tmp_path, make_dicom, noise,
                                                              text, encoding):
    for name in 'ab':
        make_dicom(source / f'ä/{name}.dcm', noise(24, 30))
    (tmp_path / 'labels.csv').write_text(text, encoding=encoding)
    listing = list_dicom(source, KEY, label_table=tmp_path / 'labels.csv')
    assert sorted(item.label for item in listing.items) == ['1', '2']
    assert not listing.left_out


def test_a_row_of_labels_that_is_no_use_costs_its_own_file_only(source, tmp_path, make_dicom,
                                                               noise):
    for name in 'abc':
        make_dicom(source / f'{name}.dcm', noise(24, 30))
    (tmp_path / 'labels.csv').write_text('path,label\na.dcm,x\nb.dcm,\nc.dcm,x\nc.dcm,y\n')
    listing = list_dicom(source, KEY, label_table=tmp_path / 'labels.csv')
    assert [item.label for item in listing.items] == ['x']
    assert sorted((each.kind, each.reason[:6]) for each in listing.left_out) == [
        ('bad', 'line 3'), ('bad', 'line 5')]


@pytest.mark.parametrize('tags, kind', [
    ({'Modality': 'SR'}, 'a document (SR)'),
    ({'SOPClassUID': '1.2.840.10008.5.1.4.1.1.104.1'}, 'Encapsulated PDF Storage'),
    ({'SOPClassUID': '1.2.840.10008.5.1.4.1.1.11.1'}, 'Softcopy Presentation State')])
def test_a_document_is_left_out_and_does_not_count_as_bad(source, make_dicom, noise, tags, kind):
    make_dicom(source / 'benign/report.dcm', noise(24, 30), Rows=None, PixelData=None, **tags)
    left_out, = list_dicom(source, KEY).left_out
    assert left_out.kind == 'excluded'
    assert 'no pixels' in left_out.reason and kind in left_out.reason


def test_every_file_is_used_or_left_out_with_its_reason(source, make_dicom, noise, run):
    for number in range(16):
        make_dicom(source / f'benign/{number}.dcm', noise(24, 30), SeriesInstanceUID='1.2',
                   InstanceNumber=number)
    index = get_testdata_file('DICOMDIR', download=False)
    (source / 'benign/DICOMDIR').write_bytes(Path(index).read_bytes())
    (source / 'benign/notes.txt').write_text('no picture')
    (source / 'benign/.hidden').write_text('no picture')
    (source / 'benign/false.dcm').write_text('no picture ' * 99)
    (source / 'benign/link.dcm').symlink_to(source / 'benign/0.dcm')
    report = run(list_dicom(source, KEY, series=True))
    assert sorted((each.kind, each.reason.removeprefix(f'{each.source} '))
                  for each in report.left_out) == [
        ('bad', 'cannot be read as DICOM: it has neither Rows nor SOPClassUID; is it of another '
                'format, cut off or damaged?'),
        ('excluded', 'has no pixels: it is of the kind Media Storage Directory Storage'),
        ('excluded', 'is a link to another file of the source'),
        ('unused', "is hidden or an operating system's own"), ('unused', 'is no DICOM file')]
    assert '21 files found = 16 used + 5 left out' in str(report)


def test_folders_called_like_parts_of_a_split_are_no_classes(source, make_dicom, noise):
    for name in ('train/benign/a', 'train/malignant/b', 'test/benign/c'):
        make_dicom(source / f'{name}.dcm', noise(24, 30))
    listing = list_dicom(source, KEY)
    assert sorted((item.split, item.label) for item in listing.items) == [
        ('test', 'benign'), ('train', 'benign'), ('train', 'malignant')]
    assert 'the column split' in '\n'.join(listing.notes)


def test_folders_that_can_be_no_classes_are_refused_without_their_names(source, make_dicom, noise):
    for number in range(2):
        make_dicom(source / f'only/Zanzibar {number}/a.dcm', noise(24, 30))
    with pytest.raises(ValueError, match='--label-table or --label') as caught:
        list_dicom(source, KEY)
    assert 'Zanzibar' not in ''.join(traceback.format_exception(caught.value))
    assert {item.label for item in list_dicom(source, KEY, label='benign').items} == {'benign'}


def test_a_file_that_may_not_be_read_stops_nothing_but_itself(source, make_dicom, noise,
                                                              monkeypatch):
    for name in 'abc':
        make_dicom(source / f'benign/{name}.dcm', noise(24, 30))
    closed = source / 'benign/b.dcm'
    opened = type(closed).open

    def open_(path, *args, **kwargs):
        if path == closed:
            raise PermissionError(13, 'Permission denied', str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(type(closed), 'open', open_)
    listing = list_dicom(source, KEY)
    assert len(listing.items) == 2
    left_out, = listing.left_out
    assert left_out.kind == 'bad' and 'Permission denied' in left_out.reason
    assert str(source) not in left_out.reason


# ── groups ──

@pytest.mark.parametrize('value', ['ANONYMOUS', 'P1'])
def test_one_value_for_everything_over_classes_is_noticed_with_its_tag(source, make_dicom, noise,
                                                                      value):
    for name in ('benign/a', 'benign/b', 'malignant/c'):
        make_dicom(source / f'{name}.dcm', noise(24, 30), PatientID=value)
    note, = [note for note in list_dicom(source, KEY).notes if '--group-tag' in note]
    assert '3 of 3 files share one PatientID, over 2 classes' in note
    assert value not in note


def test_a_name_for_nobody_is_noticed_beside_patients(source, make_dicom, noise):
    for name, value in (('benign/a', 'Anonymous'), ('malignant/b', 'Anonymous'),
                        ('malignant/c', 'P3')):
        make_dicom(source / f'{name}.dcm', noise(24, 30), PatientID=value)
    assert '2 of 3 files share one PatientID' in '\n'.join(list_dicom(source, KEY).notes)


def test_patients_of_their_own_are_not_remarked_on(source, make_dicom, noise):
    for name in ('benign/a', 'benign/b', 'malignant/c'):
        make_dicom(source / f'{name}.dcm', noise(24, 30), PatientID=name)
    assert 'share one' not in '\n'.join(list_dicom(source, KEY).notes)


def test_another_tag_makes_other_groups(source, make_dicom, noise):
    for number, name in enumerate(('benign/a', 'benign/b', 'malignant/c')):
        make_dicom(source / f'{name}.dcm', noise(24, 30), PatientID='ANONYMOUS',
                   StudyInstanceUID=f'1.2.{number // 2}')
    listing = list_dicom(source, KEY, group_tag='StudyInstanceUID')
    groups = [item.group for item in listing.items]
    assert groups[0] == groups[1] != groups[2]
    assert 'share one' not in '\n'.join(listing.notes)
    assert 'groups: a keyed hash of StudyInstanceUID' in listing.notes


@pytest.mark.parametrize('padding', ['', ' ', '\0'])
def test_padding_makes_no_other_patient(source, make_dicom, noise, padding):
    make_dicom(source / 'benign/a.dcm', noise(24, 30), PatientID='P1')
    make_dicom(source / 'benign/b.dcm', noise(24, 30), PatientID=f'P1{padding}')
    assert len({item.group for item in list_dicom(source, KEY).items}) == 1


def test_an_id_that_holds_the_name_of_a_class_stops_nothing(source, make_dicom, noise):
    for label in ('benign', 'malignant'):
        for number in range(2):
            make_dicom(source / f'{label}/{number}.dcm', noise(24, 30),
                       PatientID=f'{label}-{number}', PatientName=f'{label} {number}')
    assert len(list_dicom(source, KEY).items) == 4


def test_one_folder_named_after_its_patient_costs_only_itself(source, make_dicom, noise):
    for number in range(2):
        make_dicom(source / f'benign/{number}.dcm', noise(24, 30), PatientID=f'P{number}')
    make_dicom(source / 'Quetzal/a.dcm', noise(24, 30))
    listing = list_dicom(source, KEY)
    assert {item.label for item in listing.items} == {'benign'}
    left_out, = listing.left_out
    assert left_out.kind == 'bad' and 'named after its patient' in left_out.reason


@pytest.mark.parametrize('syntax', [ExplicitVRLittleEndian, RLELossless, MPEG2MPML])
@pytest.mark.parametrize('value', [b'-5', b'-999999999', b'99999999999', b'0', b'x'])
def test_a_file_with_an_odd_number_of_frames_costs_only_itself(
        source, make_dicom, set_raw, noise, tmp_path, syntax, value):
    for number in range(3):
        make_dicom(source / f'benign/{number}.dcm', noise(16, 8, 8))
    encoded = {} if syntax == ExplicitVRLittleEndian else dict(encoded=[b'0' * 64] * 16)
    make_dicom(source / 'benign/odd.dcm', noise(16, 8, 8), syntax=syntax, **encoded)
    set_raw(source / 'benign/odd.dcm', (0x28, 8), value)
    report = prepare(list_dicom(source, KEY), tmp_path / 'out', Options())
    assert len(report.items) + sum(each.kind == BAD for each in report.left_out) == 4
    assert len(report.items) >= 3


def test_an_error_of_a_reader_costs_only_its_item(source, make_dicom, noise, tmp_path):
    for number in range(3):
        make_dicom(source / f'benign/{number}.dcm', noise(16, 8, 8))
    listing = list_dicom(source, KEY)
    for fails, item in zip((lambda: Recording(iter(())), lambda: int('x')), listing.items,
                           strict=False):
        object.__setattr__(item, 'open', fails)
    report = prepare(listing, tmp_path / 'out', Options(max_bad_share=1))
    assert len(report.items) == 1
    assert [each.kind for each in report.left_out] == [BAD, BAD]
