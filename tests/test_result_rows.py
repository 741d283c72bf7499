import json

import pytest

from lddm_aug.result_rows import put_rows


def test_rows_take_the_place_of_those_about_the_same(tmp_path):
    file = tmp_path / 'rows.json'
    put_rows(file, [dict(what='a', value=1), dict(what='b', value=2)])
    put_rows(file, [dict(what='c', value=3), dict(what='a', value=4)])
    put_rows(file, [dict(what='b', value=5, device='a GPU')])
    assert json.loads(file.read_text()) == [
        dict(what='a', value=4), dict(what='b', value=2), dict(what='c', value=3),
        dict(what='b', value=5, device='a GPU')]


def test_rows_are_known_by_the_names_that_are_given(tmp_path):
    file = tmp_path / 'folder/steering.json'
    put_rows(file, [dict(what='a', command='x', value=1), dict(what='b', command='x', value=2)],
             key=('what', 'command'))
    put_rows(file, [dict(what='a', command='x', value=3), dict(what='a', command='y', value=4)],
             key=('what', 'command'))
    rows = json.loads(file.read_text())
    assert [(row['what'], row['command'], row['value']) for row in rows] == [
        ('a', 'x', 3), ('b', 'x', 2), ('a', 'y', 4)]


@pytest.mark.parametrize('text', ['[{"what"', '{}', '[1]'])
def test_a_file_of_anything_else_is_named_and_stays(tmp_path, text):
    file = tmp_path / 'rows.json'
    file.write_text(text)
    with pytest.raises(ValueError, match=r'rows.json.*name another --out'):
        put_rows(file, [dict(what='a')])
    assert file.read_text() == text
