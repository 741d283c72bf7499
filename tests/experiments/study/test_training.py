from __future__ import annotations

import shutil

import pytest

from lddm_aug.experiments.study.plan import Run, Study
from lddm_aug.experiments.study.training import (
    read_result,
    real_checkpoint,
    settings,
    train_recognizer,
)

REAL = Run('atmnet', 'real', 'given', 0)
TWICE = Run('atmnet', 'real_twice', 'given', 0, 1.)


def scores(study: Study, run: Run) -> dict:
    result = read_result(study, run, settings(study, run))
    assert result is not None
    return result['scores']


def test_a_finished_training_whose_result_is_damaged_is_done_again_as_the_message_says(make_study):
    study = make_study()
    train_recognizer(study, TWICE)
    before, result = scores(study, TWICE), TWICE.folder(study) / 'result.json'
    result.write_text('{')
    with pytest.raises(ValueError, match=r'result.json .*; remove it, and its training is'):
        train_recognizer(study, TWICE)
    result.unlink()
    train_recognizer(study, TWICE)
    assert scores(study, TWICE) == before


def test_a_pointer_to_weights_that_are_gone_is_no_reason_to_fail(make_study, tmp_path):
    study = make_study()
    train_recognizer(study, TWICE)
    assert not [path for path in TWICE.folder(study).iterdir()
                if path.name == 'last_checkpoint' or path.suffix == '.pth']
    (TWICE.folder(study) / 'result.json').unlink()
    (TWICE.folder(study) / 'last_checkpoint').write_text(str(tmp_path / 'gone' / 'iter_1.pth'))
    train_recognizer(study, TWICE)
    assert scores(study, TWICE)


def test_weights_that_were_moved_are_found_and_gone_on_from(make_study, tmp_path):
    study = make_study()
    train_recognizer(study, REAL)
    before = scores(study, REAL)
    shutil.move(study.work_dir, tmp_path / 'moved')
    moved = make_study(work_dir=tmp_path / 'moved')
    weights = real_checkpoint(moved, TWICE)
    assert weights.parent == REAL.folder(moved) and weights.is_file()
    written = weights.stat().st_mtime_ns
    (REAL.folder(moved) / 'result.json').unlink()
    train_recognizer(moved, REAL)
    assert scores(moved, REAL) == before and weights.stat().st_mtime_ns == written


def test_weights_are_missed_only_where_a_filter_learns_from_them(make_study):
    study = make_study()
    train_recognizer(study, REAL)
    weights = real_checkpoint(study, REAL)
    weights.unlink()
    train_recognizer(study, REAL)
    assert not weights.exists()
    train_recognizer(make_study(training_sets=('lddm_mix+filtered',)), REAL)
    assert weights.is_file()


def test_class_weights_of_other_classes_are_refused(make_study, data, tmp_path):
    shutil.copytree(data, tmp_path / 'three')
    rows = (tmp_path / 'three/videos.csv').read_text().replace('malignant', 'normal', 1)
    (tmp_path / 'three/videos.csv').write_text(rows)
    study = make_study(data=tmp_path / 'three', form='lungs', recognizers=('tsm',))
    with pytest.raises(ValueError, match=r'class_weight has 2 weights, .* has 3 classes; take'):
        settings(study, Run('tsm', 'real', 'given', 0))
