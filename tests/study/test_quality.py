from __future__ import annotations

import pytest

from lddm_aug.study.quality import plausible


def test_the_same_share_of_each_class_is_kept_however_its_scores_compare():
    scored = {**{f'a{n}': ('a', n / 100) for n in range(8)},
              **{f'b{n}': ('b', 1 - n / 100) for n in range(4)}}
    assert plausible(scored, 0.5) == ['a4', 'a5', 'a6', 'a7', 'b0', 'b1']
    assert plausible(scored, 1.) == sorted(scored)


def test_a_class_keeps_at_least_one_clip():
    assert plausible({'only': ('a', 0.)}, 0.01) == ['only']


@pytest.mark.parametrize('share', [0, 1.5, float('nan')])
def test_a_share_of_nothing_or_more_than_all_is_refused(share):
    with pytest.raises(ValueError, match=r'share must lie in \(0, 1\]'):
        plausible({}, share)
