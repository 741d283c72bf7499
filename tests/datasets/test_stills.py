from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lddm_aug.datasets.stills import StillDataset
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill


def test_a_sample_says_what_the_pipeline_needs(stills: str, tmp_path: Path):
    sample = StillDataset(stills)[4]
    seed = sample.pop('seed')
    assert 0 <= seed < 2**63
    assert sample == dict(filename=str(tmp_path.resolve() / 'sweep.npy'), frame=7, label=1,
                          conditions=dict(label='malignant'), group='q4', origin='synthetic',
                          start_index=0, modality='RGB', sample_idx=4)
    assert StillDataset(stills)[0]['frame'] is None


def test_stills_of_names_with_blanks_and_frames_of_videos_are_read(stills: str):
    dataset = StillDataset(stills, pipeline=[dict(type='LoadStill', size=16)])
    assert [int(sample['still'].max()) for sample in dataset] == [0, 10, 20, 30, 14]
    assert dataset.groups == {'q0', 'q1', 'q2', 'q3', 'q4'}


def test_groups_the_generator_was_trained_on_count_as_well(stills: str, tmp_path: Path):
    save_package(tmp_path / 'package', RepeatStill(size=16), groups=['trained on', 'q1'])
    dataset = StillDataset(stills, pipeline=[
        dict(type='LoadStill', size=16),
        dict(type='SynthesizeClip', package=str(tmp_path / 'package'))])
    assert dataset.groups == {'q0', 'q1', 'q2', 'q3', 'q4', 'trained on'}


@pytest.mark.parametrize('generator, labels', [('tiny_conditional_lddm', ('benign', 'normal')),
                                               ('tiny_lddm', ())])
def test_stills_of_classes_that_the_generator_does_not_know_are_refused_when_it_is_built(
        tmp_path: Path, write_table, request, generator: str, labels: tuple[str, ...]):
    save_package(tmp_path / 'package', request.getfixturevalue(generator), groups=())
    for name in 'ab':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.zeros((16, 16), np.uint8))
    table = write_table(tmp_path / 'stills.csv', [('a.png', 'benign', 'p1'),
                                                  ('b.png', 'normal', 'p2')])
    arguments = dict(ann_file=table, pipeline=[
        dict(type='LoadStill', size=16),
        dict(type='SynthesizeClip', package=str(tmp_path / 'package'))])
    if labels:
        with pytest.raises(ValueError, match=r"StillDataset .*stills\.csv: .*benign, malignant, "
                                             ".*'normal'"):
            StillDataset(**arguments)
    else:                                            # it is unconditional, so it takes all
        assert len(StillDataset(**arguments)) == 2


def test_all_stills_that_cannot_be_used_are_named_at_once_or_skipped(tmp_path: Path, write_table):
    cv2.imwrite(str(tmp_path / 'good.png'), np.zeros((8, 8), np.uint8))
    cv2.imwrite(str(tmp_path / 'deep.png'), np.full((8, 8), 4095, np.uint16))
    (tmp_path / 'empty.png').touch()
    table = write_table(tmp_path / 'stills.csv', [
        (name, 'benign', name) for name in ('good.png', 'deep.png', 'empty.png')])
    with pytest.raises(ValueError, match=r'stills\.csv: 2 rows .*\n'
                                         r'  line 3: .*deep\.png has 16 bits .*\n'
                                         r'  line 4: .*empty\.png is empty'):
        StillDataset(table)
    assert StillDataset(table, on_bad='skip').groups == {'good.png'}
