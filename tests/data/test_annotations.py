from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lddm_aug.data import annotations
from lddm_aug.data.annotations import (
    Annotation,
    class_names,
    read_annotations,
    rows_of_split,
    usable_rows,
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ('a.mp4', 'benign (1).png', 'x, y.png'):
        (tmp_path / name).write_bytes(b'-')
    return tmp_path / 'table.csv'


def annotation(label: str = 'benign', **changes: object) -> Annotation:
    values = dict(path=Path('a'), label=label, group='p', frame=None, split=None, line=2)
    return Annotation(**{**values, **changes})  # type: ignore[arg-type]


def test_a_row_is_read_whatever_blanks_and_brackets_it_holds(table: Path):
    table.write_text(' path , label,group , frame,split\n'
                     'benign (1).png,  benign ,patient 1 , 7 , train\n'
                     '\n'
                     '"x, y.png",malignant,2\n')
    root = table.parent.resolve()
    assert read_annotations(table) == [
        Annotation(root / 'benign (1).png', 'benign', 'patient 1', 7, 'train', 2),
        Annotation(root / 'x, y.png', 'malignant', '2', None, None, 4)]


def test_what_a_spreadsheet_saves_is_read(table: Path):
    table.write_bytes('\ufeffpath,label,group\r\na.mp4,NA,1\r\n'.encode())
    assert read_annotations(table)[0].label == 'NA'


def test_paths_are_relative_to_the_data_root_and_may_be_absolute_in_it(table: Path, tmp_path: Path):
    elsewhere = tmp_path / 'tables'
    elsewhere.mkdir()
    moved = elsewhere / 'table.csv'
    moved.write_text(f'path,label,group\na.mp4,b,1\n{tmp_path / "a.mp4"},b,1\n')
    rows = read_annotations(moved, data_root=tmp_path)
    assert {row.path for row in rows} == {(tmp_path / 'a.mp4').resolve()}


@pytest.mark.parametrize('row', ['../secret.mp4', '{outside}/secret.mp4', 'link.mp4',
                                 'folder/../../secret.mp4'])
def test_no_path_leads_out_of_the_root(tmp_path: Path, row: str):
    root = tmp_path / 'root'
    (root / 'folder').mkdir(parents=True)
    (tmp_path / 'secret.mp4').write_bytes(b'-')
    (root / 'link.mp4').symlink_to(tmp_path / 'secret.mp4')
    (root / 't.csv').write_text(f'path,label,group\n{row.format(outside=tmp_path)},b,1\n')
    with pytest.raises(ValueError, match=r't\.csv line 2: .*(secret|link)\.mp4 .*data_root'):
        read_annotations(root / 't.csv')


@pytest.mark.parametrize('text, message', [
    ('path,label\na.mp4,b\n', r"table\.csv: .*'group'; .*'path', 'label'"),
    ('', r'table\.csv: .*empty'),
    ('a.mp4 0\nb.mp4 1\n', r"'path', 'label', 'group'; .*'a\.mp4 0'"),
    ('path,label,group\n', r'table\.csv: .*no rows'),
    ('path,label,group\na.mp4,,1\n', r'table\.csv line 2: label'),
    ('path,label,group\na.mp4,b\n', r'table\.csv line 2: group'),
    ('path,label,group\na.mp4,b, \n', r'table\.csv line 2: group'),
    ('path,label,group\nx, y.png,b,1\n', r'line 2: more values than columns \(4, .*3\)'),
    ('path,label,group\n\na.mp4,normal,1\n', r"line 3: label .*benign, malignant, .*'normal'"),
    ('path,label,group,frame\na.mp4,benign,1,-3\n', r"line 2: frame .*'-3'"),
    ('path,label,group,frame\na.mp4,benign,1,1.5\n', r"line 2: frame .*'1\.5'"),
    ('path,label,group,fps\na.mp4,b,1,0\n', r"line 2: fps .*'0'"),
    ('path,label,group,fps\na.mp4,b,1,fast\n', r"line 2: fps .*'fast'"),
])
def test_a_bad_table_is_refused(table: Path, text: str, message: str):
    table.write_text(text)
    classes = ('benign', 'malignant') if 'normal' in text or 'frame' in text else None
    with pytest.raises(ValueError, match=message):
        read_annotations(table, classes=classes)


def test_a_table_that_is_not_text_is_refused(table: Path):
    table.write_bytes(b'\x89PNG\r\n\x1a\n\xff\xfe')
    with pytest.raises(ValueError, match=r'table\.csv: .*UTF-8'):
        read_annotations(table)


def test_a_missing_table_or_file_is_named(table: Path):
    with pytest.raises(FileNotFoundError, match=r'table\.csv'):
        read_annotations(table)
    table.write_text('path,label,group\na.mp4,b,1\nlost.mp4,b,1\n')
    with pytest.raises(FileNotFoundError, match=r'table\.csv line 3: lost\.mp4 does not exist'):
        read_annotations(table)


def test_backslashes_decimal_frames_and_semicolons_are_read(table: Path):
    (table.parent / 'v').mkdir()
    (table.parent / 'v/c.mp4').write_bytes(b'-')
    table.write_text('Path;Label;Group;Frame;fps\nv\\c.mp4;b;1;3.0;29,97\na.mp4;b;1;;\n')
    first, second = read_annotations(table)
    assert first.path == (table.parent / 'v/c.mp4').resolve()
    assert (first.frame, first.fps, second.frame, second.fps) == (3, 29.97, None, None)


def test_a_name_that_holds_a_backslash_is_found_first(table: Path):
    for name in ('v\\c.mp4', 'c.mp4'):
        (table.parent / name).write_bytes(b'-')
    (table.parent / 'v').mkdir()
    table.write_text('path,label,group\nv\\c.mp4,b,1\n')
    assert read_annotations(table)[0].path.name == 'v\\c.mp4'


def test_a_group_is_the_same_in_two_tables_of_which_pandas_wrote_one(table: Path, monkeypatch):
    printed: list[str] = []
    monkeypatch.setattr(annotations, 'print_log', lambda message, **_: printed.append(message))
    groups = []
    for cells in ('3', '40'), ('3.0', '40.0'):
        table.write_text('path,label,group\n' + ''.join(f'a.mp4,b,{cell}\n' for cell in cells))
        groups.append([row.group for row in read_annotations(table)])
    assert groups == [['3', '40']] * 2
    assert len(printed) == 1 and '3.0' in printed[0]


def test_groups_and_labels_that_are_no_numbers_stay_as_they_are(table: Path):
    values = ['007', '1e5', 'NaN', 'None', '../x', 'a/b', '1.10', '1.2.840', 'con']
    table.write_text('path,label,group\n' + ''.join(f'a.mp4,{one},{one}\n' for one in values))
    assert [(row.label, row.group) for row in read_annotations(table)] == [
        (one, one) for one in values]


def test_classes_that_the_config_names_stay_as_they_are(table: Path):
    table.write_text('path,label,group\na.mp4,1.0,3.0\n')
    assert read_annotations(table)[0].label == '1'
    assert read_annotations(table, classes=('1.0', '2.0'))[0].label == '1.0'


def test_groups_that_may_be_one_are_named(table: Path, monkeypatch):
    printed: list[str] = []
    monkeypatch.setattr(annotations, 'print_log', lambda message, **_: printed.append(message))
    table.write_text('path,label,group\na.mp4,b,P1\na.mp4,b,p1\na.mp4,b,7\na.mp4,b,007\n')
    assert len({row.group for row in read_annotations(table)}) == 4
    assert len(printed) == 1 and '007 and 7' in printed[0]


def test_measurements_are_no_classes_unless_the_config_names_them(table: Path):
    values = [f'{40 + number * 1.7:.1f}' for number in range(6)]
    table.write_text('path,label,group\n' + ''.join(f'a.mp4,{one},p\n' for one in values))
    with pytest.raises(ValueError, match=r'table\.csv: .*threshold'):
        read_annotations(table)
    assert len(read_annotations(table, classes=values)) == 6


@given(st.sets(st.integers(0, 200), min_size=1))
def test_numbers_as_labels_stand_in_their_order(numbers: set[int]):
    names = class_names(annotation(str(number)) for number in numbers)
    assert [int(name) for name in names] == sorted(numbers)


def test_names_as_labels_stand_in_alphabetical_order():
    assert class_names(map(annotation, ['m', '10', 'b', '9', 'm'])) == ('10', '9', 'b', 'm')


def test_a_split_that_does_not_occur_is_refused_naming_those_that_do():
    rows = [annotation(split='train'), annotation(split=None)]
    assert rows_of_split(rows, 'train', 't.csv') == rows[:1]
    assert rows_of_split(rows, None, 't.csv') == rows
    with pytest.raises(ValueError, match=r"t\.csv: .*'val'; .*\(blank\), train"):
        rows_of_split(rows, 'val', 't.csv')


def refuse_group_p(row: Annotation) -> None:
    if row.group == 'p':
        raise ValueError('is of p')


def test_every_bad_row_is_named_at_once_or_all_are_skipped(monkeypatch):
    printed: list[str] = []
    monkeypatch.setattr(annotations, 'print_log', lambda message, **_: printed.append(message))
    rows = [annotation(line=2), annotation(group='q', line=3), annotation(line=4)]
    with pytest.raises(ValueError, match=r't\.csv: 2 rows .*\n  line 2: is of p\n'
                                         r"  line 4: is of p\n.*on_bad='skip'"):
        usable_rows(rows, refuse_group_p, 'raise', 't.csv')
    assert usable_rows(rows, refuse_group_p, 'skip', 't.csv') == rows[1:2]
    assert len(printed) == 1
    assert '2 rows' in printed[0] and '\n  line 2: is of p\n  line 4: is of p\n' in printed[0]
    with pytest.raises(ValueError, match=r't\.csv: 1 rows'):
        usable_rows(rows[:1], refuse_group_p, 'skip', 't.csv')
    with pytest.raises(ValueError, match=r"on_bad .*'drop'"):
        usable_rows(rows, refuse_group_p, 'drop', 't.csv')


@pytest.mark.parametrize('path', ['loop.png', 'a\0.png', 'a' * 300 + '.png'])
def test_a_path_that_cannot_be_followed_is_named_with_its_line(table: Path, path: str):
    (table.parent / 'loop.png').symlink_to('loop.png')
    table.write_text(f'path,label,group\n{path},benign,1\n')
    with pytest.raises((ValueError, FileNotFoundError), match=r'table\.csv line 2: '):
        read_annotations(table)


def test_a_column_that_stands_twice_is_refused(table: Path):
    table.write_text('path,label,group,label\na.mp4,benign,1,malignant\n')
    with pytest.raises(ValueError, match=r'table\.csv: .*label twice'):
        read_annotations(table)


def test_a_folder_of_frames_that_are_links_out_of_the_root_is_refused(tmp_path):
    root = tmp_path / 'root'
    (root / 'video').mkdir(parents=True)
    (root / '1.png').touch()
    (root / 'video/0.png').symlink_to(root / '1.png')
    (root / 't.csv').write_text('path,label,group\nvideo,b,1\n')
    assert len(read_annotations(root / 't.csv')) == 1
    (tmp_path / 'secret.png').touch()
    (root / 'video/1.png').symlink_to(tmp_path / 'secret.png')
    with pytest.raises(ValueError, match=r'line 2: .*video/1\.png is a link to what is outside'):
        read_annotations(root / 't.csv')
