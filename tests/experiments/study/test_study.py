from __future__ import annotations

import json
import shutil
from collections.abc import Sequence

import pytest
from mmaction.registry import DATASETS

from lddm_aug import locks
from lddm_aug.data.annotations import Annotation, read_annotations
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.experiments.study import stores
from lddm_aug.experiments.study import study as module
from lddm_aug.experiments.study.plan import Run
from lddm_aug.experiments.study.records import read_rows, scores_file
from lddm_aug.experiments.study.stores import generator_options, store_folder
from lddm_aug.experiments.study.study import draw_groups, recognizer_job, run_study, store_jobs
from lddm_aug.experiments.study.training import real_checkpoint
from lddm_aug.generators.package import load_package, save_package
from lddm_aug.locks import only_writer
from lddm_aug.store.manifest import read_manifest


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Jobs one after another, as test_jobs.py shows that they are also done in processes."""
    names = []

    def run_jobs(jobs: Sequence, at_once: int, threads: int, done) -> dict:
        for job in jobs:
            assert not [need for need in job.needs if need in {each.name for each in jobs}
                        and need not in names]
            job.work(*job.arguments)
            names.append(job.name)
            done(job)
        return {}

    monkeypatch.setattr(module, 'run_jobs', run_jobs)
    return names


@pytest.fixture
def tiny_generators(monkeypatch, tiny_lddm):
    """In place of trained ones; of each call's options its config is built all the same."""
    def train_generator(config_file, work_dir, resume, seed, options, folders, choice):
        config = stage_configs(config_file, options, choice)['autoencoder']
        groups = DATASETS.build(config.train_dataloader.dataset).groups
        save_package(work_dir / 'package', tiny_lddm, groups)
        (work_dir / 'training.json').write_text('{}')

    monkeypatch.setattr(stores, 'train_generator', train_generator)


@pytest.fixture
def divided(make_study, data, tmp_path):
    """A study whose data are divided in two ways."""
    asked = make_study(data=tmp_path / 'data', ratios=('7:3', '3:7'))
    shutil.copytree(data, asked.data)
    for ratio in asked.ratios:
        file = asked.split_file(ratio, 0)
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'a split {ratio}')
    return asked


def test_a_split_that_was_drawn_anew_has_an_autoencoder_of_its_own(divided):
    before = stores.shared_stage(divided, 'lddm', '3:7', 0)
    assert stores.shared_stage(divided, 'transfer', '3:7', 0) == before
    divided.split_file('3:7', 0).write_text('another split')
    after = stores.shared_stage(divided, 'lddm', '3:7', 0)
    assert before != after and before.parent == after.parent


def test_a_whole_study_and_what_is_left_of_it(make_study, in_this_process, tiny_generators, data):
    asked = make_study(training_sets=('oracle', 'lddm_mix+mixup+filtered'))
    run_study(asked)
    rows = read_rows(asked.out)
    assert {run.training_set for run in rows} == {'real', *asked.training_sets}
    for run, row in rows.items():
        assert row['n_test'] == 4 and row['iterations'] == 1 and row['n_train'] == 8
        assert 0 <= row['accuracy'] <= 1 and run.synthetic_per_real == (
            None if run.training_set == 'real' else 1.0)
    scores = read_rows(scores_file(asked.out), needed=('videos',))
    test = {row.path.name for row in read_annotations(data / 'videos.csv') if row.split == 'test'}
    for each in scores.values():
        assert {name.removeprefix('videos/') for name in each['videos']} == test
        assert str(data) not in json.dumps(each)

    # the generator learns from the training groups only; the filter kept 3/4 of each class, rounded
    split = asked.split_folder('given', 0)
    package = load_package(split / 'generators' / 'lddm' / 'package')
    assert set(package.groups) == {row.group for row in read_annotations(data / 'videos.csv')
                                   if row.split == 'train'}
    folder = Run('atmnet', 'lddm_mix+mixup+filtered', 'given', 0, 1.0).folder(asked)
    kept = json.loads((folder / 'kept.json').read_text())
    store = read_manifest(store_folder(asked, 'lddm', 'given', 0)).rows
    assert len(kept) == 4 and {*kept} <= {row['clip_id'] for row in store}
    assert [path.parent.name for path in split.rglob('recognizers/**/*.pth')] == ['atmnet_real']

    # nothing is left; and what is lost is made again, the same
    in_this_process.clear()
    before = asked.out.read_text()
    run_study(asked)
    assert in_this_process == []
    lines = before.splitlines()
    asked.out.write_text('\n'.join(lines[:-1]) + '\n')
    run_study(asked)
    assert len(in_this_process) <= 2 and asked.out.read_text() == before

    # with other settings it is another training
    in_this_process.clear()
    run_study(make_study(training_sets=('real',), iterations=2))
    assert in_this_process == ['atmnet real given seed 0']
    assert {row['iterations'] for run, row in read_rows(asked.out).items()
            if run.training_set == 'real'} == {2}


def test_a_filter_whose_recognizer_is_gone_has_it_trained_again(
        make_study, in_this_process, tiny_generators):
    asked = make_study(training_sets=('lddm_mix+filtered',))
    run_study(asked)
    before = read_rows(asked.out)
    filtered = Run('atmnet', 'lddm_mix+filtered', 'given', 0, 1.0)
    (filtered.folder(asked) / 'result.json').unlink()
    asked.out.write_text(''.join(line for line in asked.out.read_text().splitlines(keepends=True)
                                 if 'filtered' not in line))
    real_checkpoint(asked, filtered).unlink()
    in_this_process.clear()
    run_study(asked)
    assert in_this_process == ['clips of lddm given seed 0', 'atmnet real given seed 0',
                               'atmnet lddm_mix+filtered given seed 0']
    after = read_rows(asked.out)
    assert {run: row['accuracy'] for run, row in after.items()} == {
        run: row['accuracy'] for run, row in before.items()}


def test_a_generator_is_told_the_class_unless_its_name_says_that_it_is_blind(make_study):
    asked = make_study()
    told = generator_options(asked, 'lddm', 'given', 0)
    assert told.pop('diffusion.model.conditions') == dict(label=('benign', 'malignant'))
    assert told == generator_options(asked, 'lddm_blind', 'given', 0)
    assert told['diffusion.train_dataloader.dataset.clips.split_file'] is None


def test_generators_of_a_split_wait_for_the_autoencoder_that_they_share(divided):
    runs = [Run('tsm', name, ratio, 0, 1.) for ratio in ('7:3', '3:7')
            for name in ('still_mix', 'lddm_mix', 'transfer_mix', 'lddm_mix+soft')]
    needs = {job.name: job.needs for job in store_jobs(divided, runs)}
    for ratio in ('7:3', '3:7'):
        assert needs[f'clips of still {ratio} seed 0'] == ()
        assert needs[f'clips of lddm {ratio} seed 0'] == ()
        assert needs[f'clips of transfer {ratio} seed 0'] == (f'clips of lddm {ratio} seed 0',)
    assert len(needs) == 6
    assert recognizer_job(divided, runs[-1]).needs == ('clips of lddm 3:7 seed 0',)


def test_controls_that_learn_nothing_wait_for_no_generator(divided):
    runs = [Run('tsm', name, '7:3', 0, 1.)
            for name in ('lddm_mix', 'still_mix', 'warp_mix', 'transfer_mix', 'cinn_mix')]
    needs = {job.name.split()[2]: job.needs for job in store_jobs(divided, runs)}
    first = ('clips of lddm 7:3 seed 0',)
    assert needs == {'lddm': (), 'still': (), 'warp': (), 'transfer': first, 'cinn': first}


def test_a_generators_option_may_be_a_list(make_study):
    key = 'autoencoder.model.channels'
    listed, frozen = (make_study(generator_options=((key, value),))
                      for value in ([1, [2, 3]], (1, (2, 3))))
    assert generator_options(listed, 'lddm', 'given', 0)[key] == (1, (2, 3))
    of_listed, of_frozen, of_none = (stores.settings(study, 'lddm', 'given', 0)
                                     for study in (listed, frozen, make_study()))
    assert of_listed == of_frozen != of_none


def test_fewer_groups_are_drawn_with_every_class_and_the_rest_left_out(make_study, data):
    asked = make_study(ratios=('given-3',), seeds=(0, 1))
    run_study(asked)
    drawn = set()
    for seed in asked.seeds:
        rows = asked.split_file('given-3', seed).read_text().splitlines()[1:]
        assert [row.split(',')[1] for row in rows].count('train') == 3
        assert [row.split(',')[1] for row in rows].count('test') == 4
        drawn |= {row for row in rows if row.endswith(',train')}
    assert len(drawn) > 3
    assert {row['n_train'] for row in read_rows(asked.out).values()} == {3}


def test_groups_that_cannot_hold_every_class_are_refused():
    rows = [Annotation(None, str(n), f'p{n}', None, 'train', n) for n in range(3)]
    assert draw_groups(rows, 3, seed=0) == {'p0', 'p1', 'p2'}
    with pytest.raises(ValueError, match='2 training groups are too few to hold the classes 0, 1'):
        draw_groups(rows, 2, seed=0)
    with pytest.raises(ValueError, match='9 training groups were requested, but there are 3'):
        draw_groups(rows, 9, seed=0)


def test_what_is_missing_is_said_before_anything_is_trained(make_study):
    with pytest.raises(FileNotFoundError, match=r'7_3_seed0.csv is missing'):
        run_study(make_study(ratios=('7:3',)))


def test_a_training_set_that_generates_while_it_trains_finds_the_splits_generator(
        make_study, tiny_generators):
    asked = make_study(training_sets=('lddm_online',), generators='phantom_16')
    run_study(asked)
    [(run, row)] = read_rows(asked.out).items()
    assert run.synthetic_per_real == 1 and row['iterations'] == 1


@pytest.mark.parametrize('option', ['decoder.width', 'diffusion'])
def test_an_option_that_no_generator_would_get_is_refused(make_study, option):
    with pytest.raises(ValueError, match=f'autoencoder, bank, diffusion, flow, but got {option}'):
        run_study(make_study(generator_options=((option, 3),)))


def test_damaged_scores_are_refused_before_anything_is_trained(make_study):
    asked = make_study()
    scores_file(asked.out).write_text('{"recognizer":')
    with pytest.raises(ValueError, match=r'study_phantom_scores.jsonl line 1 is not JSON'):
        run_study(asked)


def test_a_second_study_in_one_folder_is_refused(make_study, monkeypatch):
    monkeypatch.setattr(locks, 'SECONDS', 0.1)
    study = make_study()
    folder = study.work_dir
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (only_writer(folder),
          pytest.raises(ValueError, match='is being written by another process')):
        run_study(study)
