import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lddm_aug.evaluation.synthesis_metrics.two_sample import giveaways, two_sample_test


@pytest.fixture
def groups():
    return list(np.repeat([f'p{i}' for i in range(20)], 4))


def test_two_samples_of_one_distribution_are_not_told_apart(groups):
    random = np.random.default_rng(0)
    generated, real = ({'statistics': random.normal(size=(80, 10))} for _ in range(2))
    test = two_sample_test(generated, real, groups)
    low, high = test['interval']
    assert abs(test['auc'] - 0.5) < 0.12 and low < 0.5 < high


def test_a_shift_is_found_as_far_as_two_normal_distributions_can_be_told_apart(groups):
    random = np.random.default_rng(0)
    real = random.normal(size=(80, 6))
    generated = random.normal(size=(80, 6)) + np.array([1.5, 0, 0, 0, 0, 0])
    test = two_sample_test({'a': generated, 'b': generated[:, 1:]},
                           {'a': real, 'b': real[:, 1:]}, groups)
    assert test['auc'] == pytest.approx(0.856, abs=0.06)            # Φ(1.5 / √2)
    assert test['of']['a'] > 0.75 and abs(test['of']['b'] - 0.5) < 0.15


def test_of_few_clips_held_out_ones_are_told_apart_all_the_same():
    # four standard deviations apart in each of 14 numbers; one clip of each kind is learnt from
    aucs = []
    for seed in range(30):
        real, generated = np.random.default_rng(seed).normal(size=(2, 2, 14))
        aucs.append(two_sample_test({'a': generated + 4}, {'a': real}, 'pq', resamples=2)['auc'])
    assert np.mean(aucs) > 0.95


def test_knowing_the_group_does_not_help(groups):
    # numbers that tell each group, and within it generated from real, but differently in each
    random = np.random.default_rng(0)
    of_group = {group: random.normal(size=(2, 8)) for group in set(groups)}
    generated, real = (np.stack([of_group[group][kind] for group in groups]) for kind in (0, 1))
    test = two_sample_test({'a': generated}, {'a': real}, groups)
    assert test['auc'] < 0.75                        # a classifier that had seen them would reach 1


def test_what_gives_clips_away_comes_first_whichever_way_it_points():
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(2, 60, 3))
    generated[:, 1] -= 3
    generated[:, 2] += 1
    rows = giveaways(generated, real, ['none', 'low', 'high'])
    assert [row['name'] for row in rows] == ['low', 'high', 'none']
    both = np.concatenate([generated[:, 1], real[:, 1]])
    assert rows[0]['auc'] == pytest.approx(1 - roc_auc_score([1] * 60 + [0] * 60, both))
    assert rows[0]['generated'] == np.median(generated[:, 1])


def test_one_group_is_refused():
    values = {'a': np.zeros((4, 2))}
    with pytest.raises(ValueError, match='all clips are of one; give more'):
        two_sample_test(values, values, ['p'] * 4)
