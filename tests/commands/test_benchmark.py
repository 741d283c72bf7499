import json

import lddm_aug  # noqa: F401  registers the parts
from lddm_aug.commands import run_tool
from lddm_aug.evaluation.cost import gflop_per_clip
from lddm_aug.experiments.benchmark.synthesis import _untrained


def test_rows_of_synthesis_agree_with_one_another(tmp_path, capsys):
    out = tmp_path / 'rows.json'
    run_tool('benchmark', ['synthesis', '--sizes', '64', '--repeats', '1',
                           '--device', 'cpu', '--out', str(out)])
    limit, _, decoder, whole, arithmetic, rate = json.loads(out.read_text())
    assert capsys.readouterr().out.count('\n') == 6
    assert decoder['value'] == whole['value'] and whole['baseline'] < decoder['baseline']
    assert arithmetic['value'] == gflop_per_clip(_untrained('lddm/lddm_distilled', 64, 16))
    assert rate['value'] == arithmetic['value'] * whole['value']
    assert rate['baseline'] == limit['value'] and {'torch', 'numpy'} <= {*rate['versions']}


def test_rows_of_training_split_an_iteration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / 'rows.json'
    run_tool('benchmark', ['training', '--iterations', '3', '--out', str(out)])
    rows = json.loads(out.read_text())
    for iteration, waiting in zip(rows[::2], rows[1::2], strict=True):
        assert 0 < waiting['value'] < iteration['value'] == waiting['baseline']
