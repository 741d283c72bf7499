from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lddm_aug.seeds import derive_seed, seeded


@pytest.mark.parametrize('parts, digest', [
    ((1, 'a'), 0x4a72386a027702c1),                  # printf '[1, "a"]' | sha256sum
    ((3, 'benign (1).png', None, 0.5, ('a', 7)), 0x7d84c20db2cfed68)])
def test_a_seed_is_the_first_63_bits_of_sha256_of_the_parts_in_whatever_process(parts, digest):
    assert derive_seed(*parts) == digest >> 1


@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.integers(0, 3), max_size=4))
def test_seeds_agree_exactly_where_the_parts_do(a, b):
    assert (derive_seed(*a) == derive_seed(*b)) == (a == b)
    assert 0 <= derive_seed(*a) < 2**63


def test_kinds_of_integers_and_paths_do_not_matter():
    assert derive_seed(np.int64(3), np.uint8(4)) == derive_seed(3, 4)
    assert derive_seed(Path('a/b')) == derive_seed('a/b')


@pytest.mark.parametrize('part', [{1, 2}, object(), torch.zeros(1)])
def test_a_part_without_a_stable_text_is_refused(part):
    with pytest.raises(TypeError, match=rf'derive_seed: .*{re.escape(repr(part))}'):
        derive_seed(part)


def draw() -> tuple[float, float, float]:
    return np.random.rand(), random.random(), torch.rand(()).item()


def test_the_same_seed_draws_the_same_and_another_draws_otherwise():
    drawn = []
    for seed in (2**63 - 1, 2**63 - 1, 2**31 - 1):
        with seeded(seed):
            drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert not {*drawn[0]} & {*drawn[2]}


def test_afterwards_the_global_draws_go_on_as_if_nothing_had_happened():
    def begin():
        np.random.seed(1)
        random.seed(1)
        torch.manual_seed(1)
        return draw()

    undisturbed, disturbed = [begin(), draw()], [begin()]
    with pytest.raises(KeyError), seeded(5):
        draw()
        raise KeyError
    assert [*disturbed, draw()] == undisturbed
