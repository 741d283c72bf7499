from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lddm_aug.audit import audit as audit_module
from lddm_aug.audit import fingerprint
from lddm_aug.commands import run_tool
from lddm_aug.data.frames import read_frames
from lddm_aug.evaluation import clip_set
from lddm_aug.evaluation.clip_statistics import STATISTICS
from lddm_aug.evaluation.recognizer_features import RecognizerFeatures
from lddm_aug.experiments.benchmark import evaluation
from lddm_aug.networks.vgg import VGGFeatures

CPU, SIZE, CLIPS = torch.device('cpu'), 32, 3


@pytest.fixture
def made(tmp_path: Path) -> tuple[RecognizerFeatures, dict[str, Any]]:
    network = evaluation._network(tmp_path, CPU)
    return network, evaluation.make_ways(tmp_path, network, SIZE, 16, CLIPS, CPU)


def test_each_baseline_is_the_part_of_the_whole_that_it_is_called(made, tmp_path, monkeypatch):
    _, ways = made
    # the backbone alone gives the features that the whole gives
    assert np.array_equal(ways['features'](), ways['backbone']().double().numpy())
    # VGG alone sees the frames of both clips that the distance sees, in as many passes
    seen: list[torch.Tensor] = []
    forward = VGGFeatures.forward
    monkeypatch.setattr(VGGFeatures, 'forward',
                        lambda self, images: seen.append(images) or forward(self, images))
    ways['distance']()
    of_the_whole, seen[:] = torch.cat(seen), []
    ways['vgg']()
    alone = torch.cat(seen)
    assert len(alone) == 2 * CLIPS * 4
    assert torch.equal(*(each.flatten(1).sort(dim=0)[0] for each in (of_the_whole, alone)))
    # the two-sample test describes both sets once, which is what its baseline does
    described = Counter()
    describe = clip_set.describe_clips
    monkeypatch.setattr(clip_set, 'describe_clips',
                        lambda clips: described.update([len(clips)]) or describe(clips))
    for _ in range(2):                               # nothing is kept from turn to turn
        assert 0 <= ways['two_sample']()['two_sample_auc'] <= 1
    assert described == {CLIPS: 4}
    assert [each.statistics.shape for each in ways['describe']()] == 2 * [(CLIPS, len(STATISTICS))]
    # the audit reads the files that its baseline reads, every time anew
    read = Counter()
    count = fingerprint.count_frames
    monkeypatch.setattr(fingerprint, 'count_frames',
                        lambda path: read.update([path.name]) or count(path))
    found = ways['audit']()
    assert found['counts']['items'] == CLIPS and audit_module.audit is evaluation.audit
    assert read == {f'{number}.mp4': 1 for number in range(CLIPS)}
    assert all(np.array_equal(frames, read_frames(tmp_path / f'{number}.mp4'))
               for number, frames in enumerate(ways['read']()))


def test_rows_hold_seconds_per_clip_beside_those_of_their_baselines(tmp_path, monkeypatch):
    names = [name for way, (baseline, _) in evaluation.WAYS.items() for name in (way, baseline)]
    monkeypatch.setattr(evaluation, 'make_ways', lambda *_: dict.fromkeys(names, lambda: None))
    seconds = {name: [CLIPS * (number + 2.), CLIPS * (number + 3.)]
               for number, name in enumerate(names)}
    monkeypatch.setattr(evaluation, 'take_turns', lambda ways, repeats, device: seconds)
    rows = evaluation.measure_evaluation(tmp_path, SIZE, 16, CLIPS, 2, command='typed')
    assert [(row['value'], row['baseline']) for row in rows] == [
        (number + 2.5, number + 3.5) for number in (0, 2, 4, 6)]
    assert all({*row} >= {'what', 'value', 'baseline', 'ratio', 'unit', 'device', 'command'}
               and row['unit'] == 'CPU s per clip' and row['command'] == 'typed' for row in rows)


def test_the_profile_is_written_into_a_file(tmp_path, monkeypatch, capsys):
    row = dict(what='x', value=1., baseline=2., ratio=0.5, unit='s', device='CPU', command='')
    monkeypatch.setattr(evaluation, 'measure_evaluation',
                        lambda *_: [row] if torch.ones(2).sum() else [])
    file = tmp_path / 'new' / 'profile.txt'
    run_tool('benchmark', ['evaluation', '--device', 'cpu', '--profile', str(file)])
    assert 'aten::sum' in file.read_text() and 'aten::sum' not in capsys.readouterr().out


@pytest.mark.parametrize('wrong', [dict(size=16), dict(frames=8), dict(clips=1)])
def test_numbers_that_make_no_sense_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=f'measure_evaluation: {next(iter(wrong))} .*from'):
        evaluation.measure_evaluation(tmp_path, **wrong)
