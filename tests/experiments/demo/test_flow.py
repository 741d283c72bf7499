from pathlib import Path

import pytest

from lddm_aug.configs import read_config
from lddm_aug.experiments.demo.flow import Demo, point_at, run
from lddm_aug.experiments.demo.prepare import Tables


@pytest.fixture
def tables(tmp_path):
    return Tables(tmp_path / 'videos.csv', tmp_path / 'stills.csv', Path('/data/videos'),
                  Path('/data/stills'), ('a', 'b', 'c'), {}, 4, '', ())


@pytest.mark.parametrize('name', ['real', 'still_mix', 'lddm_mix'])
def test_a_training_set_reads_the_demos_data_and_nothing_else(name, tables):
    config = read_config(f'tsm_phantom_{name}')
    for loader in (config.train_dataloader, config.test_dataloader):
        point_at(loader.dataset, tables, Path('my_store'), seed=7)
    text = str(config.train_dataloader.dataset) + str(config.test_dataloader.dataset)
    assert 'data/phantom' not in text and 'work_dirs' not in text
    assert text.count(str(tables.videos)) == 2
    assert text.count("'my_store'") == (name != 'real')
    assert text.count("'seed': 7") == {'real': 2}.get(name, 4)


def test_the_three_training_sets_differ_in_nothing_else():
    def rest(name):
        config = read_config(f'tsm_phantom_{name}').to_dict()
        return {key: config[key] for key in ('model', 'train_cfg', 'optim_wrapper',
                                             'param_scheduler', 'test_dataloader', 'randomness')}
    assert rest('real') == rest('still_mix') == rest('lddm_mix')


def test_one_table_alone_is_refused(tmp_path):
    with pytest.raises(ValueError, match='both a table of videos and a table of stills'):
        run(Demo(tmp_path, videos=tmp_path / 'videos.csv'))
