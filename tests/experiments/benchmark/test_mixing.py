from __future__ import annotations

from pathlib import Path

import pytest

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

    rows = mixing.measure_mixing(tmp_path, 'tsm_small', size=16, batch_size=2, repeats=1,
                                 command='typed')

    assert [(row['value'], row['baseline'], row['ratio']) for row in rows] == [
        (7., 2., 3.5), (5., 2., 2.5), (3., 2., 1.5)]
    assert all('2 clips of 8 × 3 × 48 × 48' in row['what'] for row in rows)
    assert rows[0]['command'] == 'typed'


@pytest.mark.parametrize('changes, message', [
    (dict(batch_size=3), 'batch_size .*got 3'), (dict(repeats=0), 'got 0, 1 and 0')])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(ValueError, match=f'measure_mixing: .*{message}'):
        mixing.measure_mixing(tmp_path, **changes)
