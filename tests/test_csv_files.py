"""Tables that are written whole or not at all."""
import csv

import pytest

from lddm_aug.csv_files import write_csv


def test_a_table_is_read_back_as_it_was(tmp_path):
    rows = [['a,b.png', 'he said "no"'], ['line\nbreak', ''], ['\udcff.png', 'ü']]
    write_csv(tmp_path / 'new' / 'table.csv', ['path', 'label'], rows)
    with (tmp_path / 'new' / 'table.csv').open(newline='', encoding='utf-8',
                                               errors='surrogateescape') as file:
        assert [*csv.reader(file)] == [['path', 'label'], *rows]


def test_a_table_that_ends_in_an_error_leaves_the_older_one(tmp_path):
    def rows():
        yield ['a']
        raise RuntimeError('no more')

    write_csv(tmp_path / 'table.csv', ['path'], [['older']])
    with pytest.raises(RuntimeError):
        write_csv(tmp_path / 'table.csv', ['path'], rows())
    assert (tmp_path / 'table.csv').read_text() == 'path\nolder\n'
    assert [file.name for file in tmp_path.iterdir()] == ['table.csv']
