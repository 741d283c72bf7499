from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lddm_aug.experiments.benchmark import mixing


def test_a_row_for_each_way_with_its_ratio_to_a_store(tmp_path: Path, monkeypatch):
    """On a clock that a step moves on by what its clips cost, in place of a real one."""
    costs = dict(zip(mixing.WAYS, (2., 7., 5., 3.), strict=True))
    clock = [0.]
    monkeypatch.setattr(mixing, '_clock', lambda *_: lambda: clock[0])
    build = mixing._build

    def timed(config, *args):
        way = build(config, *args)
        synthetic = config.train_dataloader.dataset.synthetic
        kind = synthetic.pipeline[1] if 'store' not in synthetic else {}
        name = {None: 'lddm_mix', 'SynthesizeClip': 'lddm_online'}.get(
            kind.get('type'), 'lddm_bank' if 'latents_per_still' in kind else 'lddm_device')
        step = way.model.train_step

        def train_step(batch, optimizer):
            origins = [sample.origin for sample in batch['data_samples']]
            assert origins == ['real', 'synthetic']
            step(batch, optimizer)
            clock[0] += costs[name]
        way.model.train_step = train_step
        return way
    monkeypatch.setattr(mixing, '_build', timed)
    monkeypatch.setattr(mixing, 'matrix_rate', lambda device: 50.)

    *rows, arithmetic = mixing.measure_mixing(tmp_path, 'tsm_small', size=16, batch_size=2,
                                              repeats=1, command='typed')

    assert [(row['value'], row['baseline'], row['ratio']) for row in rows] == [
        (7., 2., 3.5), (5., 2., 2.5), (3., 2., 1.5)]
    assert all('2 clips of 8 × 3 × 48 × 48' in row['what'] for row in rows)
    assert rows[0]['command'] == 'typed'
    assert arithmetic['baseline'] == 50 and 0 < arithmetic['value'] == arithmetic['ratio'] * 50


def test_the_arithmetic_of_a_step_is_that_of_its_convolutions(tmp_path: Path, monkeypatch):
    """A linear recognizer, whose FLOP are known, in place of TSM."""
    seconds = 2.
    clock = [0.]

    def now():
        clock[0] += seconds
        return clock[0]
    monkeypatch.setattr(mixing, '_clock', lambda *_: now)
    monkeypatch.setattr(mixing, 'matrix_rate', lambda device: 50.)
    build = mixing._build

    def linear(config, *args):
        way = build(config, *args)
        weight = torch.nn.Parameter(torch.zeros(300, 200))

        def train_step(batch, optimizer):
            (torch.ones(100, 300) @ weight).sum().backward()
        way.model.train_step = train_step
        return way
    monkeypatch.setattr(mixing, '_build', linear)
    *_, arithmetic = mixing.measure_mixing(tmp_path, 'tsm_small', size=16, batch_size=2, repeats=1)
    forward = 2 * 100 * 300 * 200                    # and as much for the weight's gradient
    assert arithmetic['value'] == pytest.approx(2 * forward / 1e9 / seconds)


@pytest.mark.parametrize('changes, message', [
    (dict(batch_size=3), 'batch_size .*got 3'), (dict(repeats=0), 'got 0, 1 and 0')])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(ValueError, match=f'measure_mixing: .*{message}'):
        mixing.measure_mixing(tmp_path, **changes)
