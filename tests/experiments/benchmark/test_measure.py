import pytest
import torch

from lddm_aug.experiments.benchmark.measure import ratio_row, take_turns

CPU = torch.device('cpu')


def test_ways_take_turns_and_the_first_turn_does_not_count():
    turns = []
    seconds = take_turns({'a': lambda: turns.append('a'), 'b': lambda: turns.append('b')}, 3, CPU)
    assert ''.join(turns) == 'abababab'
    assert {name: len(values) for name, values in seconds.items()} == {'a': 3, 'b': 3}


def test_no_turn_at_all_is_refused():
    with pytest.raises(ValueError, match='repeats'):
        take_turns({}, 0, CPU)


def test_a_row_holds_medians_and_the_spread_of_the_ratios_of_the_same_turns():
    row = ratio_row('x', [2., 4., 9.], [1., 4., 3.], 's', CPU, 'command')
    assert (row['value'], row['baseline'], row['ratio']) == (4., 3., 2.)
    assert (row['low'], row['high'], row['n']) == (1., 3., 3)
