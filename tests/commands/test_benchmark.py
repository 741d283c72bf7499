import json

import lddm_aug  # noqa: F401  registers the parts
from lddm_aug.commands import run_tool
from lddm_aug.evaluation.cost import gflop_per_clip
from lddm_aug.experiments.benchmark import measure, synthesis
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
    for iteration, waiting, rate in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        assert 0 < waiting['value'] < iteration['value'] == waiting['baseline']
        assert 0 < rate['ratio'] < 1 and rate['unit'] == 'GFLOP/s'


def test_a_device_is_measured_by_one_command_whose_rows_join_others(tmp_path, monkeypatch):
    monkeypatch.setitem(measure.MATRIX, 'cpu', 64)
    monkeypatch.setattr(measure, 'COPIED', 2 ** 20)
    monkeypatch.setattr(synthesis, 'take_turns', lambda ways, repeats, device: {
        name: [number + 1.] for number, name in enumerate(ways)})
    out = tmp_path / 'rows.json'
    out.write_text('[{"what": "mine"}]')
    run_tool('benchmark', ['device', '--size', '64', '--batch-sizes', '1', '2', '--recognizer',
                           'tsm_small', '--clips', '2', '--repeats', '1', '--device', 'cpu',
                           '--out', str(out)])
    mine, *rows = json.loads(out.read_text())
    names = [row['what'] for row in rows]
    assert mine == dict(what='mine') and len({*names}) == len(names)
    for shape, batch in (('16×64×64, w', 1), ('16×64×64, 2 at once', 2), ('16×64×64, bf16, w', 1),
                         ('16×64×64, bf16, 2 at once', 2)):
        [row] = [row for row in rows if shape in row['what'] and 'the decoder' in row['what']]
        assert (row['value'], row['baseline'], row['ratio']) == (batch, batch / 2, 2)
    assert [row['baseline'] is None for row in rows].count(True) == 3    # float32, bfloat16, memory
    assert sum('half of them' in name for name in names) == 4
