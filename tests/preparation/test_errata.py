import pytest

from lddm_aug.preparation.errata import read_errata

HEADER = 'action,item,value,why,source\n'


@pytest.mark.parametrize(('text', 'message'), [
    ('item,value\n', 'the columns must be action,item,value,why,source'),
    (HEADER + 'delete,a,,w,s\n', "line 2: action must be one of .* but got 'delete'"),
    (HEADER + 'relabel,a,,w,s\n', 'line 2: item and, unless it is excluded, value'),
    (HEADER + 'exclude,a,,w, with a comma,s\n', 'line 2: 5 values are needed'),
    (HEADER + 'exclude,a\n', 'line 2: 5 values are needed')])
def test_a_list_of_another_form_is_refused(tmp_path, text: str, message: str):
    (tmp_path / 'errata.csv').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_errata(tmp_path / 'errata.csv')


def test_a_list_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such list of errata'):
        read_errata(tmp_path / 'errata.csv')
