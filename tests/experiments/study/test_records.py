from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from lddm_aug.experiments.study.plan import Run
from lddm_aug.experiments.study.records import keep, read_rows, scores_file

FIGURES = dict(iterations=2, n_test=4, accuracy=0.5, f1_macro=0.5, f1_weighted=0.5, auc=None)
SCORES = dict(classes=['a', 'b'], videos={'v.npy': ['p', 'a', [0.5, 0.5]]})


def row(seed: int = 0, **changes) -> dict:
    return {**Run('tsm', 'lddm_mix', '3:7', seed, 1.0).key, **FIGURES, **changes}


def test_lines_come_back_with_the_scores_beside_them(tmp_path: Path):
    out = tmp_path / 'results' / 'study.jsonl'
    keep(out, row(seed=3), SCORES)
    keep(out, row(seed=1), SCORES)
    assert [json.loads(line)['seed'] for line in out.read_text().splitlines()] == [1, 3]
    assert read_rows(out)[Run('tsm', 'lddm_mix', '3:7', 3, 1.0)] == row(seed=3)
    assert scores_file(out) == out.with_name('study_scores.jsonl')
    scores = read_rows(scores_file(out), needed=('videos',))
    assert scores[Run('tsm', 'lddm_mix', '3:7', 1, 1.0)]['videos'] == SCORES['videos']


def test_a_training_that_is_run_again_replaces_its_line(tmp_path: Path):
    out = tmp_path / 'study.jsonl'
    for accuracy in (0.5, 0.75):
        keep(out, row(accuracy=accuracy), SCORES)
    assert [each['accuracy'] for each in read_rows(out).values()] == [0.75]


def keep_some(out: Path, seeds: range) -> None:
    for seed in seeds:
        keep(out, row(seed=seed), SCORES)


def test_processes_that_keep_lines_in_one_file_lose_none(tmp_path: Path, count_in):
    count_in('two writers of a file of results: rows lost', 'of {} tests failed', 'failed')
    out = tmp_path / 'study.jsonl'
    writers = [multiprocessing.get_context('fork').Process(
        target=keep_some, args=(out, range(first, 60, 3))) for first in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for file, needed in ((out, ('auc',)), (scores_file(out), ('videos',))):
        assert sorted(run.seed for run in read_rows(file, needed)) == [*range(60)]


def test_no_study_yet_is_no_line(tmp_path: Path):
    assert read_rows(tmp_path / 'none.jsonl') == {}


@pytest.mark.parametrize('line, message', [
    ('{"recognizer": "tsm"', 'line 2 is not JSON'),
    ('[1]', 'line 2 must hold an object'),
    ('3', 'line 2 must hold an object'),
    ('{"recognizer": "tsm", "seed": 0}', 'line 2 lacks training_set, ratio'),
    (json.dumps(row(seed=[1])), r'line 2: seed cannot be \[1\]; remove it'),
    (json.dumps(row(n_test='4')), "line 2: n_test cannot be '4'"),
    (json.dumps(row(recognizer='slowfast')),
     "line 2: recognizer must be one of c3d, tsm, tdn, atmnet, .*'slowfast'; remove it")])
def test_a_damaged_line_is_named(tmp_path: Path, line: str, message: str):
    (tmp_path / 'study.jsonl').write_text(f'{json.dumps(row())}\n{line}\n')
    with pytest.raises(ValueError, match=f'study.jsonl {message}'):
        read_rows(tmp_path / 'study.jsonl')
