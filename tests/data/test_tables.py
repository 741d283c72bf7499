from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lddm_aug.data.tables import (
    read_table,
    restore_integer_names,
    similar_names,
    too_many_numbers,
    whole_number,
)

COLUMNS = ['path', 'label', 'group']
ROWS = [['a.mp4', 'gutartig ü', '007'], ['x, y; z.png', 'NA', '3.0'], ['"q".png', 'None', 'a|b']]


def read(file: Path) -> list[list[str]]:
    table = read_table(file, COLUMNS)
    return [[row[table.column(name)] for name in COLUMNS] for _, row in table.rows]


@pytest.mark.parametrize('separator', [',', ';', '\t', '|'])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'cp1252'])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_whatever_a_program_wrote_is_read_back(tmp_path: Path, separator, encoding, end):
    text = io.StringIO(newline='')
    csv.writer(text, delimiter=separator, lineterminator=end).writerows([COLUMNS, *ROWS])
    (tmp_path / 't.csv').write_bytes(text.getvalue().encode(encoding))
    assert read(tmp_path / 't.csv') == ROWS
    assert bool(read_table(tmp_path / 't.csv', COLUMNS).notes) == (encoding == 'cp1252')


values = st.text(st.characters(codec='utf-8', exclude_categories=['C']), min_size=1).map(
    str.strip).filter(bool)


@given(st.lists(st.tuples(values, values, values), min_size=1), st.sampled_from(',;\t|'))
def test_values_that_pandas_writes_stay_the_text_that_they_were(tmp_path_factory, rows, separator):
    file = tmp_path_factory.mktemp('tables') / 't.csv'
    pd.DataFrame(rows, columns=COLUMNS).to_csv(file, index=False, sep=separator)
    assert read(file) == [list(row) for row in rows]


@pytest.mark.parametrize('text', [
    'sep=;\npath;label;group\na.mp4;b;1\n', '"sep=;"\r\npath;label;group\r\na.mp4;b;1\r\n',
    '# from the ward\n\n path , Label ,GROUP\na.mp4,b,1\n',
    'path,label,group,\na.mp4,b,1,\n,,,\n\n',
    'path,label,group\n# none so far\na.mp4, "b", 1\n', 'note,path,label,group\n"x,y",a.mp4,b,1\n',
    'path;label;group;a,b\na.mp4;b;1;\n', ';path;label;group\n0;a.mp4;b;1\n'])
def test_what_spreadsheets_and_hands_add_is_passed_over(tmp_path: Path, text: str):
    (tmp_path / 't.csv').write_text(text)
    assert read(tmp_path / 't.csv') == [['a.mp4', 'b', '1']]


@pytest.mark.parametrize('content, named', [
    (b'', 'empty'), (b'PK\x03\x04rest', 'spreadsheet'), (b'\xd0\xcf\x11\xe0rest', 'spreadsheet'),
    (b'\x89PNG\r\n\x1a\n\xff', 'UTF-8'), (b'path,name\n', "'label', 'group'"),
    (b'path,label,group,label\n', 'label twice'),
    (b'path,label,group\na,b,1\nx, y,b,1\n', 'line 3: more values'),
    (b'path;label;group\na;b;1;2\n', 'semicolons'),
    (b'path,label,group\na,b,1\na,"b,1\na,b,1\n', 'line 3: a double quote'),
    (b'path,label,group\na,"b"c,1\n', 'line 2: ')])
def test_what_is_no_such_table_is_named_with_its_line(tmp_path: Path, content: bytes, named: str):
    (tmp_path / 't.csv').write_bytes(content)
    with pytest.raises(ValueError, match=r't\.csv') as raised:
        read_table(tmp_path / 't.csv', COLUMNS)
    assert named in str(raised.value)


def test_lines_are_those_of_an_editor(tmp_path: Path):
    (tmp_path / 't.csv').write_text('# a\n\npath,label,group\na,b,1\n\n"a\nb",b,1\nc,b,1\n')
    assert [line for line, _ in read_table(tmp_path / 't.csv', COLUMNS).rows] == [4, 7, 8]


@pytest.mark.parametrize('cell, number', [
    ('3', 3), ('3.0', 3), ('3,00', 3), ('3.', 3), ('007', 7), ('0', 0), ('-3', None),
    ('3.5', None), ('', None), ('three', None), ('٣', None), ('1e1', None)])
def test_whole_numbers_are_read_however_they_are_written(cell: str, number: int | None):
    assert whole_number(cell) == number


@pytest.mark.parametrize('column, read', [
    ([*pd.Series([3, None, 40]).map(str)], ['3', 'nan', '40']),      # '3.0', 'nan', '40.0'
    (['1.0', '1.1', '2.0'], ['1.0', '1.1', '2.0']),  # patient and lesion
    (['007', 'P3.0', '1.2.840', 'NA'], ['007', 'P3.0', '1.2.840', 'NA']),
    (['3.0', '4.0'], ['3.0', '4'])])
def test_numbers_that_pandas_made_decimal_are_whole_again_unless_one_was_not_or_is_known(
        column: list[str], read: list[str]):
    rows = [{'group': name} for name in column]
    known = {'3.0'} if read[0] == '3.0' else ()
    notes = restore_integer_names(rows, 'group', 'column group', known)
    assert [row['group'] for row in rows] == read
    assert len(notes) == (read != column)


def test_a_group_that_is_written_in_two_ways_is_said_with_both():
    rows = [{'group': name} for name in ('3', '3.0', '4.0')]
    note, = restore_integer_names(rows, 'group', 'column group')
    assert '3 and 3.0' in note
    assert restore_integer_names(rows, 'group', 'column group') == []


def test_numbers_that_a_spreadsheet_rounded_are_noticed():
    rounded, others = ([{'group': name} for name in names] for names in (
        ('1.23457E+11', '1.23458E+11'), ('1E', 'E+11', 'P1.2E+3')))
    note, = restore_integer_names(rounded, 'group', 'column group')
    assert note.startswith('column group: ') and '1.23457E+11' in note
    assert restore_integer_names(others, 'group', 'column group') == []


def test_names_that_are_likely_one_are_found():
    names = ['P1', 'p1', 'p 1', 'p  1', '7', '007', '7.0', 'a', 'é', 'e\u0301', '1.2.3']
    assert similar_names(names) == [
        ['007', '7', '7.0'], ['P1', 'p1'], ['e\u0301', 'é'], ['p  1', 'p 1']]


def test_a_class_per_measurement_is_noticed_and_grades_are_none():
    fractions = [f'{40 + number / 7:.4f}' for number in range(50)]
    assert fractions[0] in too_many_numbers(fractions)
    assert too_many_numbers([*fractions, 'NaN'])
    assert too_many_numbers(['55.3', '61.2', '48,9'])
    for labels in (['0', '1'] * 9, ['0.5', '1', '1.5', '2'] * 9, [*map(str, range(60))],
                   [*fractions, 'benign'], ['3.0', '4.0']):
        assert not too_many_numbers(labels)


@pytest.mark.parametrize('separator', [',', ';', '\t'])
def test_a_header_of_very_many_columns_is_read_at_once(tmp_path, separator):
    columns = ['path', 'label', *(f'c{number}' for number in range(100_000))]
    (tmp_path / 't.csv').write_text(f'{separator.join(columns)}\na.png{separator}b\n')
    started = time.monotonic()
    assert read_table(tmp_path / 't.csv', ['path', 'label']).rows[0][1]['label'] == 'b'
    with pytest.raises(ValueError, match='there is no column') as refused:
        read_table(tmp_path / 't.csv', ['group'])
    assert time.monotonic() - started < 20 and len(str(refused.value)) < 1000


def test_a_value_without_end_is_refused_with_its_line(tmp_path):
    for text in ('path,label\n"' + 'a' * 200_000, '"' + 'a' * 200_000):
        (tmp_path / 't.csv').write_text(text)
        with pytest.raises(ValueError, match=r't\.csv'):
            read_table(tmp_path / 't.csv', ['path'])


def test_a_number_of_very_many_digits_is_no_frame():
    assert whole_number('9' * 5000) is None and whole_number('9' * 18) == 10 ** 18 - 1
