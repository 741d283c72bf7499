import pytest

from lddm_aug.experiments.demo.flow import PHANTOM, Budget, Demo


def test_one_table_alone_is_refused(tmp_path):
    with pytest.raises(ValueError, match='both a table of videos and a table of stills'):
        Demo(tmp_path, videos=tmp_path / 'videos.csv')


@pytest.mark.parametrize('key, value, match', [
    ('seed', -1, '-1'), ('phantom_seed', 2**32, '4294967296'), ('recognizer_seeds', (0, -2), '-2'),
    ('recognizer_seeds', (), r'\[\]'), ('recognizer_seeds', (1, 1), r'\[1, 1\]')])
def test_seeds_that_cannot_be_used_are_named(tmp_path, key, value, match):
    with pytest.raises(ValueError, match=f'seed.*{match}'):
        Demo(tmp_path, **{key: value})


def test_the_phantom_has_the_demos_seed_unless_it_has_its_own(tmp_path):
    assert Demo(tmp_path, seed=3).data_seed == 3
    assert Demo(tmp_path, seed=3, phantom_seed=0).data_seed == 0


def test_own_data_have_neither_oracle_nor_phantom_seed(tmp_path):
    tables = {'videos': tmp_path / 'videos.csv', 'stills': tmp_path / 'stills.csv'}
    demo = Demo(tmp_path, seed=3, **tables)
    assert demo.oracle is None and demo.data_seed is None
    with pytest.raises(ValueError, match='phantom_seed'):
        Demo(tmp_path, phantom_seed=1, **tables)


def test_few_patients_have_a_video_and_many_a_still():
    assert dict(Budget().phantom) == PHANTOM
    assert PHANTOM['train'] < PHANTOM['stills'] / 3
