"""What a generator can be told, from a table's cells to numbers."""
from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from lddm_aug.conditions import Conditions
from lddm_aug.extras import missing_modules
from lddm_aug.text import TEXT_WIDTH

DECLARED = dict(label=['benign', 'malignant'], ef='number', view=['long', 'across'])


def conditions(**declared: object) -> Conditions:
    return Conditions('test', declared or DECLARED)


def test_values_are_indices_and_numbers_and_nan_where_they_are_unknown():
    told = conditions().encode('test', [
        dict(label='malignant', ef='55,5', view='across', hospital='a'),
        dict(label='benign', ef='', view=None), {}])
    expected = torch.tensor([[1., 55.5, 1.], [0., math.nan, math.nan], [math.nan] * 3])
    assert_close(told, expected, equal_nan=True)


def test_what_is_declared_builds_the_same_again_and_survives_json():
    again = conditions(**conditions().as_config())
    assert dict(again) == dict(conditions()) and again.width == conditions().width == 3
    assert again.as_config() == DECLARED


def test_nothing_declared_takes_no_room():
    assert Conditions('test').encode('test', [{}, dict(label='a')]).shape == (2, 0)


def test_names_are_unrestricted_even_those_that_torch_uses_itself():
    told = conditions(**{'type': 'number', 'B-lines (n)': 'number', 'weight': ['a', 'b']})
    assert told.encode('test', [{'B-lines (n)': 2}])[0, 1] == 2


@pytest.mark.parametrize('declared, named', [
    (dict(ef='numbers'), "ef .*'numbers'"), (dict(label='number'), 'label .*category'),
    (dict(motion='text'), 'motion .*number'), (dict(view=[]), 'view'),
    (dict(view=['a', 'a']), 'a twice'), ({' ': 'number'}, "' '"), ('label', "'label'")])
def test_a_wrong_declaration_is_refused(declared, named):
    with pytest.raises(ValueError, match=f'^owner: .*{named}'):
        Conditions('owner', declared)


@pytest.mark.parametrize('row, named', [
    (dict(label='normal'), "label .*benign, malignant.*'normal'"), (dict(ef='high'), "ef .*'high'"),
    (dict(ef=math.inf), 'ef .*inf'), (dict(view='Long'), "view .*'Long'")])
def test_a_value_that_is_none_is_refused(row, named):
    with pytest.raises(ValueError, match=f'^owner: {named}'):
        conditions().encode('owner', [{}, row])


def test_of_several_wordings_each_seed_draws_one_and_a_category_keeps_its_bars():
    told = conditions(prompt='text', view=['a|b', 'c'])
    row = dict(prompt='to the left | leftward|', view='a|b', note='x|y')
    drawn = [told.worded(row, seed) for seed in range(200)]
    shares = [sum(each['prompt'] == wording for each in drawn) / 200
              for wording in ('to the left', 'leftward')]
    assert sum(shares) == 1 and 0.4 < shares[0] < 0.6
    assert all(each == row | dict(prompt=each['prompt']) for each in drawn)
    assert drawn == [told.worded(row, seed) for seed in range(200)]
    assert told.worded(dict(prompt='one sentence'), 0) == dict(prompt='one sentence')


def test_wordings_of_several_texts_go_together_and_shorter_lists_begin_again():
    told = conditions(prompt='text', note='text')
    rows = told.wordings(dict(prompt='a | b | c', note='x|y', ef=0.5))
    assert [(row['prompt'], row['note'], row['ef']) for row in rows] == [
        ('a', 'x', 0.5), ('b', 'y', 0.5), ('c', 'x', 0.5)]
    assert told.wordings(dict(ef=0.5)) == [dict(ef=0.5)]
    assert told.wordings(dict(prompt=' | ')) == [dict(prompt='')]


@pytest.mark.skipif(bool(missing_modules('text')), reason="needs the extra 'text'")
def test_texts_of_one_meaning_are_nearer_than_others_and_depend_on_no_batch():
    texts = ['the probe slides to the left', 'the transducer is moved leftwards',
             'the heart of an adult']
    told = conditions(prompt='text').encode('test', [dict(prompt=text) for text in texts])
    assert told.shape == (3, TEXT_WIDTH)
    assert_close(told.norm(dim=1), torch.ones(3))
    near, far = told[0] @ told[1], told[0] @ told[2]
    assert near > far + 0.2
    alone = conditions(prompt='text').encode('test', [dict(prompt=texts[1])])
    assert torch.equal(told[1:2], alone)
