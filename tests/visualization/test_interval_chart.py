import re
from xml.etree import ElementTree

import pytest

from lddm_aug.visualization.interval_chart import Bar, draw_differences


def positions(svg, radius):
    return [float(x) for x in re.findall(rf'cx="([\d.]+)" cy="[\d.]+" r="{radius}"', svg)]


def test_a_bar_lies_where_its_figures_say():
    svg = draw_differences([Bar('with', 5, -5, 15, [0, 10])], 'points')
    ElementTree.fromstring(svg)                      # well-formed
    low, high = map(float, re.search(r'M([\d.]+) [\d.]+H([\d.]+)', svg).groups())
    mean, = positions(svg, 5.5)
    zero, ten = positions(svg, 2.5)
    assert mean == pytest.approx((low + high) / 2, abs=.2)
    assert ten - zero == pytest.approx((high - low) / 2, abs=.2)
    assert zero < mean < ten
    assert f'M{zero} ' in svg                        # the line at no difference
    assert '+5.0 [−5.0, +15.0]' in svg


def test_a_bar_without_an_interval_is_a_dot():
    svg = draw_differences([Bar('one', 1.5)], 'points')
    assert 'H' not in ''.join(re.findall(r' d="([^"]*)"', svg)) and '>+1.5<' in svg


def test_no_difference_at_all_is_drawn():
    ElementTree.fromstring(draw_differences([Bar('none', 0, 0, 0)], 'points'))


def test_names_cannot_become_markup():
    assert '<b>' not in draw_differences([Bar('<b>', 1)], '<b>', '<b>')
