import json

import numpy as np

from lddm_aug.experiments.demo.scores import (
    compare,
    read_curves,
    read_probabilities,
    read_scores,
    rows_of,
)
from lddm_aug.experiments.study.statistics import Scores

LABELS = np.array([0, 0, 1, 1])


def scores_of(predicted, labels=LABELS, classes=2):
    return Scores(np.array(list('wxyz'))[:len(labels)], labels, np.eye(classes)[predicted])


def test_paired_differences_are_those_by_hand():
    # right on 2 and 3 of 4 with real videos, on 3 and 4 with clips: 5/8 and 7/8
    scores = {'real': {0: scores_of([0, 1, 1, 0]), 1: scores_of([0, 0, 1, 0])},
              'lddm_mix': {0: scores_of([0, 0, 1, 0]), 1: scores_of([0, 0, 1, 1])}}
    compared = compare(scores)
    means = {(row['training_set'], row['metric']): row['value'] for row in compared['means']}
    assert means['real', 'accuracy'] == 5 / 8 and means['lddm_mix', 'accuracy'] == 7 / 8
    # with one-hot scores AUC is the mean of both classes' accuracy
    assert means['real', 'auc'] == 5 / 8
    gain = compared['gains'][0]
    assert (gain['training_set'], gain['over'], gain['metric']) == ('lddm_mix', 'real', 'accuracy')
    assert gain['value'] == 2 / 8
    assert gain['low'] == 0 and gain['high'] >= .5


def test_a_difference_that_every_patient_and_seed_shows_has_no_spread():
    scores = {'real': {seed: scores_of([1, 1, 0, 0]) for seed in range(3)},
              'still_mix': {seed: scores_of([1, 1, 0, 0]) for seed in range(3)},
              'lddm_mix': {seed: scores_of([0, 0, 1, 1]) for seed in range(3)}}
    gains = {(row['training_set'], row['over']): row for row in compare(scores)['gains']
             if row['metric'] == 'accuracy'}
    assert [*gains['lddm_mix', 'real'].values()][3:] == [1, 1, 1]
    assert [*gains['lddm_mix', 'still_mix'].values()][3:] == [1, 1, 1]
    assert [*gains['still_mix', 'real'].values()][3:] == [0, 0, 0]


def test_three_classes_have_no_auc():
    labels = np.array([0, 1, 2])
    scores = {name: {0: scores_of([0, 1, 1], labels, classes=3)} for name in ('real', 'lddm_mix')}
    compared = compare(scores)
    assert {row['metric'] for row in (*compared['means'], *compared['gains'])} == {'accuracy'}


def test_a_training_is_one_row():
    rows = rows_of([{'seed': 2, 'training_set': 'real', 'accuracy': .5, 'n_test': 3}], 101)
    assert rows == [{'phantom_seed': 101, 'recognizer_seed': 2, 'training_set': 'real',
                     'accuracy': .5, 'auc': None}]


def test_probabilities_follow_the_order_of_the_classes(tmp_path):
    line = {'filename': 'f', 'group': 'g', 'label': 'b', 'predicted': 'a',
            'scores': {'b': .25, 'a': .75}}
    (tmp_path / 'p.jsonl').write_text(json.dumps(line))
    read = read_probabilities(tmp_path / 'p.jsonl', ('a', 'b'))
    assert read.groups.tolist() == ['g'] and read.labels.tolist() == [1]
    assert read.probabilities.tolist() == [[.75, .25]]


def test_scores_come_from_the_written_predictions(tmp_path):
    said = ['a', 'b', 'b', 'b', 'a']
    truth = ['a', 'a', 'b', 'b', 'b']
    lines = [json.dumps({'filename': str(n), 'label': label, 'predicted': predicted})
             for n, (label, predicted) in enumerate(zip(truth, said, strict=True))]
    (tmp_path / 'p.jsonl').write_text('\n'.join(lines))
    scores = {f'video/{name}': 0.6 for name in ('accuracy', 'f1_macro', 'f1_weighted', 'auc',
                                                'sensitivity', 'specificity')}
    row = read_scores(scores, tmp_path / 'p.jsonl', ('a', 'b'))
    assert row['confusion'] == [[1, 1], [1, 2]]
    assert row['n_test'] == 5


def test_loss_curves_are_read_per_stage(tmp_path):
    log = tmp_path / 'autoencoder' / '20240101' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 2.0, "step": 10}\n{"psnr_db": 30, "step": 0}\n'
                   '{"loss": 1.0, "step": 20}\n')
    assert read_curves(tmp_path) == {'autoencoder': [(10, 2.0), (20, 1.0)]}
