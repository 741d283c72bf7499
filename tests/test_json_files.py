from __future__ import annotations

import pytest

from lddm_aug.json_files import parse_json, read_json, require_form

FORM = {'name': str, 'count': int, 'share?': (float, None), 'parts': [{'id': str}], 'more?': dict}


@pytest.mark.parametrize('value', [
    dict(name='a', count=1, parts=[]),
    dict(name='a', count=1, parts=[dict(id='b', other=1)], share=None, more={}, unknown=[]),
    dict(name='a', count=1, parts=[], share=1)])
def test_what_has_the_form_is_returned(value):
    assert require_form(value, FORM, 'a.json', 'copy it') is value


@pytest.mark.parametrize('value, fault', [
    ([], 'a.json must hold an object, but has one of type list; copy it'),
    (dict(name='a', parts=[]), 'a.json lacks count; copy it'),
    (dict(name='a', count=True, parts=[]), 'a.json must hold a value of type int at count, but '
                                           'has one of type bool; copy it'),
    (dict(name='a', count=1, parts={}), 'at parts'),
    (dict(name='a', count=1, parts=[dict(id='b'), {}]), r'lacks parts\[1\].id'),
    (dict(name='a', count=1, parts=[dict(id=2)]), r'at parts\[0\].id'),
    (dict(name='a', count=1, parts=[], share='1'), 'at share')])
def test_the_first_place_with_another_form_is_named(value, fault):
    with pytest.raises(ValueError, match=fault):
        require_form(value, FORM, 'a.json', 'copy it')


def test_each_value_of_an_object_can_have_one_form():
    require_form(dict(a=1, b=2), {str: int}, 'a.json', 'copy it')
    with pytest.raises(ValueError, match='at b'):
        require_form(dict(a=1, b='2'), {str: int}, 'a.json', 'copy it')


@pytest.mark.parametrize('text, fault', [('{', 'is not JSON'),
                                         ('[' * 10 ** 5, 'is nested too deeply'),
                                         ('9' * 5000, 'is not JSON'), ('\xff', 'is not JSON')])
def test_what_is_no_json_is_refused_with_the_name_of_the_file(tmp_path, text, fault):
    (tmp_path / 'a.json').write_text(text, encoding='latin-1')
    with pytest.raises(ValueError, match=rf'a\.json {fault}.*; copy it'):
        read_json(tmp_path / 'a.json', object, 'copy it')
    with pytest.raises(ValueError, match=r'table, line 3'):
        parse_json(text.encode('latin-1'), dict, 'table, line 3', 'copy it')
