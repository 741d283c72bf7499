import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from lddm_aug.visualization.line_chart import draw_curves


def paths(svg):
    """Points of every curve."""
    found = re.findall(r'd="M([\d. L-]+)" fill="none"', svg)
    return [[tuple(map(float, point.split())) for point in path.split('L')] for path in found]


def test_curves_lie_where_their_figures_say():
    svg = draw_curves({'rising': [(0, 30), (50, 32), (100, 34)], 'flat': [(0, 32), (100, 32)]},
                      'step', 'dB')
    ElementTree.fromstring(svg)                      # well-formed
    (first, middle, last), (left, right) = paths(svg)
    assert middle[0] == pytest.approx((first[0] + last[0]) / 2, abs=.2)
    assert middle[1] == pytest.approx((first[1] + last[1]) / 2, abs=.2)
    assert first[1] > last[1]                        # more decibels stand higher
    assert (left[0], left[1], right[1]) == (first[0], middle[1], middle[1])


def test_names_of_curves_that_end_alike_do_not_overlap():
    svg = draw_curves({name: [(0, 1), (1, 2)] for name in 'abc'}, 'x', 'y', {'level': 2})
    at = [float(y) for y in re.findall(r'y="([\d.]+)" fill="#', svg)]
    assert len(at) == 4 and min(b - a for a, b in pairwise(at)) >= 15


def test_names_cannot_become_markup():
    assert '<b>' not in draw_curves({'<b>': [(0, 0)]}, '<b>', '<b>', {'<b>': 1})
