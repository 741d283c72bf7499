from __future__ import annotations

import argparse

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lddm_aug.classes import class_list, refuse_other_classes
from lddm_aug.commands.arguments import KeyValue

# what a shell and a table can hold; a comma, a bracket or a quote at an end means something else
names = st.text(st.characters(codec='utf-8', exclude_characters=',\'"[]()', exclude_categories=[
    'Cc', 'Cs', 'Zs', 'Zl', 'Zp']), min_size=1)


def parsed(option: str) -> object:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=KeyValue, default={})
    return parser.parse_args(['--cfg-options', 'steps=3', option]).cfg_options


@given(st.lists(names, min_size=1, unique=True))
def test_the_command_line_keeps_whatever_names_there_are(classes: list[str]):
    key = 'dataset.classes'
    options = parsed(f'{key}={",".join(classes)}')
    assert options == {'steps': 3, key: classes}
    assert class_list('test', options[key]) == tuple(classes)


@pytest.mark.parametrize('typed, classes', [
    ('0,1', ['0', '1']), ('0', ['0']), ('benign', ['benign']), ('01,1e3', ['01', '1e3']),
    ('3.0', ['3.0']), ('true,None', ['true', 'None']), ('a, b', ['a', 'b']), ('a,', ['a']),
    ('no lines,b lines', ['no lines', 'b lines']), ('[a,b]', ['a', 'b']),
    ("('a', \"b\")", ['a', 'b']), ("'[a, b]'", ['a', 'b']), ('grade (1),grade (2)',
                                                             ['grade (1)', 'grade (2)']),
    ('grade (1', ['grade (1']), ('', []), ('None', None)])
def test_classes_are_taken_as_they_are_typed(typed: str, classes: list[str] | None):
    assert parsed(f'a.classes={typed}') == {'steps': 3, 'a.classes': classes}


def test_names_of_a_condition_are_names_and_its_kind_a_kind():
    for typed, read in (('0,1', ['0', '1']), ('a', ['a']), ('number', 'number'), ('text', 'text')):
        key = 'diffusion.model.conditions.view'
        assert parsed(f'{key}={typed}') == {'steps': 3, key: read}


def test_only_the_key_classes_names_classes():
    assert parsed('model.num_classes=2') == {'steps': 3, 'model.num_classes': 2}


@pytest.mark.parametrize('given, classes', [
    (None, ()), ((), ()), ('', ()), ('benign', ('benign',)), ('a, b', ('a', 'b')),
    (0, ('0',)), ((0, 1), ('0', '1')), ([0., 1.5], ('0.0', '1.5')), (np.int64(3), ('3',)),
    ([np.int64(0), np.str_('x')], ('0', 'x')), ((True, False), ('True', 'False')),
    ((' a ', 'b, c'), ('a', 'b, c')), (range(2), ('0', '1'))])
def test_what_a_config_gives_becomes_names(given, classes: tuple[str, ...]):
    assert class_list('test', given) == classes


@pytest.mark.parametrize('given, reason', [
    (('a', 'b', 'a'), 'names a twice'), ((1, '1'), 'names 1 twice'), (('a', ' '), 'is blank'),
    ('a,,b', 'is blank'), (',', 'is blank'), ({'a', 'b'}, 'a list of names'), ({'a': 0}, 'a list'),
    ((('a', 'b'), 'c'), 'a list of names'), ((None, 'a'), 'a list of names')])
def test_what_is_no_list_of_names_is_refused(given, reason: str):
    with pytest.raises(ValueError, match=f'^LatentDiffusion: .*{reason}'):
        class_list('LatentDiffusion', given)


def test_a_list_is_the_same_only_with_the_same_names_in_the_same_order():
    refuse_other_classes('G', 'training', ['a', 'b'], 'test', ('a', 'b'))
    for theirs, difference in (
            (('b', 'a'), 'the same names in another order'), (('a',), 'b only in training'),
            (('a', 'b', 'c'), 'c only in test'), (('A', 'b'), 'a only in training and A only in')):
        with pytest.raises(ValueError, match=f'^G: .*training are a, b, .*test are '
                                             f'{", ".join(theirs)}: {difference}'):
            refuse_other_classes('G', 'training', ('a', 'b'), 'test', theirs)


def test_of_many_classes_the_first_are_named():
    many = [f'c{number}' for number in range(400)]
    with pytest.raises(ValueError, match=r'c6, c7, … \(400 in all\)') as refused:
        refuse_other_classes('G', 'training', many, 'test', many[::-1])
    assert len(str(refused.value)) < 300
