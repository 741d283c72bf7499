from __future__ import annotations

from pathlib import Path

import pytest

from lddm_aug.experiments.study.plan import Run, Study, runs_of


def study(**changes) -> Study:
    return Study(**{'data': Path('data/mine'), 'out': Path('out'), 'work_dir': Path('work'),
                    **changes})


def test_the_whole_grid_is_run_once_and_a_filter_asks_for_what_it_learns_from():
    runs = runs_of(study(recognizers=('tsm', 'c3d'), training_sets=('lddm_mix+filtered', 'real'),
                         ratios=('7:3',), seeds=(4, 5), synthetic_per_real=(1., 2.)))
    assert len(runs) == len(set(runs)) == 2 * 2 * (2 + 1)
    assert Run('c3d', 'lddm_mix+filtered', '7:3', 5, 2.0) in runs
    for filtered in (run for run in runs if 'filtered' in run.training_set):
        real = filtered.of('real')
        assert runs.index(real) < runs.index(filtered) and real.synthetic_per_real is None


def test_every_run_has_a_folder_of_its_own():
    asked = study(training_sets=('real', 'lddm_mix', 'lddm_mix+soft'), synthetic_per_real=(1., .5))
    runs = runs_of(asked)
    assert len({run.folder(asked) for run in runs}) == len({run.name for run in runs}) == len(runs)


def test_a_ratio_names_the_split_of_its_seed():
    assert study().split_file('7:3', 2) == Path('data/mine/splits/7_3_seed2.csv')
    assert study().videos('given', 2)['split_file'] is None
    assert study().split_file('given-8', 2) == Path('work/given-8_seed2/split.csv')


@pytest.mark.parametrize('changes, message', [
    (dict(recognizers=('tsn',)), 'recognizer must be one of c3d, tsm, tdn, atmnet, .*but got tsn'),
    (dict(form='huge'), 'form must be one of small, lungs, full, but got huge'),
    (dict(form='lungs', recognizers=('tdn',)), "form 'lungs' has no config for tdn"),
    (dict(generators='heart'), 'no generator heart'),
    (dict(generators='cinn'), "data whose generators are taken.*'cinn'"),
    (dict(training_sets=('lddm',)), "training set 'lddm': 'lddm' is unknown"),
    (dict(seeds=()), 'seeds must name at least one'),
    (dict(seeds=(-1,)), r'seeds must lie in \[0, 2\^32\)'),
    (dict(ratios=('7-3',)), "a ratio is train:test, as 7:3, or 'given', .*, but got 7-3"),
    (dict(ratios=('given-0',)), 'but got given-0'),
    (dict(synthetic_per_real=(0.,)), 'must be above 0 and at most 1000, but got'),
    (dict(synthetic_per_real=(float('inf'),)), r'but got \[inf\]'),
    (dict(jobs=0), 'jobs must be at least 1, but got 0'),
    (dict(iterations=0), 'iterations must be at least 1')])
def test_a_study_that_makes_no_sense_is_refused_when_built(changes, message):
    with pytest.raises(ValueError, match=message):
        study(**changes)
