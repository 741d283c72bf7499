import numpy as np
import pytest

from lddm_aug.evaluation.bootstrap import group_interval, mean_interval


def test_the_interval_of_a_mean_is_that_of_normal_theory():
    values = np.random.default_rng(0).normal(size=400)
    low, high = mean_interval(values, [str(i) for i in range(400)], resamples=2000)
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert [low, high] == pytest.approx([values.mean() - half, values.mean() + half], abs=0.01)


def test_groups_are_drawn_whole():
    # 100 clips of 4 groups that agree within themselves tell as much as 4 numbers
    values = np.repeat(np.random.default_rng(0).normal(size=4), 25)
    by_group = mean_interval(values, list(np.repeat(list('abcd'), 25)), resamples=1000)
    by_clip = mean_interval(values, [str(i) for i in range(100)], resamples=1000)
    assert by_group[1] - by_group[0] > 3 * (by_clip[1] - by_clip[0])
    seen = []
    group_interval(lambda clips: seen.append(sorted(clips)) or 0., ['a', 'b', 'b'], resamples=20)
    assert {tuple(clips) for clips in seen} <= {(0, 0), (0, 1, 2), (1, 1, 2, 2)}


def test_what_resampling_adds_to_a_distance_does_not_move_the_interval():
    values = np.random.default_rng(0).normal(size=50)
    groups = [str(i) for i in range(50)]

    def with_duplicates_counted(clips):
        return float(values[clips].mean()) + 100 * (len(clips) - len(np.unique(clips)))

    low, high = group_interval(with_duplicates_counted, groups, resamples=500)
    assert low < values.mean() < high


def test_it_is_seeded_bounded_and_absent_for_one_group():
    values, groups = np.random.default_rng(0).uniform(size=10), list('abcdefghij')
    assert mean_interval(values, groups, seed=3) == mean_interval(values, groups, seed=3)
    assert mean_interval(values, groups, seed=3) != mean_interval(values, groups, seed=4)
    assert mean_interval(values, groups, bounds=(0.49, 0.5)) == [0.49, 0.5]
    assert mean_interval(values, ['one'] * 10) is None
