import pytest

from lddm_aug.preparation.errata import read_errata

HEADER = 'action,item,value,why,source\n'


@pytest.mark.parametrize('text, message', [
    ('item,value\n', 'action,item,value,why,source'),
    (HEADER + 'delete,a,,w,s\n', "line 2: action .*'delete'"),
    (HEADER + 'relabel,a,,w,s\n', 'line 2: item and, .*value'),
    (HEADER + 'exclude,a,,w, with a comma,s\n', 'line 2: 5 values'),
    (HEADER + 'exclude,a\n', 'line 2: 5 values')])
def test_a_list_of_another_form_is_refused(tmp_path, text: str, message: str):
    (tmp_path / 'errata.csv').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_errata(tmp_path / 'errata.csv')


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'errata\.csv'):
        read_errata(tmp_path / 'errata.csv')


@pytest.mark.parametrize('content', [
    HEADER.encode() + b'exclude,\xff,,w,s\n', HEADER.encode() + b'exclude,"' + b'a' * 200_000,
    b'a' * 200_000])
def test_a_list_that_is_no_table_is_named(tmp_path, content: bytes):
    (tmp_path / 'errata.csv').write_bytes(content)
    with pytest.raises(ValueError, match=r'errata\.csv'):
        read_errata(tmp_path / 'errata.csv')
