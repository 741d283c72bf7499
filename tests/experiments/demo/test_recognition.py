from pathlib import Path

import pytest

from lddm_aug.experiments.demo import recognition
from lddm_aug.experiments.demo.prepare import Tables
from lddm_aug.experiments.demo.recognition import Recognizers, at_once


@pytest.fixture
def recognizers(tmp_path):
    tables = Tables(tmp_path / 'videos.csv', tmp_path / 'stills.csv', Path('/their/videos'),
                    Path('/their/stills'), ('a', 'b', 'c'), {}, 4, '', ())
    return Recognizers(tmp_path, tables, 'identity', oracle=tmp_path / 'oracle.csv',
                       options={'train_cfg.max_iters': 3})


@pytest.mark.parametrize('name', ['real', 'still_mix', 'lddm_mix', 'oracle'])
def test_a_training_set_reads_the_demos_data_and_nothing_else(name, recognizers, tmp_path):
    config = recognizers.config(name, seed=7)
    text = str(config.train_dataloader.dataset) + str(config.test_dataloader.dataset)
    assert 'data/phantom' not in text and 'work_dirs' not in text
    assert text.count(str(tmp_path / 'videos.csv')) == 2
    joining = {'still_mix': 'stores/still', 'lddm_mix': 'stores/lddm', 'oracle': 'oracle.csv'}
    for other, place in joining.items():
        assert text.count(str(tmp_path / place)) == (other == name)
    assert config.train_cfg.max_iters == 3
    assert config.model.cls_head.num_classes == 3


def test_two_clips_join_every_real_one(recognizers):
    for name in ('still_mix', 'lddm_mix', 'oracle'):
        assert recognizers.config(name, 0).train_dataloader.dataset.synthetic_per_real == 2


def test_the_training_sets_differ_in_nothing_else(recognizers):
    def rest(name):
        config = recognizers.config(name, 5).to_dict()
        return {key: config[key] for key in ('model', 'train_cfg', 'optim_wrapper',
                                             'param_scheduler', 'test_dataloader', 'randomness')}
    assert rest('real') == rest('still_mix') == rest('lddm_mix') == rest('oracle')
    assert rest('real')['randomness'] == {'seed': 5}


def test_the_true_clips_of_the_stills_are_whole_and_of_no_split(recognizers):
    joining = recognizers.config('oracle', 0).train_dataloader.dataset.synthetic
    assert 'split' not in joining and 'split_file' not in joining


def test_without_an_oracle_three_training_sets_are_left(recognizers):
    own = Recognizers(recognizers.work_dir, recognizers.tables, 'identity')
    assert own.training_sets == ['real', 'still_mix', 'lddm_mix']
    assert recognizers.training_sets == [*own.training_sets, 'oracle']


@pytest.mark.parametrize('cores, expected', [(1, 1), (2, 2), (16, 2)])
def test_two_trainings_run_at_a_time_where_two_cores_are_there(cores, expected, monkeypatch):
    monkeypatch.setattr(recognition.os, 'sched_getaffinity', lambda _: range(cores), raising=False)
    assert at_once() == expected


def test_a_training_has_one_thread_whatever_the_machine(recognizers, monkeypatch):
    seen = []
    monkeypatch.setattr(recognition, 'run_jobs',
                        lambda jobs, at_once, threads, done: seen.append(threads) or {'x': 'y'})
    monkeypatch.setattr(Recognizers, 'find', lambda *_: None)
    with pytest.raises(ValueError, match='x: y'):
        recognizers.train_all([0])
    assert seen == [1]
